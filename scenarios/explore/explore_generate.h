/* explore_generate.h - random sequences of all actions that flows have.
 *
 * A sequence is a function of the seed, the policy and its number alone, so that any of them can be made again. What an action
 * takes, and how often it is chosen, its row says (core/workflow/action.h): a new action joins by its row.
 */
#ifndef RESIDENCY_SCENARIOS_EXPLORE_GENERATE_H
#define RESIDENCY_SCENARIOS_EXPLORE_GENERATE_H

#include "scenarios/explore/explore_sequence.h"

struct explore_space {
	uint64_t caches, device_modes, node_flags; /* one bit for each member of the enum */
	size_t length; /* actions in a sequence, at most */
	bool whole_length; /* and at least */
};

/* Replaces what the sequence was. */
bool explore_generate(struct sequence *sequence, const struct explore_space *space, const struct policy *policy, uint64_t seed,
		      uint64_t number, struct error *e);

#endif
