/* plan_findings.h - what is wrong with a plan before anything is loaded: a string that says something else than it seems to, a device
 * that is to hold more than it has, a donor that cannot be reached directly.
 *
 * Findings are of the class misplaced: blocks will not be where whoever wrote the string believes.
 */
#ifndef RESIDENCY_PROBES_PLAN_FINDINGS_H
#define RESIDENCY_PROBES_PLAN_FINDINGS_H

#include <stddef.h>

#include "core/device/topology/topology.h"
#include "core/plan/plan.h"
#include "db/records/record.h"

/* Puts the findings of a cell; returns how many. plan is NULL where the string was refused, why says with what words; column is where,
 * 0 for unknown. */
size_t plan_findings_put(const struct plan_request *request, const struct topology *topology, const struct plan *plan,
			 const char *why, size_t column, uint32_t cell, const struct record_sink *sink);

#endif
