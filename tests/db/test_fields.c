/* test_fields.c - whoever speaks of a record's fields besides their list agrees with it: the migrations, the probe node, the page.
 *
 * The lists are read through record_layouts. A database is made by every migration and its tables are asked for their columns; the
 * probe's sources are searched for each journal.put("record", key=...), whose keys are those of the wire. The probe may send `cell`,
 * which the reader replaces by its own. A model's line is a dictionary, `known.record`, and `keep`. Each check counts faults in the
 * text that it is given, so that it is also tried on copies with one thing changed.
 */
#include <ctype.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/embed.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
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

/* What a check found wrong. */
struct faults {
	size_t count;
	char first[LIST_MAX];
};

__attribute__((format(printf, 2, 3))) static void fault(struct faults *faults, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (faults->count++ == 0)
		vsnprintf(faults->first, sizeof(faults->first), format, arguments);
	va_end(arguments);
}

static char *source(const char *path)
{
	struct error e = ERROR_INIT;
	size_t length = 0;
	char *text = file_read_whole(path, &length, &e);

	ck_assert_ok(text, &e);
	ck_assert_msg(text[length] == '\0', "file_read_whole ends its text");
	return text;
}

/* A copy of the text in which the first `was`, which must be there, has become `is`. The caller frees. */
static char *changed(const char *text, const char *was, const char *is)
{
	const char *at = strstr(text, was);
	struct strbuf copy = STRBUF_INIT;

	ck_assert_msg(at, "there is no \"%s\" to change", was);
	strbuf_append_n(&copy, text, (size_t)(at - text));
	strbuf_append(&copy, is);
	strbuf_append(&copy, at + strlen(was));
	return strbuf_finish(&copy, NULL);
}

/* ---- the migrations ---- */

extern const struct embedded_file db_schema[];

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

/* The type that a migration must give a column of a field. */
static const char *stored_type(enum field_type type)
{
	if (type == FIELD_DOUBLE)
		return "REAL";
	return type < FIELD_TEXT ? "INTEGER" : "TEXT";
}

static const struct record_field *field_of_column(const struct record_layout *layout, const char *column)
{
	for (size_t i = 0; i < layout->field_count; i++) {
		if (layout->fields[i].column && strcmp(layout->fields[i].column, column) == 0)
			return &layout->fields[i];
	}
	return NULL;
}

static void expect_columns(struct names *expected, enum record_type type, struct faults *faults)
{
	const struct record_layout *layout = &record_layouts[type];

	add_own_columns(expected, type);
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct record_field *field = &layout->fields[i];

		if (field->column)
			names_add(expected, field->column, strlen(field->column));
		else if (!is_meant_not_to_be_stored(layout->name, field->name))
			fault(faults, "%s.%s has no column", layout->name, field->name);
	}
}

static void check_columns(sqlite3 *db, enum record_type type, struct faults *faults)
{
	const struct record_layout *layout = &record_layouts[type];
	struct names expected = { .text = "" };
	sqlite3_stmt *statement;
	size_t columns = 0;

	expect_columns(&expected, type, faults);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT name, type FROM pragma_table_info(?1)", -1, &statement, NULL),
			 SQLITE_OK);
	sqlite3_bind_text(statement, 1, layout->table, -1, SQLITE_STATIC);
	for (; sqlite3_step(statement) == SQLITE_ROW; columns++) {
		const char *column = (const char *)sqlite3_column_text(statement, 0);
		const char *made = (const char *)sqlite3_column_text(statement, 1);
		const struct record_field *field = field_of_column(layout, column);

		if (!names_have(&expected, column))
			fault(faults, "the migrations make %s.%s; the list of fields has none", layout->table, column);
		else if (field && strcmp(made, stored_type(field->type)) != 0)
			fault(faults, "the migrations make %s.%s a %s; the list of fields stores a %s", layout->table, column,
			      made, stored_type(field->type));
	}
	sqlite3_finalize(statement);
	if (columns != names_count(&expected))
		fault(faults, "the migrations make %zu columns of %s, the list of fields %zu:%s", columns, layout->table,
		      names_count(&expected), expected.text);
}

