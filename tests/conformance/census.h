/* census.h - how many cases a data directory holds: of folders that no part reads, and against a committed list.
 *
 * The list is a text file of rows `NAME CASES`; `#` begins a comment. A part or folder of the list that is not there, or that
 * has fewer cases than listed, is a failure; more cases are only reported. Not for several threads.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_CENSUS_H
#define RESIDENCY_TESTS_CONFORMANCE_CENSUS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

struct census_row {
	char name[64];
	size_t cases;
};

/* The caller frees with census_free(). */
struct census {
	struct census_row *rows;
	size_t count, capacity;
};

bool census_add(struct census *census, const char *name, size_t cases, struct error *e);
void census_free(struct census *census);

/* Cases below a folder: each row of a table (.csv and .tsv, less the heading) and of a .jsonl is one, packed or not; any other
 * file is one; a README.md is none. */
bool census_cases_below(const char *folder, size_t *cases, struct error *e);

/* Reads a list. */
bool census_read(struct census *listed, const char *path, struct error *e);

/* Prints what `seen` lacks of `listed`, and what it has beyond it; returns how many rows it lacks. */
size_t census_compare(const struct census *listed, const struct census *seen);

#endif
