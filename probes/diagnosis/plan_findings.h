/* plan_findings.h - what is wrong with a plan before anything is loaded: a string that says something else than it seems to, a device
 * that is to hold more than it has, a donor that cannot be reached directly.
 *
 * Findings are of the class misplaced: blocks will not be where whoever wrote the string believes.
 */
#ifndef RESIDENCY_PROBES_PLAN_FINDINGS_H
#define RESIDENCY_PROBES_PLAN_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "core/device/topology/topology.h"
#include "core/plan/plan.h"
#include "db/records/record.h"

/* What became of a string. All borrowed. */
struct plan_outcome {
	const struct plan_request *request;
	const struct topology *topology;
	const uint64_t *free_bytes; /* per device of the request; NULL: all of it is free */
	const struct plan *plan; /* NULL where the string was refused */
	const char *why; /* then: with what words */
	size_t column; /* then: where; 0 for unknown */
};

/* Puts the findings of a cell; returns how many. */
size_t plan_findings_put(const struct plan_outcome *outcome, uint32_t cell, const struct record_sink *sink);

#endif
