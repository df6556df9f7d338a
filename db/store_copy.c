/* store_copy.c - for each table of a run: select by the run's id, insert into the other store, column by column by name.
 *
 * Tables are copied parents first, so that foreign keys hold at each insert. Texts pass through the caller's filter on
 * the way, which is how a bundle is made anonymous.
 */
#include "db/store_copy.h"

#include <string.h>

#define ROWS_BETWEEN_QUESTIONS 1000

/* Of one table: rows come out of `read` and go into `write`. */
struct copying {
	struct store *from, *to;
	sqlite3_stmt *read, *write;
	const struct copy_filter *filter;
	size_t *row_count; /* of all tables */
};

static bool is_filtered(const struct copying *pair, int column)
{
	const char *name = sqlite3_column_name(pair->read, column);

	return pair->filter && strcmp(name, "run") != 0 && strcmp(name, "id") != 0 && strcmp(name, "stage") != 0;
}

static bool bind_column(const struct copying *pair, int column, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	bool fine;

	if (sqlite3_column_type(pair->read, column) != SQLITE_TEXT || !is_filtered(pair, column))
		return sqlite3_bind_value(pair->write, column + 1, sqlite3_column_value(pair->read, column)) == SQLITE_OK ||
		       store_error(pair->to, "write to", e);
	pair->filter->text(pair->filter->context, (const char *)sqlite3_column_text(pair->read, column), &text);
	fine = strbuf_ok(&text) || error_no_memory(e);
	if (fine && sqlite3_bind_text(pair->write, column + 1, strbuf_text(&text), -1, SQLITE_TRANSIENT) != SQLITE_OK)
		fine = store_error(pair->to, "write to", e);
	strbuf_free(&text);
	return fine;
}

static bool copy_row(const struct copying *pair, struct error *e)
{
	for (int i = 0; i < sqlite3_column_count(pair->read); i++) {
		if (!bind_column(pair, i, e))
			return false;
	}
	if (sqlite3_step(pair->write) != SQLITE_DONE)
		return store_error(pair->to, "write to", e);
	sqlite3_reset(pair->write);
	return true;
}

static bool may_go_on(const struct copying *pair, struct error *e)
{
	const struct copy_filter *filter = pair->filter;

	return (*pair->row_count)++ % ROWS_BETWEEN_QUESTIONS || !filter || !filter->go_on ||
	       filter->go_on(filter->context, *pair->row_count, e);
}

static bool copy_rows(const struct copying *pair, struct error *e)
{
	int code;

	while ((code = sqlite3_step(pair->read)) == SQLITE_ROW) {
		if (!copy_row(pair, e) || !may_go_on(pair, e))
			return false;
	}
	return code == SQLITE_DONE || store_error(pair->from, "read", e);
}

/* The insert for what a select answers, column by column by its name. */
static sqlite3_stmt *prepare_write(struct store *to, const char *table, sqlite3_stmt *read, struct error *e)
{
	struct strbuf sql = STRBUF_INIT;
	sqlite3_stmt *write = NULL;
	int count = sqlite3_column_count(read);

	strbuf_printf(&sql, "INSERT INTO \"%s\" (", table);
	for (int i = 0; i < count; i++)
		strbuf_printf(&sql, "%s\"%s\"", i ? ", " : "", sqlite3_column_name(read, i));
	strbuf_append(&sql, ") VALUES (");
	for (int i = 0; i < count; i++)
		strbuf_append(&sql, i ? ", ?" : "?");
	strbuf_append(&sql, ")");
	if (strbuf_ok(&sql))
		write = store_prepare(to, strbuf_text(&sql), e);
	else
		error_no_memory(e);
	strbuf_free(&sql);
	return write;
}

static bool copy_table(struct store *from, const char *table, const char *run, struct store *to,
		       const struct copy_filter *filter, size_t *row_count, struct error *e)
{
	struct copying pair = { .from = from, .to = to, .filter = filter, .row_count = row_count };
	struct strbuf sql = STRBUF_INIT;
	bool fine = false;

	strbuf_printf(&sql, "SELECT * FROM \"%s\" WHERE %s = ?1", table, strcmp(table, "run") == 0 ? "id" : "run");
	if (strbuf_ok(&sql))
		pair.read = store_prepare(from, strbuf_text(&sql), e);
	else
		error_no_memory(e);
	if (pair.read) {
		sqlite3_bind_text(pair.read, 1, run, -1, SQLITE_STATIC);
		pair.write = prepare_write(to, table, pair.read, e);
		fine = pair.write && copy_rows(&pair, e);
	}
	sqlite3_finalize(pair.read);
	sqlite3_finalize(pair.write);
	strbuf_free(&sql);
	return fine;
}

/* Tables with rows of a run, those that others refer to first: that is the order in which they were made. What compares runs with
 * each other (baselines) is not a run's. */
static bool copy_tables(struct store *from, const char *run, struct store *to, const struct copy_filter *filter,
			struct error *e)
{
	sqlite3_stmt *tables =
		store_prepare(to,
			      "SELECT name FROM sqlite_schema s WHERE type = 'table' AND name <> 'baseline' AND"
			      " (name = 'run' OR EXISTS (SELECT 1 FROM pragma_table_info(s.name) WHERE name = 'run'))"
			      " ORDER BY rowid",
			      e);
	bool fine = tables != NULL;
	int code = SQLITE_DONE;
	size_t row_count = 0;

	while (fine && (code = sqlite3_step(tables)) == SQLITE_ROW)
		fine = copy_table(from, (const char *)sqlite3_column_text(tables, 0), run, to, filter, &row_count, e);
	if (fine && code != SQLITE_DONE)
		fine = store_error(to, "read", e);
	sqlite3_finalize(tables);
	return fine;
}

bool store_copy_run(struct store *from, const char *run, struct store *to, const struct copy_filter *filter, struct error *e)
{
	if (!store_execute(to, "BEGIN IMMEDIATE", "write to", e))
		return false;
	if (copy_tables(from, run, to, filter, e) && store_execute(to, "COMMIT", "write to", e))
		return true;
	sqlite3_exec(store_handle(to), "ROLLBACK", NULL, NULL, NULL);
	return false;
}
