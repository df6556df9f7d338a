/* query.h - rows of a store's views, one after the other.
 *
 *	struct query q;
 *	for (query_begin(&q, store, "SELECT ... WHERE run = ?1", run, e); query_next(&q);)
 *		use query_text(&q, 0)
 *	if (!query_end(&q)) ...
 */
#ifndef RESIDENCY_DB_QUERY_H
#define RESIDENCY_DB_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

struct store;

struct query {
	struct store *store;
	sqlite3_stmt *statement;
	struct error *error;
	bool failed;
};

/* ?1 is text (NULL stays NULL), ?2 a number. */
void query_begin(struct query *q, struct store *store, const char *sql, const char *text, int64_t number, struct error *e);
bool query_next(struct query *q);
bool query_end(struct query *q); /* false with the error set when something failed */

/* The id of the run that was asked for: NULL and "last" are the newest. ERROR_MISSING where the store holds no such run. */
bool query_run(struct store *store, const char *wanted, char run[64], struct error *e);

bool query_is_null(const struct query *q, int column);
const char *query_text(const struct query *q, int column); /* "" for NULL */
double query_number(const struct query *q, int column);
int64_t query_integer(const struct query *q, int column);

#endif
