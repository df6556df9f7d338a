/* census.c - cases counted and compared.
 *
 * A folder without a reader is walked with fts: tables are counted by their lines, because their rows are their cases; what
 * has no rows counts as a file. That is a lower bound of what a reader would check later, and enough to notice a folder that
 * lost data. Lists are short, so rows are found by going through them.
 */
#include "tests/conformance/census.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "tests/conformance/part.h"

bool census_add(struct census *census, const char *name, size_t cases, struct error *e)
{
	struct census_row *row;

	if (!array_reserve(&census->rows, &census->capacity, census->count + 1, sizeof(*census->rows), e))
		return false;
	row = &census->rows[census->count];
	if ((size_t)snprintf(row->name, sizeof(row->name), "%s", name) >= sizeof(row->name)) {
		error_set(e, ERROR_FORMAT, "%s: a part's name has at most %zu characters", name, sizeof(row->name) - 1);
		return false;
	}
	row->cases = cases;
	census->count++;
	return true;
}

void census_free(struct census *census)
{
	free(census->rows);
	*census = (struct census) { 0 };
}

static bool ends_with(const char *text, size_t length, const char *ending)
{
	size_t ending_length = strlen(ending);

	return length >= ending_length && memcmp(text + length - ending_length, ending, ending_length) == 0;
}

static size_t lines_of(const char *text, size_t length)
{
	size_t lines = 0;

	for (const char *at = text; (at = memchr(at, '\n', length - (size_t)(at - text))); at++)
		lines++;
	return lines + (length > 0 && text[length - 1] != '\n');
}

static bool cases_of_file(const FTSENT *entry, size_t *cases, struct error *e)
{
	const char *name = entry->fts_name;
	size_t name_length = strlen(name);
	size_t length;
	char *text;
	bool table;

	if (strcmp(name, "README.md") == 0)
		return true;
	if (ends_with(name, name_length, ".gz"))
		name_length -= 3;
	table = ends_with(name, name_length, ".csv") || ends_with(name, name_length, ".tsv");
	if (!table && !ends_with(name, name_length, ".jsonl")) {
		*cases += 1;
		return true;
	}
	text = part_read_path(entry->fts_path, &length, e);
	if (!text)
		return false;
	length = lines_of(text, length);
	*cases += table && length > 0 ? length - 1 : length;
	free(text);
	return true;
}

bool census_cases_below(const char *folder, size_t *cases, struct error *e)
{
	char *path = strdup(folder);
	char *const roots[] = { path, NULL };
	FTS *tree = path ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	bool fine = tree;

	*cases = 0;
	if (!tree)
		error_set(e, ERROR_IO, "%s: cannot be walked", folder);
	for (FTSENT *entry = tree ? fts_read(tree) : NULL; fine && entry; entry = fts_read(tree)) {
		if (entry->fts_info == FTS_F)
			fine = cases_of_file(entry, cases, e);
	}
	if (tree)
		fts_close(tree);
	free(path);
	return fine;
}

bool census_read(struct census *listed, const char *path, struct error *e)
{
	size_t length;
	char *text = file_read_whole(path, &length, e);
	char *rest = NULL;
	bool fine = text;

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; fine && line; line = strtok_r(NULL, "\n", &rest)) {
		char name[64];
		size_t cases;

		if (line[0] == '#')
			continue;
		fine = sscanf(line, "%63s %zu", name, &cases) == 2;
		if (!fine)
			error_set(e, ERROR_FORMAT, "%s: \"%s\" is not `NAME CASES`", path, line);
		else
			fine = census_add(listed, name, cases, e);
	}
	if (fine && listed->count == 0) {
		error_set(e, ERROR_FORMAT, "%s lists no part", path);
		fine = false;
	}
	free(text);
	return fine;
}

static const struct census_row *row_called(const struct census *census, const char *name)
{
	for (size_t i = 0; i < census->count; i++) {
		if (strcmp(census->rows[i].name, name) == 0)
			return &census->rows[i];
	}
	return NULL;
}

size_t census_compare(const struct census *listed, const struct census *seen)
{
	size_t lacking = 0;

	for (size_t i = 0; i < listed->count; i++) {
		const struct census_row *wanted = &listed->rows[i];
		const struct census_row *found = row_called(seen, wanted->name);

		if (!found)
			printf("%s: VANISHED: %zu cases are listed\n", wanted->name, wanted->cases);
		else if (found->cases < wanted->cases)
			printf("%s: CASES VANISHED: %zu of %zu listed\n", wanted->name, found->cases, wanted->cases);
		else if (found->cases > wanted->cases)
			printf("%s: %zu cases more than listed\n", wanted->name, found->cases - wanted->cases);
		lacking += !found || found->cases < wanted->cases;
	}
	for (size_t i = 0; i < seen->count; i++) {
		if (!row_called(listed, seen->rows[i].name))
			printf("%s: not listed: %zu cases\n", seen->rows[i].name, seen->rows[i].cases);
	}
	return lacking;
}
