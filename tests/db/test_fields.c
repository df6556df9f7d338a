/* test_fields.c - whoever speaks of a record's fields besides their list agrees with it: the migrations, the probe node, the page.
 *
 * The lists are read through record_layouts. A store is made by every migration and its tables are asked for their columns; the
 * probe's sources are searched for each journal.put("record", key=...), whose keys are those of the wire. The probe may send `cell`,
 * which the reader replaces by its own. A model's line is a dictionary, `known.record`, and `keep`.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "db/records/layout.h"
#include "db/store.h"
#include "tests/harness/harness.h"

#define LIST_MAX 4096

/* " a b c ", so that a word is found with a space on both sides. */
struct names {
	char text[LIST_MAX];
};

static bool names_have(const struct names *names, const char *name)
{
	char word[128];

	ck_assert_int_lt(snprintf(word, sizeof(word), " %s ", name), (int)sizeof(word));
	return strstr(names->text, word) != NULL;
}

static void names_add(struct names *names, const char *name, size_t length)
{
	size_t used = strlen(names->text);

	ck_assert_uint_lt(used + length + 2, sizeof(names->text));
	snprintf(names->text + used, sizeof(names->text) - used, "%s%.*s ", used ? "" : " ", (int)length, name);
}

static size_t names_count(const struct names *names)
{
	size_t spaces = 0;

	for (const char *p = names->text; *p; p++)
		spaces += *p == ' ';
	return spaces ? spaces - 1 : 0;
}

/* ---- the store ---- */

/* Columns that the store fills itself, not from the record of their table. */
static void add_own_columns(struct names *names, enum record_type type)
{
	const struct record_layout *layout = &record_layouts[type];

	if (type != RECORD_RUN)
		names_add(names, "run", strlen("run"));
	if (layout->numbering != NUMBERED_NOT)
		names_add(names, "number", strlen("number"));
	if (type == RECORD_RUN || type == RECORD_CELL)
		names_add(names, "dropped", strlen("dropped"));
	for (size_t i = 0; type == RECORD_RUN && i < record_layouts[RECORD_RUN_END].field_count; i++) {
		const char *name = record_layouts[RECORD_RUN_END].fields[i].name;

		names_add(names, name, strlen(name));
	}
}

/* What only the rules read, of records that are stored. */
static bool is_meant_not_to_be_stored(const char *record, const char *field)
{
	static const char *const pairs[][2] = { { "model", "identity" }, { "allocation", "differs" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (strcmp(record, pairs[i][0]) == 0 && strcmp(field, pairs[i][1]) == 0)
			return true;
	}
	return false;
}

static void check_columns(struct store *store, enum record_type type)
{
	const struct record_layout *layout = &record_layouts[type];
	struct names expected = { .text = "" };
	struct error e = ERROR_INIT;
	sqlite3_stmt *statement = store_prepare(store, "SELECT name FROM pragma_table_info(?1)", &e);
	size_t columns = 0;

	ck_assert_ok(statement, &e);
	add_own_columns(&expected, type);
	for (size_t i = 0; i < layout->field_count; i++) {
		if (!layout->fields[i].column) {
			ck_assert_msg(is_meant_not_to_be_stored(layout->name, layout->fields[i].name), "%s.%s has no column",
				      layout->name, layout->fields[i].name);
			continue;
		}
		names_add(&expected, layout->fields[i].column, strlen(layout->fields[i].column));
	}
	sqlite3_bind_text(statement, 1, layout->table, -1, SQLITE_STATIC);
	while (sqlite3_step(statement) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(statement, 0);

		ck_assert_msg(names_have(&expected, column), "the migrations make %s.%s; the list of fields has none",
			      layout->table, column);
		columns++;
	}
	sqlite3_finalize(statement);
	ck_assert_msg(columns == names_count(&expected), "the migrations make %zu columns of %s, the list of fields %zu:%s",
		      columns, layout->table, names_count(&expected), expected.text);
}

START_TEST(the_migrations_make_exactly_the_columns_of_the_lists)
{
	struct error e = ERROR_INIT;
	char *folder = harness_make_folder();
	char path[256];
	struct store *store;

	snprintf(path, sizeof(path), "%s/store.db", folder);
	store = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(store, &e);
	for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
		if (record_layouts[type].table)
			check_columns(store, (enum record_type)type);
	}
	store_close(store);
	harness_remove_folder(folder);
}
END_TEST

/* ---- the probe node ---- */

static char *source(const char *path)
{
	struct error e = ERROR_INIT;
	size_t length = 0;
	char *text = file_read_whole(path, &length, &e);

	ck_assert_ok(text, &e);
	ck_assert_msg(text[length] == '\0', "file_read_whole ends its text");
	return text;
}

/* Keywords of a call, at the depth of its own parentheses: `name=` behind a comma. */
static void add_keywords(struct names *names, const char *at)
{
	int depth = 0;
	bool quoted = false;

	for (; depth >= 0; at++) {
		ck_assert_msg(*at, "a call of journal.put does not end");
		quoted ^= *at == '"';
		if (quoted)
			continue;
		depth += (*at == '(' || *at == '[' || *at == '{') - (*at == ')' || *at == ']' || *at == '}');
		if (depth == 0 && *at == ',') {
			const char *word = at + 1 + strspn(at + 1, " \n");
			size_t length = 0;

			while (isalnum((unsigned char)word[length]) || word[length] == '_')
				length++;
			if (length && word[length] == '=' && word[length + 1] != '=')
				names_add(names, word, length);
		}
	}
}

