/* inserter.h - prepared inserts for every record type, in transactions; for one thread. The writer puts a ring before it. */
#ifndef RESIDENCY_DB_INSERTER_H
#define RESIDENCY_DB_INSERTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/records/record.h"
#include "db/store.h"

struct inserter;

/* Borrows the store. The caller frees, before it closes the store. */
struct inserter *inserter_new(struct store *store, struct error *e);
void inserter_free(struct inserter *inserter);

/* Inserts one record, beginning a transaction where none is open. A record whose parent is not there (it was dropped) is
 * counted, not inserted. */
bool inserter_put(struct inserter *inserter, enum record_type type, const void *record, uint32_t size_bytes, struct error *e);

/* Rows since the transaction began; 0 when none is open. */
uint64_t inserter_pending(const struct inserter *inserter);
bool inserter_commit(struct inserter *inserter, struct error *e);

/* Adds dropped records to a cell of the run: it becomes UNTRUSTWORTHY. */
bool inserter_mark_dropped(struct inserter *inserter, uint32_t cell, uint64_t count, struct error *e);

/* Records that had no parent so far, of the cell in *cell the last such. */
uint64_t inserter_orphans(const struct inserter *inserter);

#endif
