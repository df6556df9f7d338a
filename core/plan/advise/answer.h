/* answer.h - a plan as the JSON that upstream's planner was recorded in. Private to core/plan. */
#ifndef RESIDENCY_PLAN_ANSWER_H
#define RESIDENCY_PLAN_ANSWER_H

#include <jansson.h>

#include "core/plan/plan.h"

/* A number; "nan", "inf" or "-inf" for what JSON has no number for. NULL when out of memory, as all here. */
json_t *answer_number(double value);

/* DisTorch2's fields and V1's. The caller owns them. */
json_t *answer_plan(const struct plan *plan, const struct plan_request *request);
json_t *answer_slices(const struct plan *plan, const struct plan_request *request);

#endif
