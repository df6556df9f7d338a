/* rows.c - the view's columns as SQLite describes them, a row at a time.
 *
 * NULL is an empty field in CSV and null in JSON. CSV quotes as RFC 4180 does; numbers keep SQLite's text.
 */
#include "reports/rows.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/nearest.h"
#include "core/base/strbuf.h"
#include "db/query.h"

/* Whether there is such a view; where not, the error lists those there are. */
static bool check_view(struct store *store, const char *view, struct error *e)
{
	struct nearest nearest = nearest_to(view);
	struct strbuf known = STRBUF_INIT;
	bool there = false;
	struct query q;

	query_begin(&q, store,
		    "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v\\_%' ESCAPE '\\' ORDER BY 1", NULL, 0,
		    e);
	while (query_next(&q)) {
		there |= strcmp(query_text(&q, 0), view) == 0;
		strbuf_printf(&known, "%s%s", known.length ? ", " : "", query_text(&q, 0));
		nearest_offer(&nearest, query_text(&q, 0));
	}
	if (query_end(&q) && !there) {
		error_set(e, ERROR_USAGE, "there is no view \"%.40s\"; there are %s", view, strbuf_text(&known));
		nearest_suggest(&nearest, e);
	}
	strbuf_free(&known);
	return there && !error_is_set(e);
}

static void put_quoted(const char *text, FILE *out)
{
	if (!strpbrk(text, ",\"\n\r")) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void put_csv(const struct query *q, FILE *out)
{
	int count = sqlite3_column_count(q->statement);

	for (int i = 0; i < count; i++) {
		put_quoted(query_text(q, i), out);
		putc(i + 1 < count ? ',' : '\n', out);
	}
}

static json_t *value_of(const struct query *q, int column)
{
	json_t *text;

	switch (sqlite3_column_type(q->statement, column)) {
	case SQLITE_NULL:
		return json_null();
	case SQLITE_INTEGER:
		return json_integer(query_integer(q, column));
	case SQLITE_FLOAT:
		return json_real(query_number(q, column));
	default:
		text = json_string(query_text(q, column));
		return text ? text : json_null(); /* text that is no UTF-8 */
	}
}

static bool put_ndjson(const struct query *q, FILE *out, struct error *e)
{
	json_t *row = json_object();
	bool fine = row != NULL;

	for (int i = 0; fine && i < sqlite3_column_count(q->statement); i++)
		fine = json_object_set_new(row, sqlite3_column_name(q->statement, i), value_of(q, i)) == 0;
	fine = fine && json_dumpf(row, out, JSON_COMPACT) == 0;
	putc('\n', out);
	json_decref(row);
	return fine || error_no_memory(e);
}

bool rows_write(struct store *store, const char *view, const char *run, enum rows_format format, FILE *out, struct error *e)
{
	struct strbuf sql = STRBUF_INIT;
	bool fine = check_view(store, view, e);
	struct query q;

	if (!fine)
		return false;
	strbuf_printf(&sql, "SELECT * FROM %s WHERE ?1 IS NULL OR run = ?1", view);
	if (!strbuf_ok(&sql))
		return error_no_memory(e);
	query_begin(&q, store, strbuf_text(&sql), run, 0, e);
	for (int i = 0; format == ROWS_CSV && !q.failed && i < sqlite3_column_count(q.statement); i++)
		fprintf(out, "%s%s", i ? "," : "", sqlite3_column_name(q.statement, i));
	if (format == ROWS_CSV && !q.failed)
		putc('\n', out);
	while (fine && query_next(&q)) {
		if (format == ROWS_CSV)
			put_csv(&q, out);
		else
			fine = put_ndjson(&q, out, e);
	}
	fine = query_end(&q) && fine;
	strbuf_free(&sql);
	return fine;
}
