/* advisor.h - advice in the making. Private to core/plan.
 *
 * An advisor borrows its request, and adds to a list that the caller of advise() owns. Out of memory it remembers so, adds no more, and
 * advise() fails. One thread at a time.
 */
#ifndef RESIDENCY_PLAN_ADVISOR_H
#define RESIDENCY_PLAN_ADVISOR_H

#include "core/plan/advise/advise.h"
#include "core/plan/string/allocation.h"

struct advisor {
	const struct advise_request *request;
	struct allocation allocation; /* the string's pieces, as the version splits it */
	struct advice_list *list;
	bool failed; /* for want of memory */
};

/* One more piece of advice; `where` is a part of the allocation string, or has no text. Then, in this order, what to say of it. */
void advisor_add(struct advisor *a, enum advice_kind kind, enum advice_weight weight, struct span where);
__attribute__((format(printf, 2, 3))) void advisor_found(struct advisor *a, const char *format, ...);
__attribute__((format(printf, 2, 3))) void advisor_upstream(struct advisor *a, const char *format, ...);
__attribute__((format(printf, 2, 3))) void advisor_instead(struct advisor *a, const char *format, ...);

bool advisor_has(const struct advisor *a, enum advice_kind kind);

/* Adds a copy of the trap (advise_trap.c). */
void advisor_trap(struct advisor *a, const struct advice_trap *trap);
/* A trap of the string: `expected` was meant at `place`, and `actual` is what it says. */
void advisor_misread(struct advisor *a, const char *place, const char *expected, const char *actual);
/* The traps of any plan, whatever the version: fractions that add up to 1 and a compute device without a name; donors whose blocks
 * take two copies. */
void advise_trap_of_meaning(struct advisor *a, const struct plan *plan);
void advise_trap_of_routes(struct advisor *a, const struct plan *plan);
/* The one trap of a string that cannot be planned, in place of those found so far. */
void advise_trap_of_failure(struct advisor *a, const struct plan_failure *failure);

/* What the text tells: of DisTorch2's strings, of ours, and of V1's, whose form the planner checks, where it could plan them
 * (advise_text.c). */
void advise_text(struct advisor *a);
void advise_text_exact(struct advisor *a);
void advise_text_by_count(struct advisor *a);

/* What the expert part tells (advise_expert.c). */
void advise_expert(struct advisor *a);
void advise_expert_by_count(struct advisor *a);

/* What a name tells where a device is wanted (advise_device.c). */
void advise_device(struct advisor *a, struct span name);
void advise_device_exact(struct advisor *a, struct span name);

/* What a plan made from it tells (advise_plan.c). */
void advise_plan(struct advisor *a, const struct plan *plan);
void advise_plan_exact(struct advisor *a, const struct plan *plan);
void advise_plan_by_count(struct advisor *a, const struct plan *plan);

/* The request's device of that name, or SIZE_MAX. */
size_t advisor_device(const struct advisor *a, struct span name);

/* The first listed device that is not the host, else cpu. */
const char *advisor_first_card(const struct advisor *a);
/* "cpu, cuda:0, ...", as much as fits. */
void advisor_list_devices(const struct advisor *a, char *text, size_t size);

/* A number alone in its text. */
bool advisor_is_number(struct span text, double *number);

/* Where the string first names a device; no text where it does not. */
struct span advisor_place_of(const struct advisor *a, const char *device);

#endif
