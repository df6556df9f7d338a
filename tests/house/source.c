/* source.c - walks the folders of the product, reads each file whole and blanks what is no code. */
#include "tests/house/source.h"

#include <ctype.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "tests/harness/harness.h"

/* Blanks a comment; its end. */
static char *blank_comment(char *at)
{
	bool is_line = at[1] == '/';
	char *end = strstr(at + 2, is_line ? "\n" : "*/");

	end = !end ? at + strlen(at) : is_line ? end : end + 2;
	for (; at < end; at++) {
		if (*at != '\n')
			*at = ' ';
	}
	return end;
}

/* Past the quote that closes the one at `at`. */
static char *blank_quoted(char *at)
{
	char quote = *at++;

	while (*at && *at != quote) {
		if (*at == '\\' && at[1])
			*at++ = '_';
		*at++ = '_';
	}
	return *at ? at + 1 : at;
}

char *source_code_of(const char *text)
{
	char *code = strdup(text);
	char *at = code;

	ck_assert_ptr_nonnull(code);
	while (*at) {
		if (at[0] == '/' && (at[1] == '/' || at[1] == '*'))
			at = blank_comment(at);
		else if (*at == '"' || *at == '\'')
			at = blank_quoted(at);
		else
			at++;
	}
	return code;
}

/* Calls `each` with the path and the text of every .c and .h file of the product; the text is freed after. */
static void each_text(void (*each)(void *context, const char *path, const char *text), void *context)
{
	char *const roots[] = { "core", "db", "probes", "scenarios", "reports", "cli", NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t files = 0;

	ck_assert_ptr_nonnull(tree);
	for (FTSENT *entry = fts_read(tree); entry; entry = fts_read(tree)) {
		const char *dot = strrchr(entry->fts_name, '.');
		struct error e = ERROR_INIT;
		size_t length;
		char *text;

		if (entry->fts_info != FTS_F || !dot || (strcmp(dot, ".c") != 0 && strcmp(dot, ".h") != 0))
			continue;
		text = file_read_whole(entry->fts_path, &length, &e);
		ck_assert_ok(text, &e);
		each(context, entry->fts_path, text);
		free(text);
		files++;
	}
	fts_close(tree);
	ck_assert_msg(files > 20, "only %zu files seen: run the test from the root of the tree", files);
}

struct visit {
	void (*each)(void *context, const char *path, const char *text);
	void *context;
};

static void visit_code(void *context, const char *path, const char *text)
{
	const struct visit *visit = context;
	char *code = source_code_of(text);

	visit->each(visit->context, path, code);
	free(code);
}

void source_each(void (*each)(void *context, const char *path, const char *code), void *context)
{
	each_text(visit_code, &(struct visit) { .each = each, .context = context });
}

static void visit_includes(void *context, const char *path, const char *text)
{
	const struct visit *visit = context;
	char included[512];

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, " # include \"%511[^\"]\"", included) == 1)
			visit->each(visit->context, path, included);
	}
}

void source_each_include(void (*each)(void *context, const char *path, const char *included), void *context)
{
	each_text(visit_includes, &(struct visit) { .each = each, .context = context });
}

unsigned source_line(const char *code, const char *at)
{
	unsigned line = 1;

	for (; code < at; code++)
		line += *code == '\n';
	return line;
}

const char *source_close(const char *open)
{
	size_t depth = 0;

	for (; *open; open++) {
		if (strchr("{([", *open))
			depth++;
		else if (strchr("})]", *open) && --depth == 0)
			break;
	}
	return open;
}

const char *source_skip_space(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

const char *source_skip_word(const char *at)
{
	while (isalnum((unsigned char)*at) || *at == '_')
		at++;
	return at;
}

const char *source_find_word(const char *at, const char *word)
{
	size_t length = strlen(word);
	const char *from = at;

	for (at = strstr(at, word); at; at = strstr(at + length, word)) {
		if ((at == from || source_skip_word(at - 1) == at - 1) && source_skip_word(at + length) == at + length)
			return at;
	}
	return NULL;
}
