/* read.h - how upstream's versions read an allocation string into a plan. Private to core/plan.
 *
 * The string is taken apart, its expert part becomes `device,fraction` items by the version's conversion for its mode, and those
 * become the rows of the device table. Slots of versions.h: read and accept_load_list. Errors as in trouble.h; the plan owns what is
 * read, on failure too. No state, any thread.
 */
#ifndef RESIDENCY_PLAN_READ_H
#define RESIDENCY_PLAN_READ_H

#include "core/plan/plan.h"
#include "core/plan/string/trouble.h"

bool read_allocation(struct plan *plan, const struct plan_request *request, const struct trouble *t);

/* False for a load list with a fifth field (offload bytes). */
bool read_refuses_five_fields(const struct plan_request *request, const struct trouble *t);

#endif
