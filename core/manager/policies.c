#include <string.h>

#include "core/manager/policy.h"

const struct policy *const policies[] = {
	&policy_stock, &policy_delegate,    &policy_selective, &policy_anchors,
	&policy_eject, &policy_eject_donor, &policy_strict,    NULL,
};

const struct policy *policy_find(const char *name)
{
	for (const struct policy *const *policy = policies; *policy; policy++) {
		if (strcmp((*policy)->name, name) == 0)
			return *policy;
		for (size_t i = 0; i < POLICY_ALIASES_MAX && (*policy)->aliases[i]; i++) {
			if (strcmp((*policy)->aliases[i], name) == 0)
				return *policy;
		}
	}
	return NULL;
}
