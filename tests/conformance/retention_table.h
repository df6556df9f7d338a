/* retention_table.h - the measured tables of part retention: rows of verdicts.csv and stages.csv.gz, run by run. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_RETENTION_TABLE_H
#define RESIDENCY_TESTS_CONFORMANCE_RETENTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

enum run_key { KEY_POLICY, KEY_DEVICE, KEY_CACHE, KEY_NODE_FLAGS, KEY_MATRIX, KEY_FLOW, KEY_COUNT };

#define COLUMNS_MAX 20

/* Fields are borrowed from the table's text. */
struct table_row {
	const char *fields[COLUMNS_MAX]; /* NULL past the last */
};

struct table {
	char *text; /* owned; fields end in NULs */
	struct table_row *rows; /* without the header */
	size_t row_count, row_capacity;
};

/* Comma-separated with a header; a field may stand in double quotes, where two stand for one. Every row has least_columns
 * fields at least. Free it also on failure. */
bool table_read(struct table *table, const char *folder, const char *name, size_t least_columns, struct error *e);
void table_free(struct table *table);

/* Rows from `first` on that are of the same run as it: how many. */
size_t table_run_length(const struct table *table, size_t first);
bool table_same_run(const struct table_row *a, const struct table_row *b);

#endif
