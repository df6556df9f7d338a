/* fetch.c - the weights of one operation.
 *
 * A weight is used as it is stored where it waits on the compute device, or was copied there, and the operation takes its format;
 * else it is converted into memory of its own. All of that is put on the pass's stream and its memory is given back with that
 * stream, so that nothing here waits.
 */
#include "core/compute/fetch.h"

#include <stdio.h>
#include <string.h>

#include "core/compute/pass.h"
#include "core/tensor/dtype/rounding.h"

static void release(const struct compute *c, struct fetched *fetched)
{
	device_free_after(&fetched->moved, c->stream);
	device_free_after(&fetched->cast, c->stream);
}

/* The copied or resting bytes become the weight's cast. */
static bool convert(struct compute *c, struct fetched *fetched, const struct parameter *parameter)
{
	struct operand *weight = &fetched->weight;
	const struct operand stored = *weight;
	size_t size_bytes = stored.count * pass_element_size_bytes(c, c->dtype);

	if (!device_alloc_on(c->stream, size_bytes, &fetched->cast, c->error))
		return pass_fail_as_set(c) != NULL;
	weight->buffer = fetched->cast;
	weight->dtype = c->dtype;
	weight->quantised = false;
	return c->ops->convert(c, parameter, &stored, weight) || pass_fail_as_set(c);
}

/* Fills *fetched for one operation; false when the pass failed. Released by the caller either way. */
static bool fetch(struct compute *c, struct fetched *fetched, enum operation operation, const char *name)
{
	const struct parameter *parameter = model_parameter(c->model, name);
	struct operand *weight = &fetched->weight;

	*fetched = (struct fetched) { .weight = { .count = 0 } };
	if (!parameter) {
		compute_fail(c, ERROR_FORMAT, "%s has no tensor called %s", c->model->name, name);
		return false;
	}
	*weight = (struct operand) {
		.buffer = parameter->resting,
		.dtype = parameter->dtype,
		.quantised = parameter->quantised,
		.quant = parameter->quant,
		.count = model_parameter_element_count(parameter),
		.rank = parameter->rank,
	};
	memcpy(weight->shape, parameter->shape, sizeof(parameter->shape));
	if (c->model->blocks[parameter->block].device != device_index(c->device)) {
		if (!device_alloc_on(c->stream, parameter->size_bytes, &fetched->moved, c->error) ||
		    !pass_copy(c, &fetched->moved, &parameter->resting, parameter->size_bytes)) {
			error_context(c->error, "copying %s of %s", name, c->model->name);
			return pass_fail_as_set(c) != NULL;
		}
		weight->buffer = fetched->moved;
		c->moved_bytes += parameter->size_bytes;
	}
	if (c->ops->takes(operation, weight, c->dtype) &&
	    !patch_is_pending(c->pending, (size_t)(parameter - c->model->parameters)))
		return true;
	return convert(c, fetched, parameter);
}

void fetch_release(const struct compute *c, struct fetched_module *module)
{
	release(c, &module->weight);
	release(c, &module->bias);
}

bool fetch_parameter(struct compute *c, struct fetched_module *module, enum operation operation, const char *name)
{
	*module = (struct fetched_module) { .b = NULL };
	return fetch(c, &module->weight, operation, name);
}

bool fetch_module(struct compute *c, struct fetched_module *module, enum operation operation, const char *name)
{
	char parameter[PASS_NAME_MAX + 8];

	*module = (struct fetched_module) { .b = NULL };
	snprintf(parameter, sizeof(parameter), "%s.weight", name);
	if (!fetch(c, &module->weight, operation, parameter))
		return false;
	snprintf(parameter, sizeof(parameter), "%s.bias", name);
	if (!model_parameter(c->model, parameter))
		return true;
	module->b = &module->bias.weight;
	return fetch(c, &module->bias, operation, parameter);
}

/* The factor beside an fp8 weight, in the pass's type; false if it has no scale. */
static bool find_scale(struct compute *c, const char *name, float *scale)
{
	char parameter_name[PASS_NAME_MAX + 16];
	const struct parameter *parameter;

	snprintf(parameter_name, sizeof(parameter_name), "%s.scale_weight", name);
	parameter = model_parameter(c->model, parameter_name);
	*scale = 1;
	if (!parameter || parameter->dtype != DTYPE_F32 || parameter->size_bytes != sizeof(*scale))
		return false;
	if (c->bytes_exist && !device_read(&parameter->resting, 0, sizeof(*scale), scale, c->error)) {
		pass_fail_as_set(c);
		return false;
	}
	*scale = round_value(c->dtype, *scale);
	return true;
}

struct tensor *fetch_apply_scale(struct compute *c, struct fetched_module *module, const char *name, const struct tensor *x)
{
	struct tensor *out;
	float scale;

	if (!find_scale(c, name, &scale))
		return NULL;
	if (module->weight.cast.device && module->weight.weight.count < tensor_count(x)) {
		if (!c->ops->scale_weight(c, &module->weight.weight, scale))
			pass_fail_as_set(c);
		return NULL;
	}
	out = compute_new(c, x->rank, x->shape);
	if (out && !c->ops->scale(c, x, scale, out))
		out = pass_fail_as_set(c);
	return out;
}

bool fetch_bias_fits(const struct fetched_module *module, int64_t count)
{
	return !module->b || (module->b->rank == 1 && module->b->shape[0] == count);
}
