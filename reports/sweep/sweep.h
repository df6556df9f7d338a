/* sweep.h - a matrix over a repository's history, read back from the store: which commit changed which cell.
 *
 * The sweep's own run lists commits and cells; verdicts come from all runs of those commits under the sweep's setting. The newest
 * PASS or FAIL of a cell counts. A commit that could not start has no verdict, and neither has a cell that nothing trustworthy was
 * recorded of.
 *
 *	json_t *sweep = sweep_read(store, run, e);
 *	sweep_text(sweep, 80, false, &out);
 *
 *	{"schema": 1, "sweep": {"run", "repository", "of", "range", "setting"},
 *	 "commits": [{"number", "commit", "date", "summary", "state": "run" | "not run" | "waiting", "why"}],
 *	 "cells": [{"cell", "matrix", "flow", "device_mode", "node_flags", "regressed",
 *	            "history": [{"number", "verdict", "why", "run", "outcomes", "models": [...]}], (null: nothing is known of it)
 *	            "changes": [{"number", "commit", "after", "unknown_between", "from", "to"}]}],
 *	 "counts": {"run", "not_run", "waiting", "untrustworthy", "regressed"}}
 */
#ifndef RESIDENCY_REPORTS_SWEEP_H
#define RESIDENCY_REPORTS_SWEEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

struct store;

/* The caller owns it. run: of a sweep; NULL or "last": the newest. ERROR_MISSING where the store has no such sweep. */
json_t *sweep_read(struct store *store, const char *run, struct error *e);

size_t sweep_count(const json_t *sweep, const char *name); /* of "counts" */

/* For a terminal of so many columns; `all`: each commit's verdicts, too, and where a cell fails in another way than before. */
void sweep_text(const json_t *sweep, unsigned columns, bool all, struct strbuf *out);

#endif
