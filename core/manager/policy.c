/* policy.c - what a policy's table must have to be used.
 *
 * A table that is not whole fails when the program starts, or when a manager is made for it, and not at its first unload. This file
 * knows no policy by name, so that a manager does not depend on the list.
 */
#include "core/manager/policy.h"

#include "core/base/keep_flag.h"
#include "core/plan/plan.h"

bool policy_check(const struct policy *policy, struct error *e)
{
	const struct {
		const char *name;
		bool filled;
	} required[] = {
		{ .name = "summary", .filled = policy->summary },
		{ .name = "unflagged", .filled = policy->unflagged },
		{ .name = "anchored", .filled = policy->anchored },
		{ .name = "delegated", .filled = policy->delegated },
		{ .name = "wrong", .filled = policy->wrong },
		{ .name = "planner", .filled = policy->planner },
		/* Who holds patchers must be told which, and must be able to release them. */
		{ .name = "loader_ran", .filled = policy->loader_ran || !policy->adopt },
		{ .name = "full_cleanup", .filled = policy->full_cleanup || !policy->adopt },
		/* An anchor set that no unload fills is empty for ever. */
		{ .name = "unload_all", .filled = policy->unload_all || !policy_is(policy, POLICY_ANCHORS) },
	};

	if (!policy->name)
		return error_set(e, ERROR_BUG, "a policy without a name");
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (!required[i].filled)
			return error_set(e, ERROR_BUG, "policy %s has no %s", policy->name, required[i].name);
	}
	if (!plan_rules_find(policy->planner))
		return error_set(e, ERROR_BUG, "policy %s: unknown planner %s", policy->name, policy->planner);
	if (policy->legacy_planner && !plan_rules_find(policy->legacy_planner))
		return error_set(e, ERROR_BUG, "policy %s: unknown planner %s", policy->name, policy->legacy_planner);
	if (policy->keep_input && !keep_flag_find(keep_inputs, policy->keep_input))
		return error_set(e, ERROR_BUG, "policy %s: unknown keep flag %s", policy->name, policy->keep_input);
	return true;
}
