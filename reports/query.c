#include "reports/query.h"

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
