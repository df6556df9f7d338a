/* allocation.h - an allocation string taken apart: `expert#compute;virtual_vram_gb;donors`. Private to this room.
 *
 * Nothing is checked here that upstream does not check at this point: device names and numbers are looked at when used.
 */
#ifndef RESIDENCY_PLAN_ALLOCATION_H
#define RESIDENCY_PLAN_ALLOCATION_H

#include "core/plan/plan.h"
#include "core/plan/string/trouble.h"

#define ALLOCATION_LENGTH_MAX 65536 /* ours: upstream has no limit */

struct allocation {
	struct span expert;
	struct span tail; /* what follows the '#' */
	struct span compute; /* tail up to its first ';', or the version's default */
	enum plan_mode mode;
};

/* The spans point into text (or are static). */
bool allocation_parse(struct allocation *allocation, const char *text, const struct plan_rules *rules, const struct trouble *t);

/* One `device,value` item of an expert part; items without a comma are skipped. */
bool allocation_next_item(struct span *rest, struct span *device, struct span *value);

#endif