static char *all_migrations(void)
{
	struct strbuf sql = STRBUF_INIT;

	for (const struct embedded_file *file = db_schema; file->name; file++)
		strbuf_append_n(&sql, file->bytes, embed_length(file));
	return strbuf_finish(&sql, NULL);
}

static void check_migrations(const char *sql, struct faults *faults)
{
	char *why = NULL;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%s", why);
	for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
		if (record_layouts[type].table)
			check_columns(db, (enum record_type)type, faults);
	}
	sqlite3_close(db);
}

START_TEST(the_migrations_make_exactly_the_columns_of_the_lists)
{
	struct faults faults = { .count = 0 };
	char *sql = all_migrations();

	check_migrations(sql, &faults);
	ck_assert_msg(faults.count == 0, "%s", faults.first);
	free(sql);
}
END_TEST

/* One thing that is changed in a copy, and a piece of what the check then says. */
struct change {
	const char *was, *is, *says;
};

static const struct change migration_changes[] = {
	{ .was = "\tbytes_elsewhere INTEGER,\n", .is = "", .says = "columns of residency, the list of fields" },
	{ .was = "\tbytes_elsewhere INTEGER",
	  .is = "\tbytes_away INTEGER",
	  .says = "residency.bytes_away; the list of fields has none" },
	{ .was = "\tbytes_elsewhere INTEGER", .is = "\tbytes_elsewhere TEXT", .says = "residency.bytes_elsewhere a TEXT" },
	{ .was = "\tbandwidth_bytes_per_s REAL", .is = "\tbandwidth_bytes_per_s INTEGER", .says = "stores a REAL" },
};

START_TEST(a_migration_that_drops_renames_or_retypes_a_column_is_noticed)
{
	const struct change *change = &migration_changes[_i];
	struct faults faults = { .count = 0 };
	char *sql = all_migrations();
	char *copy = changed(sql, change->was, change->is);

	check_migrations(copy, &faults);
	ck_assert_uint_gt(faults.count, 0);
	ck_assert_msg(strstr(faults.first, change->says), "%s", faults.first);
	free(copy);
	free(sql);
}
END_TEST

/* ---- the probe node ---- */

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

static void check_keys(const struct record_layout *layout, const struct names *sent, struct faults *faults)
{
	size_t on_wire = 0;

	for (size_t i = 0; i < layout->field_count; i++) {
		if (!record_wire_is_sent(layout->fields[i].wire))
			continue;
		if (!names_have(sent, layout->fields[i].name))
			fault(faults, "the probe's %s has no %s", layout->name, layout->fields[i].name);
		on_wire++;
	}
	if (names_count(sent) != on_wire + names_have(sent, "cell"))
		fault(faults, "the probe's %s has%s; the list of fields sends %zu", layout->name, sent->text, on_wire);
}

/* What follows the record's name in a call of journal.put; NULL where the call puts another record. */
static const char *behind_name(const char *arguments, const char *name)
{
	const char *first = arguments + strspn(arguments, " \n");
	size_t length = strlen(name);

	return first[0] == '"' && strncmp(first + 1, name, length) == 0 && first[length + 1] == '"' ? first + length + 2 : NULL;
}

/* Checks every call that puts the record; returns how many there are. */
static unsigned check_calls(const struct record_layout *layout, const char *text, struct faults *faults)
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
		check_keys(layout, &sent, faults);
		calls++;
	}
	return calls;
}

/* Returns how many records come by wire. */
static unsigned check_probe(const char *observe, const char *hooks, struct faults *faults)
{
	unsigned on_wire = 0;

	for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
		const struct record_layout *layout = &record_layouts[type];
		unsigned calls = check_calls(layout, observe, faults) + check_calls(layout, hooks, faults);

		if ((calls > 0) != layout->on_wire)
			fault(faults, "%s: the probe puts it in %u places, the lists say it %s", layout->name, calls,
			      layout->on_wire ? "comes by wire" : "does not come by wire");
		on_wire += layout->on_wire;
	}
	return on_wire;
}

START_TEST(the_probe_node_sends_exactly_the_fields_of_the_wire)
{
	char *observe = source("probes/comfyui/observe.py");
	char *hooks = source("probes/comfyui/hooks.py");
	struct faults faults = { .count = 0 };

	ck_assert_uint_eq(check_probe(observe, hooks, &faults), 13);
	ck_assert_msg(faults.count == 0, "%s", faults.first);
	free(observe);
	free(hooks);
}
END_TEST