/* Keys of the dictionary that opens at `at`, one a line. */
static void add_keys(struct names *names, const char *at)
{
	const char *end = strchr(at, '}');

	for (at = strchr(at, '\n'); at && at < end; at = strchr(at + 1, '\n')) {
		const char *key = at + 1 + strspn(at + 1, " ");

		if (*key == '"')
			names_add(names, key + 1, strcspn(key + 1, "\""));
	}
}

static void check_keys(const struct record_layout *layout, const struct names *sent)
{
	size_t on_wire = 0;

	for (size_t i = 0; i < layout->field_count; i++) {
		if (!record_wire_is_sent(layout->fields[i].wire))
			continue;
		ck_assert_msg(names_have(sent, layout->fields[i].name), "the probe's %s has no %s", layout->name,
			      layout->fields[i].name);
		on_wire++;
	}
	ck_assert_msg(names_count(sent) == on_wire + names_have(sent, "cell"),
		      "the probe's %s has%s; the list of fields sends %zu", layout->name, sent->text, on_wire);
}

/* What follows the record's name in a call of journal.put; NULL where the call puts another record. */
static const char *behind_name(const char *arguments, const char *name)
{
	const char *first = arguments + strspn(arguments, " \n");
	size_t length = strlen(name);

	return first[0] == '"' && strncmp(first + 1, name, length) == 0 && first[length + 1] == '"' ? first + length + 2 : NULL;
}

/* Checks every call that puts the record; returns how many there are. */
static unsigned check_calls(const struct record_layout *layout, const char *text)
{
	static const char opening[] = "journal.put(";
	static const char unpacked[] = ", **known.record";
	unsigned calls = 0;

	for (const char *at = text; (at = strstr(at, opening));) {
		const char *rest = behind_name(at + strlen(opening), layout->name);
		struct names sent = { .text = "" };

		at += strlen(opening);
		if (!rest)
			continue;
		add_keywords(&sent, rest);
		if (strncmp(rest, unpacked, strlen(unpacked)) == 0) {
			const char *dictionary = strstr(text, "known.record = {");

			ck_assert_ptr_nonnull(dictionary);
			add_keys(&sent, dictionary);
		}
		check_keys(layout, &sent);
		calls++;
	}
	return calls;
}

START_TEST(the_probe_node_sends_exactly_the_fields_of_the_wire)
{
	char *observe = source("probes/comfyui/observe.py");
	char *hooks = source("probes/comfyui/hooks.py");
	unsigned on_wire = 0;

	for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
		const struct record_layout *layout = &record_layouts[type];
		unsigned calls = check_calls(layout, observe) + check_calls(layout, hooks);

		ck_assert_msg((calls > 0) == layout->on_wire, "%s: the probe puts it in %u places, the lists say it %s",
			      layout->name, calls, layout->on_wire ? "comes by wire" : "does not come by wire");
		on_wire += layout->on_wire;
	}
	ck_assert_uint_eq(on_wire, 13);
	free(observe);
	free(hooks);
}
END_TEST

/* ---- the page ---- */

/* The page's row of a record: its name, its table, the columns that it fills, the keys that its line on the wire has. */
static void print_row(char *row, size_t size, const struct record_layout *layout)
{
	struct names columns = { .text = "" };
	struct names keys = { .text = "" };

	for (size_t i = 0; i < layout->field_count; i++) {
		const struct record_field *field = &layout->fields[i];

		if (field->column)
			names_add(&columns, field->column, strlen(field->column));
		if (record_wire_is_sent(field->wire))
			names_add(&keys, field->name, strlen(field->name));
	}
	ck_assert_int_lt(snprintf(row, size, "| %s | %s |%s|%s|\n", layout->name, layout->table ? layout->table : "",
				  columns.text[0] ? columns.text : " ", keys.text[0] ? keys.text : " "),
			 (int)size);
}

START_TEST(the_page_lists_every_record_with_its_columns_and_keys)
{
	char *page = source("db/RECORDS.md");
	char schema[32];

	for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
		char row[LIST_MAX];

		print_row(row, sizeof(row), &record_layouts[type]);
		ck_assert_msg(strstr(page, row), "db/RECORDS.md does not have this row:\n%s", row);
	}
	snprintf(schema, sizeof(schema), "| wire | %d |", RECORD_SCHEMA);
	ck_assert_msg(strstr(page, schema), "db/RECORDS.md does not say \"%s\"", schema);
	snprintf(schema, sizeof(schema), "| store | %d |", store_schema_newest());
	ck_assert_msg(strstr(page, schema), "db/RECORDS.md does not say \"%s\"", schema);
	free(page);
}
END_TEST

HARNESS_SUITE(fields_suite)
{
	Suite *suite = suite_create("fields");
	TCase *tests = tcase_create("fields");

	tcase_add_test(tests, the_migrations_make_exactly_the_columns_of_the_lists);
	tcase_add_test(tests, the_probe_node_sends_exactly_the_fields_of_the_wire);
	tcase_add_test(tests, the_page_lists_every_record_with_its_columns_and_keys);
	suite_add_tcase(suite, tests);
	return suite;
}
