/* sweep_cell.h - a cell of a sweep: its name, and what the store knows of it at a commit.
 *
 * Who runs a sweep asks here what need not be run again; who reports one names its cells alike. A cell under a setting is known
 * where a run of that commit has a verdict PASS or FAIL of it; the newest counts. Nothing is owned; errors are the store's. A store
 * belongs to one thread.
 */
#ifndef RESIDENCY_DB_SWEEP_CELL_H
#define RESIDENCY_DB_SWEEP_CELL_H

#include <stdbool.h>

#include "core/base/error.h"
#include "db/records/record.h"

struct store;

/* What is known of a cell. */
enum known { KNOWN_NOT, KNOWN_PASS, KNOWN_FAIL };

/* By a verdict's word; what cannot be trusted is not known. */
enum known sweep_known_from_verdict(const char *verdict);

/* What the store knows of one cell of a commit under a setting. */
bool sweep_known(struct store *store, const char *setting, const char *commit, const struct record_sweep_cell *cell,
		 enum known *known, struct error *e);

/* "abc/both", or "abc/both/same/real" for a cell with other modes than by default. */
#define SWEEP_CELL_NAME_MAX 104 /* the room of the axes' texts, with slashes */
void sweep_cell_name(const struct record_sweep_cell *cell, char name[SWEEP_CELL_NAME_MAX]);

/* Whether a cell's attributes are among the words of a filter, which stand between slashes: "abc/both", "de/unload/same". Each word
 * must be one of the cell's. */
bool sweep_cell_matches(const struct record_sweep_cell *cell, const char *filter);

#endif
