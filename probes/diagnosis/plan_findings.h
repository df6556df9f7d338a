/* plan_findings.h - the traps of an allocation string as records of a store.
 *
 * Findings are of the class misplaced: blocks will not be where the writer of the string believes. What is a trap is the adviser's to
 * say (core/plan/advise/advise.h); the same string gives the same traps to `plan --check` and to a store. Sizes are bytes; nothing
 * fails. Any thread that may put into the sink.
 */
#ifndef RESIDENCY_PROBES_PLAN_FINDINGS_H
#define RESIDENCY_PROBES_PLAN_FINDINGS_H

#include <stdint.h>

#include "core/plan/advise/advise.h"
#include "db/records/record.h"

/* Puts the findings of a cell, one for each trap. */
void plan_findings_put(const struct advice_list *advice, const char *allocation, uint32_t cell, const struct record_sink *sink);

#endif
