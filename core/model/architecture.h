/* architecture.h - a model's modules and parameters, written down by its family before there are any bytes.
 *
 * A family's describe function adds blocks in module registration order, each followed by its parameters:
 *
 *	architecture_block(a, "Linear", true, "single_blocks.%d.linear2", i);
 *	architecture_parameter(a, "weight", 2, (int64_t[]){ hidden, 5 * hidden });
 *	architecture_parameter(a, "bias", 1, (int64_t[]){ hidden });
 *
 * The first failure is kept; architecture_ok tells.
 */
#ifndef RESIDENCY_MODEL_ARCHITECTURE_H
#define RESIDENCY_MODEL_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/model.h"

struct architecture {
	struct block_description *blocks; /* names owned */
	size_t block_count, block_capacity;
	struct parameter_description *parameters; /* names owned; bytes NULL until a source fills them */
	size_t parameter_count, parameter_capacity;
	const char *prefix; /* put before every module's name */
	enum dtype dtype; /* of every parameter added from now on */
	struct error *error;
	bool failed;
};

void architecture_begin(struct architecture *a, enum dtype dtype, struct error *e);
void architecture_end(struct architecture *a);

static inline bool architecture_ok(const struct architecture *a)
{
	return !a->failed;
}

/* has_bias: the module has a bias attribute, None counting as one. Every module may be cast when used but those whose weights
 * ComfyUI reads directly. */
__attribute__((format(printf, 4, 5))) void architecture_block(struct architecture *a, const char *type, bool has_bias,
							      const char *module, ...);

/* "MODULE.suffix". "weight" and "bias" count for the planner's W. */
void architecture_parameter(struct architecture *a, const char *suffix, unsigned rank, const int64_t *shape);

/* The two commonest modules. */
__attribute__((format(printf, 5, 6))) void architecture_linear(struct architecture *a, int64_t out, int64_t in, bool bias,
							       const char *module, ...);
__attribute__((format(printf, 5, 6))) void architecture_convolution(struct architecture *a, int64_t out, int64_t in,
								    int64_t kernel, const char *module, ...);
/* weight and bias of `channels` each. */
__attribute__((format(printf, 4, 5))) void architecture_norm(struct architecture *a, const char *type, int64_t channels,
							     const char *module, ...);

/* All parameters' bytes. */
uint64_t architecture_size_bytes(const struct architecture *a);

#endif
