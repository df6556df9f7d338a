/* Rows of tables name their members. A table is an array of structs with an initialiser; a row is a pair of braces in it. Rows that
 * a macro makes are not seen: the macro names the members. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"
#include "tests/house/source.h"

/* The brace that opens the initialiser of an array of structs whose type begins at the word struct; NULL if it is none. */
static const char *table_at(const char *at)
{
	const char *name;

	at = source_skip_space(at + strlen("struct"));
	at = source_skip_space(source_skip_word(at));
	if (*at == '{') {
		at = source_close(at);
		at = source_skip_space(*at ? at + 1 : at);
	}
	if (strncmp(at, "const ", 6) == 0)
		at = source_skip_space(at + 6);
	name = at;
	at = source_skip_space(source_skip_word(at));
	if (at == name || *at != '[')
		return NULL;
	at = source_close(at);
	at = source_skip_space(*at ? at + 1 : at);
	if (*at != '=')
		return NULL;
	at = source_skip_space(at + 1);
	return *at == '{' ? at : NULL;
}

/* Past the comma that ends the row, or at the brace that closes the table. */
static const char *next_row(const char *at)
{
	while (*at && *at != ',' && *at != '}')
		at = strchr("{([", *at) && *source_close(at) ? source_close(at) + 1 : at + 1;
	return *at == ',' ? at + 1 : at;
}

static bool is_positional(const char *row)
{
	if (*row == '[') {
		row = source_close(row);
		row += *row == ']';
		row = source_skip_space(row);
		row = source_skip_space(row + (*row == '='));
	}
	if (*row != '{')
		return false;
	row = source_skip_space(row + 1);
	return *row != '.' && *row != '}';
}

static size_t positional_rows(const char *path, const char *code)
{
	size_t count = 0;

	for (const char *at = source_find_word(code, "struct"); at; at = source_find_word(at + 1, "struct")) {
		const char *row = table_at(at);

		if (!row)
			continue;
		for (row = source_skip_space(row + 1); *row && *row != '}'; row = source_skip_space(next_row(row))) {
			if (!is_positional(row))
				continue;
			if (path)
				fprintf(stderr, "%s:%u: a row without the names of its members\n", path,
					source_line(code, row));
			count++;
		}
	}
	return count;
}

static void count_rows(void *context, const char *path, const char *code)
{
	size_t *count = context;

	*count += positional_rows(path, code);
}

START_TEST(rows_of_tables_name_their_members)
{
	size_t count = 0;

	source_each(count_rows, &count);
	ck_assert_uint_eq(count, 0);
}
END_TEST

static size_t rows_in(const char *text)
{
	char *code = source_code_of(text);
	size_t count = positional_rows(NULL, code);

	free(code);
	return count;
}

START_TEST(the_rule_sees_positional_rows_and_nothing_else)
{
	ck_assert_uint_eq(rows_in("static const struct word words[] = { { \"a, {\", 1 }, { .word = \"b\" }, { f(1, 2), 3 } };"),
			  2);
	ck_assert_uint_eq(rows_in("struct { int a, b; } rows[COUNT] = {\n\t[FIRST] = { 1, 2 }, [SECOND] = { .a = 1 },\n};"), 1);
	ck_assert_uint_eq(rows_in("static struct row const rows[] = { { NULL } };"), 1);
	ck_assert_uint_eq(rows_in("struct row rows[] = { ROW(1, 2), /* { 1, 2 }, */ { .next = { 1, 2 } }, { } };"), 0);
	ck_assert_uint_eq(rows_in("static const char *const names[][2] = { { \"a\", \"b\" } }; struct row row = { 1, 2 };"), 0);
}
END_TEST

HARNESS_SUITE(tables_suite)
{
	Suite *suite = suite_create("tables");
	TCase *tests = tcase_create("rows");

	tcase_add_test(tests, rows_of_tables_name_their_members);
	tcase_add_test(tests, the_rule_sees_positional_rows_and_nothing_else);
	suite_add_tcase(suite, tests);
	return suite;
}
