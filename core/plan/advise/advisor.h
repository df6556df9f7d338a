/* advisor.h - advice in the making. Private to core/plan/advise. */
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

/* What the text of a DisTorch2 string tells (advise_text.c). */
void advise_text(struct advisor *a);

/* The same for V1, whose form the planner checks: of a string that it could plan (advise_text.c). */
void advise_text_by_count(struct advisor *a);

/* What a plan made from it tells (advise_plan.c). */
void advise_plan(struct advisor *a, const struct plan *plan);

/* The request's device of that name, or SIZE_MAX. */
size_t advisor_device(const struct advisor *a, struct span name);

/* Where the string first names a device; no text where it does not. */
struct span advisor_place_of(const struct advisor *a, const char *device);

#endif
