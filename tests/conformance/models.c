#include "tests/conformance/models.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "tests/conformance/part.h"

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct models_names *names, const char *name, size_t length, struct error *e)
{
	if (!array_reserve(&names->names, &names->capacity, names->count + 1, sizeof(*names->names), e))
		return false;
	names->names[names->count] = string_copy_n(name, length, e);
	return names->names[names->count] && ++names->count;
}

bool models_list(const char *folder, const char *ending, struct models_names *names, struct error *e)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool fine = true;

	*names = (struct models_names) { .names = NULL };
	while (dir && fine && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (length > strlen(ending) && strcmp(entry->d_name + length - strlen(ending), ending) == 0)
			fine = add_name(names, entry->d_name, length - strlen(ending), e);
	}
	if (dir)
		closedir(dir);
	if (names->count)
		qsort(names->names, names->count, sizeof(*names->names), compare_names);
	return fine;
}

void models_names_free(struct models_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

/* ---- manifests ---- */

static bool read_shape(const char *text, struct tensor_row *row)
{
	uint64_t elements = 1;

	if (strcmp(text, "scalar") != 0) {
		for (const char *at = text; at; at = strchr(at, 'x') ? strchr(at, 'x') + 1 : NULL) {
			if (row->rank == TENSOR_RANK_MAX)
				return false;
			row->shape[row->rank] = strtoll(at, NULL, 10);
			elements *= (uint64_t)row->shape[row->rank++];
		}
	}
	row->size_bytes = elements * dtype_bits(row->dtype) / 8;
	return true;
}

static bool read_row(struct manifest *manifest, char *line, struct error *e)
{
	struct tensor_row row = { .name = strsep(&line, "\t") };
	const char *dtype = strsep(&line, "\t");

	if (!line || !dtype_from_name(dtype, &row.dtype) || !read_shape(line, &row))
		return error_set(e, ERROR_FORMAT, "%s: not a name, a type and a shape", row.name);
	if (!array_reserve(&manifest->rows, &manifest->capacity, manifest->count + 1, sizeof(row), e))
		return false;
	manifest->rows[manifest->count++] = row;
	return tensor_table_add(&manifest->table, &row, e);
}

bool manifest_read(struct manifest *manifest, const char *folder, const char *file, struct error *e)
{
	size_t length;
	char *rest;
	bool fine = true;

	*manifest = (struct manifest) { .text = part_read(folder, file, &length, e) };
	rest = manifest->text;
	if (!rest)
		return false;
	for (char *line; fine && (line = strsep(&rest, "\n"));)
		fine = !*line || read_row(manifest, line, e);
	tensor_table_sort(&manifest->table);
	if (!fine)
		manifest_free(manifest);
	return fine;
}

void manifest_free(struct manifest *manifest)
{
	tensor_table_free(&manifest->table);
	free(manifest->rows);
	free(manifest->text);
}

/* ---- the index ---- */

/* Takes one cell off the line; quotes go. */
static char *next_cell(char **rest)
{
	char *cell = *rest;
	char *to = cell;
	bool quoted = false;

	for (char *at = cell; *at; at++) {
		if (*at == '"') {
			quoted = !quoted;
		} else if (*at == ',' && !quoted) {
			*rest = at + 1;
			*to = '\0';
			return cell;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
	*rest = to;
	return cell;
}

static json_t *index_row(json_t *columns, char *line)
{
	json_t *row = json_object();

	for (size_t i = 0; i < json_array_size(columns); i++)
		json_object_set_new(row, json_string_value(json_array_get(columns, i)), json_string(next_cell(&line)));
	return row;
}

json_t *models_index(const char *folder, struct error *e)
{
	size_t length;
	struct error absent = ERROR_INIT;
	char *text = part_read(folder, "INDEX.csv", &length, &absent);
	char *rest = text;
	char *line = text ? strsep(&rest, "\n") : NULL;
	json_t *columns = json_array();
	json_t *index = json_object();

	(void)e;
	while (line && *line)
		json_array_append_new(columns, json_string(next_cell(&line)));
	while (rest && (line = strsep(&rest, "\n"))) {
		json_t *row = *line ? index_row(columns, line) : NULL;

		if (row)
			json_object_set_new(index, json_string_value(json_object_get(row, "name")), row);
	}
	json_decref(columns);
	free(text);
	return index;
}

bool models_equal(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (!a || !b || json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_array(a)) {
		bool same = json_array_size(a) == json_array_size(b);

		for (size_t i = 0; same && i < json_array_size(a); i++)
			same = models_equal(json_array_get(a, i), json_array_get(b, i));
		return same;
	}
	if (!json_is_object(a))
		return json_equal(a, b);
	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)(uintptr_t)a, key, value)
	{
		if (!models_equal(value, json_object_get(b, key)))
			return false;
	}
	return true;
}
