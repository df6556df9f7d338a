/* fetch.h - the weights of one operation, at the compute device and in a format that the operation takes.
 * Private to core/compute.
 *
 * Weights are fetched before an operation and released after it, whether the fetch succeeded or not. What fails fills the pass's
 * error and marks the pass as failed. A pass belongs to one thread.
 */
#ifndef RESIDENCY_COMPUTE_FETCH_H
#define RESIDENCY_COMPUTE_FETCH_H

#include "core/compute/compute.h"

/* A parameter for the length of one operation. */
struct fetched {
	struct operand weight;
	struct buffer moved; /* its bytes, where they had to be copied */
	struct buffer cast; /* its values, where they had to be converted */
};

/* Weight and bias of a module, or one parameter alone. Owns the copies; fetch_release() frees them. */
struct fetched_module {
	struct fetched weight, bias;
	const struct operand *b; /* the bias; NULL without one */
};

/* One parameter by its whole name, into module->weight. */
bool fetch_parameter(struct compute *c, struct fetched_module *module, enum operation operation, const char *name);

/* NAME.weight and, where the model has it, NAME.bias. */
bool fetch_module(struct compute *c, struct fetched_module *module, enum operation operation, const char *name);

/* Gives the copies back once the operation has run. */
void fetch_release(const struct compute *c, struct fetched_module *module);

/* Whether the bias has `count` elements; true where there is no bias. */
bool fetch_bias_fits(const struct fetched_module *module, int64_t count);

/* An fp8 weight's scale goes into the weight or the input, whichever is smaller, as upstream does it: rounding tells them apart.
 * Returns the scaled input where that is it, for the caller to drop; else NULL. */
struct tensor *fetch_apply_scale(struct compute *c, struct fetched_module *module, const char *name, const struct tensor *x);

#endif
