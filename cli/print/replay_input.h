/* replay_input.h - what `residency replay` is to run: workflows and scenarios, read before anything runs. */
#ifndef RESIDENCY_CLI_REPLAY_INPUT_H
#define RESIDENCY_CLI_REPLAY_INPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "scenarios/flow/flow.h"

/* One of the two. */
struct replay_input {
	char name[64];
	json_t *workflow;
	struct flow *flow;
	const struct matrix *matrix; /* whose models the flow runs over; NULL: its own */
};

/* A file, else a built-in workflow, else a built-in flow. What has "actions" is a scenario. --matrix, or NULL, is for a flow that
 * carries no models and names no matrix. The caller frees. */
bool replay_input_read(struct replay_input *input, const char *name_or_file, const char *matrix, struct error *e);
void replay_input_free(struct replay_input *input);

/* --seed takes the place of every seed in a workflow. */
void replay_input_set_seed(struct replay_input *input, uint64_t seed);

#endif
