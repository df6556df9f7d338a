/* explore.h - random sequences of everything that scenarios can do, against the invariants of explore_check.h; each failure cut
 * down to its shortest form.
 *
 * Each sequence runs on a fresh subject and depends on nothing but the seed, the policy and its number. Failures of one
 * invariant, one cause and one shape (the shortest sequence without its models) are one. What is found is a flow, and a judge
 * says the same of it, as `residency replay` would: one is asked.
 */
#ifndef RESIDENCY_SCENARIOS_EXPLORE_H
#define RESIDENCY_SCENARIOS_EXPLORE_H

#include "scenarios/explore/explore_check.h"
#include "scenarios/explore/explore_generate.h"
#include "scenarios/explore/explore_sequence.h"
#include "scenarios/subject/subject.h"

/* One distinct failure. */
struct explored {
	const struct policy *policy;
	struct explore_failure failure;
	struct sequence sequence; /* the shortest */
	char *line, *shape; /* explore_sequence_line, explore_sequence_shape; owned */
	uint64_t after; /* sequences of its policy that it took to find it, itself among them */
	unsigned number; /* of its policy and invariant, from 1 */
	bool confirmed; /* a judge says the same of the scenario as it is saved */
	char *text; /* the scenario's file; owned */
	char name[48]; /* the scenario's: "delegate-kept-stays-1" */
};

struct explore {
	struct subject *subject;
	struct explore_space space;
	uint64_t seed;
	uint64_t steps_most, sequences_most; /* under each policy; 0: no limit */
	bool go_on; /* after the first failure of a policy */
	const struct record_sink *sink; /* gets the records of what is found, a cell each; may be NULL */
	const bool *interrupted; /* may be NULL */
	/* Told of a new failure; and after each sequence, with all steps so far. May be NULL. false stops. */
	bool (*found)(void *context, const struct explored *explored);
	bool (*ran)(void *context, uint64_t steps);
	void *context;
};

struct explore_result {
	struct explored *items;
	size_t count, capacity;
	uint64_t sequences, steps; /* without those of shrinking */
	uint64_t failing, cut; /* sequences that failed; that ended early, a device being full */
	uint64_t shrink_runs;
	bool was_stopped; /* interrupted, or by a callback */
};

/* Explores one policy and adds to the result, which starts as zeros; free it with explore_result_free, also on failure. */
bool explore_policy(const struct explore *explore, const struct policy *policy, struct explore_result *result, struct error *e);
void explore_result_free(struct explore_result *result);

#endif
