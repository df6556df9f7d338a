/* trace.h - a run as trace events, for Perfetto (ui.perfetto.dev) and chrome://tracing.
 *
 * A process is a cell. In it are lanes: actions and stages (instants); one for each model, whose slices are the states it was in and
 * whose instants say why it left; one for each link, with its copies; one for each sampler, with its steps; and a counter for each
 * device, with the lines of its ledger in bytes. Times are microseconds since the cell's subject began. What the store has no time
 * for is left out. Events of a lane are sorted by time.
 */
#ifndef RESIDENCY_REPORTS_TRACE_H
#define RESIDENCY_REPORTS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

struct store;

/* Writes the trace of one run, which appears at path whole or not at all. */
bool trace_write(struct store *store, const char *run, const char *path, uint64_t *event_count, struct error *e);

#endif