static const struct change probe_changes[] = {
	{ .was = ", bytes_elsewhere=blocks.total - here if blocks else 0",
	  .is = "",
	  .says = "residency has no bytes_elsewhere" },
	{ .was = ", bytes_elsewhere=", .is = ", bytes_away=", .says = "residency has no bytes_elsewhere" },
	{ .was = ", bytes_elsewhere=", .is = ", colour=0, bytes_elsewhere=", .says = "the probe's residency has" },
	{ .was = "journal.put(\"memory\"", .is = "journal.put(\"ledger\"", .says = "the lists say it comes by wire" },
};

START_TEST(a_probe_that_drops_renames_or_adds_a_key_is_noticed)
{
	const struct change *change = &probe_changes[_i];
	char *observe = source("probes/comfyui/observe.py");
	char *hooks = source("probes/comfyui/hooks.py");
	char *copy = changed(observe, change->was, change->is);
	struct faults faults = { .count = 0 };

	check_probe(copy, hooks, &faults);
	ck_assert_uint_gt(faults.count, 0);
	ck_assert_msg(strstr(faults.first, change->says), "%s", faults.first);
	free(copy);
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

static void check_page(const char *page, struct faults *faults)
{
	char schema[32];

	for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++) {
		char row[LIST_MAX];

		print_row(row, sizeof(row), &record_layouts[type]);
		if (!strstr(page, row))
			fault(faults, "db/RECORDS.md does not have this row:\n%.3000s", row);
	}
	snprintf(schema, sizeof(schema), "| wire | %d |", RECORD_SCHEMA);
	if (!strstr(page, schema))
		fault(faults, "db/RECORDS.md does not say \"%s\"", schema);
	snprintf(schema, sizeof(schema), "| store | %d |", store_schema_newest());
	if (!strstr(page, schema))
		fault(faults, "db/RECORDS.md does not say \"%s\"", schema);
}

START_TEST(the_page_lists_every_record_with_its_columns_and_keys)
{
	char *page = source("db/RECORDS.md");
	struct faults faults = { .count = 0 };

	check_page(page, &faults);
	ck_assert_msg(faults.count == 0, "%s", faults.first);
	free(page);
}
END_TEST

static const struct change page_changes[] = {
	{ .was = " bytes_on_compute bytes_elsewhere |", .is = " bytes_on_compute |", .says = "| residency |" },
	{ .was = " bytes_elsewhere | snapshot", .is = " bytes_away | snapshot", .says = "| residency |" },
	{ .was = "| wire | ", .is = "| wire | 9", .says = "| wire |" },
	{ .was = "| store | ", .is = "| store | 9", .says = "| store |" },
};

START_TEST(a_page_that_drops_or_renames_a_column_or_gives_another_schema_is_noticed)
{
	const struct change *change = &page_changes[_i];
	char *page = source("db/RECORDS.md");
	char *copy = changed(page, change->was, change->is);
	struct faults faults = { .count = 0 };

	check_page(copy, &faults);
	ck_assert_uint_eq(faults.count, 1);
	ck_assert_msg(strstr(faults.first, change->says), "%s", faults.first);
	free(copy);
	free(page);
}
END_TEST

HARNESS_SUITE(fields_suite)
{
	Suite *suite = suite_create("fields");
	TCase *tests = tcase_create("fields");

	tcase_add_test(tests, the_migrations_make_exactly_the_columns_of_the_lists);
	tcase_add_loop_test(tests, a_migration_that_drops_renames_or_retypes_a_column_is_noticed, 0,
			    ARRAY_SIZE(migration_changes));
	tcase_add_test(tests, the_probe_node_sends_exactly_the_fields_of_the_wire);
	tcase_add_loop_test(tests, a_probe_that_drops_renames_or_adds_a_key_is_noticed, 0, ARRAY_SIZE(probe_changes));
	tcase_add_test(tests, the_page_lists_every_record_with_its_columns_and_keys);
	tcase_add_loop_test(tests, a_page_that_drops_or_renames_a_column_or_gives_another_schema_is_noticed, 0,
			    ARRAY_SIZE(page_changes));
	suite_add_tcase(suite, tests);
	return suite;
}
