/* rows.h - rows of one view of a store as CSV or as lines of JSON, for spreadsheets and scripts. */
#ifndef RESIDENCY_REPORTS_ROWS_H
#define RESIDENCY_REPORTS_ROWS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/error.h"

struct store;

enum rows_format { ROWS_CSV, ROWS_NDJSON };

/* Writes the rows of a run (NULL: of all runs). ERROR_USAGE, naming the views there are, where there is no such view. Unknown is an
 * empty field in CSV, and null in JSON. */
bool rows_write(struct store *store, const char *view, const char *run, enum rows_format format, FILE *out, struct error *e);

#endif
