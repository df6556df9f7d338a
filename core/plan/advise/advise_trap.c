/* Traps: what goes from advice into a store. A check that tells a person of a mistake adds the trap, too, under the same condition;
 * here are the list they go into and those traps that belong to no piece of advice: fractions that look like shares of the model, a
 * compute device without a name, and donors that reach the compute device through main memory only.
 */
#include <math.h>
#include <stdio.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/advise/advisor.h"

void advisor_trap(struct advisor *a, const struct advice_trap *trap)
{
	struct advice_list *list = a->list;

	if (a->failed)
		return;
	if (!array_reserve(&list->traps, &list->trap_capacity, list->trap_count + 1, sizeof(*list->traps), NULL)) {
		a->failed = true;
		return;
	}
	list->traps[list->trap_count++] = *trap;
}

void advisor_misread(struct advisor *a, const char *place, const char *expected, const char *actual)
{
	struct advice_trap trap = { .kind = ADVICE_TRAP_MISREAD, .size_bytes = PLAN_NO_SIZE };

	snprintf(trap.place, sizeof(trap.place), "%s", place);
	snprintf(trap.expected, sizeof(trap.expected), "%s", expected);
	snprintf(trap.actual, sizeof(trap.actual), "%s", actual);
	snprintf(trap.detail, sizeof(trap.detail), "\"%.200s\": %s was meant, it says %s", a->request->allocation,
		 trap.expected, trap.actual);
	advisor_trap(a, &trap);
}

void advise_trap_of_failure(struct advisor *a, const struct plan_failure *failure)
{
	char place[32];

	a->list->trap_count = 0;
	snprintf(place, sizeof(place), "column %zu", failure->column);
	advisor_misread(a, failure->column ? place : "the string", "a plan", exception_name(failure->exception));
}

/* Fractions that add up to the whole were meant of the model. */
static void trap_of_fractions(struct advisor *a, const struct plan *plan)
{
	double sum = 0;

	if (plan->mode != PLAN_FRACTION)
		return;
	for (size_t i = 0; i < plan->share_count; i++)
		sum += plan->shares[i].fraction;
	if (fabs(sum - 1) < 0.01)
		advisor_misread(a, "fractions that add up to 1", "shares of the model", "fractions of each device's memory");
}

void advise_trap_of_meaning(struct advisor *a, const struct plan *plan)
{
	trap_of_fractions(a, plan);
	/* Versions with a usual compute device take it here, and the plan names it. */
	if (a->allocation.hash && a->allocation.tail.length == 0 && !plan->compute[0])
		advisor_misread(a, "a trailing '#'", "the usual compute device", "a compute device without a name");
}

/* Blocks that wait on a device are copied to the compute device at each pass: twice, where there is no link between the two. */
void advise_trap_of_routes(struct advisor *a, const struct plan *plan)
{
	const struct topology *topology = a->request->topology;
	int compute = topology ? topology_find(topology, plan->compute) : -1;

	for (size_t i = 0; compute >= 0 && i < plan->share_count; i++) {
		const struct plan_share *share = &plan->shares[i];
		struct advice_trap trap = { .kind = ADVICE_TRAP_NO_PEER_ACCESS, .size_bytes = (uint64_t)share->block_bytes };
		const struct link_description *route[2];
		int donor = topology_find(topology, share->name);
		char size[UNITS_TEXT_MAX];

		if (donor < 0 || !share->block_count || topology_route(topology, (unsigned)donor, (unsigned)compute, route) < 2)
			continue;
		snprintf(trap.place, sizeof(trap.place), "%.28s -> %.28s", share->name, plan->compute);
		snprintf(trap.expected, sizeof(trap.expected), "one copy, from card to card");
		snprintf(trap.actual, sizeof(trap.actual), "two copies, through main memory");
		snprintf(trap.detail, sizeof(trap.detail), "%s wait on %.40s, which has no link to %.40s",
			 units_bytes(trap.size_bytes, size), share->name, plan->compute);
		advisor_trap(a, &trap);
	}
}
