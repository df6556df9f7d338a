/* store_copy.h - one run of a store into another. */
#ifndef RESIDENCY_DB_STORE_COPY_H
#define RESIDENCY_DB_STORE_COPY_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "db/store.h"

/* What becomes of a text on its way: appends to `to`. The same text must always become the same. */
struct copy_filter {
	void *context;
	void (*text)(void *context, const char *text, struct strbuf *to);
	/* Asked now and then whether to go on, with the rows copied so far; false, and its error, ends the copy. NULL: always on. */
	bool (*go_on)(void *context, size_t row_count, struct error *e);
};

/* Copies all rows of a run; both stores have the newest schema, and `to` has no such run. Names that rows refer to each other by
 * (the run's id, stages) are copied as they are, all other text goes through the filter; NULL for none. All or nothing. */
bool store_copy_run(struct store *from, const char *run, struct store *to, const struct copy_filter *filter, struct error *e);

#endif
