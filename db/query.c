/* query.c - a prepared statement and the first error of its steps, so that a loop needs no check inside.
 *
 * ?1 is bound to the run and ?2 to the cell where the SQL has them.
 */
#include "db/query.h"

#include <stdio.h>
#include <string.h>

#include "db/store.h"

void query_begin(struct query *q, struct store *store, const char *sql, const char *text, int64_t number, struct error *e)
{
	*q = (struct query) { .store = store, .error = e };
	q->statement = store_prepare(store, sql, e);
	if (!q->statement) {
		q->failed = true;
		return;
	}
	if (sqlite3_bind_parameter_count(q->statement) >= 1 && text)
		sqlite3_bind_text(q->statement, 1, text, -1, SQLITE_TRANSIENT);
	if (sqlite3_bind_parameter_count(q->statement) >= 2)
		sqlite3_bind_int64(q->statement, 2, number);
}

bool query_next(struct query *q)
{
	int code;

	if (q->failed)
		return false;
	code = sqlite3_step(q->statement);
	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE) {
		store_error(q->store, "read", q->error);
		q->failed = true;
	}
	return false;
}

bool query_end(struct query *q)
{
	sqlite3_finalize(q->statement);
	return !q->failed;
}

bool query_run(struct store *store, const char *wanted, char run[64], struct error *e)
{
	bool last = !wanted || strcmp(wanted, "last") == 0;
	struct query q;

	run[0] = '\0';
	query_begin(&q, store,
		    "SELECT run FROM v_runs WHERE ?1 IS NULL OR run = ?1 ORDER BY started_wall_ns DESC, run DESC LIMIT 1",
		    last ? NULL : wanted, 0, e);
	while (query_next(&q))
		snprintf(run, 64, "%s", query_text(&q, 0));
	if (!query_end(&q))
		return false;
	if (run[0])
		return true;
	return last ? error_set(e, ERROR_MISSING, "%s holds no run yet: `residency matrix` makes one", store_path(store))
		    : error_set(e, ERROR_MISSING, "%s holds no run %.40s", store_path(store), wanted);
}

bool query_is_null(const struct query *q, int column)
{
	return sqlite3_column_type(q->statement, column) == SQLITE_NULL;
}

const char *query_text(const struct query *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q->statement, column);

	return text ? (const char *)text : "";
}

double query_number(const struct query *q, int column)
{
	return sqlite3_column_double(q->statement, column);
}

int64_t query_integer(const struct query *q, int column)
{
	return sqlite3_column_int64(q->statement, column);
}
