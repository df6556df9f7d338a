/* explore_sequence.h - a sequence of actions that can be changed: made by the generator, cut down by the shrinker, run as a flow.
 *
 * Zero-initialise; free with explore_sequence_free. Names of models are literals: nothing but the steps is owned.
 */
#ifndef RESIDENCY_SCENARIOS_EXPLORE_SEQUENCE_H
#define RESIDENCY_SCENARIOS_EXPLORE_SEQUENCE_H

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "scenarios/flow/flow.h"

#define SEQUENCE_MODELS_MAX 6

struct sequence_step {
	struct flow_step step; /* its models are those below */
	struct matrix_model models[SEQUENCE_MODELS_MAX];
};

struct sequence {
	struct flow_setting setting;
	struct matrix_model models[SEQUENCE_MODELS_MAX]; /* of a plain prompt */
	size_t model_count;
	struct sequence_step *steps;
	size_t step_count, step_capacity;
	struct flow_step *view; /* what explore_sequence_as_flow shows */
	size_t view_capacity;
};

void explore_sequence_free(struct sequence *sequence);

/* Makes `to` the same. On failure it is what it was. */
bool explore_sequence_copy(struct sequence *to, const struct sequence *from, struct error *e);

/* A new last step, all zero. NULL when out of memory. */
struct sequence_step *explore_sequence_add(struct sequence *sequence, struct error *e);

void explore_sequence_remove(struct sequence *sequence, size_t first, size_t count);

/* The flow borrows from the sequence, until that changes. */
bool explore_sequence_as_flow(struct sequence *sequence, struct flow *flow, struct error *e);

/* The name of model number `index`, and of its clone: "A", "A+clone". */
const char *explore_sequence_model_name(size_t index);
const char *explore_sequence_clone_name(size_t index);

/* The number of a name as above; SEQUENCE_MODELS_MAX for any other. */
size_t explore_sequence_model_index(const char *name);

/* "prompt(A unet kept, B clip) post(unload_models)": one line. */
void explore_sequence_line(const struct sequence *sequence, struct strbuf *line);

/* The actions without their models: "prompt post(unload_models)". What has one shape is taken for one failure. */
void explore_sequence_shape(const struct sequence *sequence, struct strbuf *shape);

#endif
