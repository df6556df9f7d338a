/* policies.c - the list of policies, read from POLICIES (policy.h), and the check of all of them.
 *
 * A policy is a file under policies/ and its row in POLICIES. The program checks all rows when it starts; what a single table must have,
 * policy.c says.
 */
#include <string.h>

#include "core/base/nearest.h"
#include "core/manager/policy.h"

const struct policy *const policies[] = {
#define POLICY_ROW(name) &policy_##name,
	POLICIES(POLICY_ROW)
#undef POLICY_ROW
		NULL,
};

static bool is_called(const struct policy *policy, const char *name)
{
	if (strcmp(policy->name, name) == 0)
		return true;
	for (size_t i = 0; i < POLICY_ALIASES_MAX && policy->aliases[i]; i++) {
		if (strcmp(policy->aliases[i], name) == 0)
			return true;
	}
	return false;
}

const struct policy *policy_find(const char *name)
{
	for (const struct policy *const *policy = policies; *policy; policy++) {
		if (is_called(*policy, name))
			return *policy;
	}
	return NULL;
}

bool policies_check(struct error *e)
{
	for (const struct policy *const *policy = policies; *policy; policy++) {
		if (!policy_check(*policy, e))
			return false;
		for (const struct policy *const *other = policies; other < policy; other++) {
			if (is_called(*other, (*policy)->name))
				return error_set(e, ERROR_BUG, "two policies are called %s", (*policy)->name);
		}
	}
	return true;
}

bool policy_suggest(const char *wanted, struct error *e)
{
	struct nearest nearest = nearest_to(wanted);

	for (size_t i = 0; policies[i]; i++) {
		nearest_offer(&nearest, policies[i]->name);
		for (size_t alias = 0; alias < POLICY_ALIASES_MAX && policies[i]->aliases[alias]; alias++)
			nearest_offer(&nearest, policies[i]->aliases[alias]);
	}
	return nearest_suggest(&nearest, e);
}
