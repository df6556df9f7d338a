/* compute.c - the pass: its tensors, its weights, and the checks before each operation.
 *
 * A weight is used as it is stored where it waits on the compute device, or was copied there, and the operation takes its format;
 * else it is converted into memory of its own. All of that is put on the pass's stream and its memory is given back with that
 * stream, so that nothing here waits but a download.
 */
#include "core/compute/compute.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/dtype/rounding.h"
#include "core/model/families/family.h"
#include "core/model/memory/memory_estimate.h"

#define NAME_MAX_BYTES 256

enum dtype compute_dtype_of(const struct model *model)
{
	enum dtype dtype = model->parameter_count ? model->parameters[0].dtype : DTYPE_F32;
	const struct diffusion_class *class;

	/* Blocks say nothing of it: the best that the class can compute in. */
	if (model->quantised) {
		class = diffusion_class_find(model->family ? model->family->memory_class : NULL);
		return class && class->dtypes.count ? class->dtypes.dtypes[0] : DTYPE_BF16;
	}
	switch (dtype) {
	case DTYPE_F8_E4M3:
	case DTYPE_F8_E5M2:
		return DTYPE_BF16;
	case DTYPE_BF16:
	case DTYPE_F16:
		return dtype;
	default:
		return DTYPE_F32;
	}
}

void compute_begin(struct compute *c, const struct model *model, struct device *device, enum dtype dtype, struct error *e)
{
	struct machine *machine = device_machine(device);

	*c = (struct compute) { .model = model,
				.device = device,
				.stream = device_stream(device),
				.host = machine_device(machine, 0),
				.dtype = dtype,
				.ops = ops_find(machine_backend(machine)->operations),
				.bytes_exist = machine_backend(machine)->bytes_exist,
				.prefix = "",
				.error = e };
	if (!c->ops)
		compute_fail(c, ERROR_BUG, "backend %s names operations that do not exist: %s", machine_backend(machine)->name,
			     machine_backend(machine)->operations);
}

static void free_tensor(struct compute *c, struct tensor *tensor)
{
	if (tensor->previous)
		tensor->previous->next = tensor->next;
	else
		c->tensors = tensor->next;
	if (tensor->next)
		tensor->next->previous = tensor->previous;
	device_free_after(&tensor->buffer, c->stream);
	free(tensor);
}

bool compute_end(struct compute *c)
{
	/* Copies from weights may still be queued, and the model may be moved next. A pass that succeeded has waited. */
	if (c->failed && c->bytes_exist)
		stream_synchronize(c->stream, NULL);
	while (c->tensors)
		free_tensor(c, c->tensors);
	return !c->failed;
}

struct tensor *compute_fail(struct compute *c, enum error_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_set_v(c->error, kind, format, arguments);
	va_end(arguments);
	c->failed = true;
	return NULL;
}

static struct tensor *fail_as_set(struct compute *c)
{
	c->failed = true;
	return NULL;
}

void *compute_array(struct compute *c, size_t count, size_t size_bytes)
{
	void *array = c->failed ? NULL : array_new(count, size_bytes, c->error);

	return array ? array : fail_as_set(c);
}

/* ---- tensors ---- */

static size_t element_size_bytes(const struct compute *c, enum dtype dtype)
{
	return c->ops->keeps_float32 ? sizeof(float) : dtype_size_bytes(dtype);
}

static struct tensor *new_tensor(struct compute *c, enum dtype dtype, unsigned rank, const int64_t *shape)
{
	struct tensor *tensor;

	if (c->failed)
		return NULL;
	tensor = array_new(1, sizeof(*tensor), c->error);
	if (!tensor)
		return fail_as_set(c);
	tensor->dtype = dtype;
	tensor->references = 1;
	tensor->rank = rank;
	memcpy(tensor->shape, shape, rank * sizeof(*shape));
	if (!device_alloc_on(c->stream, tensor_count(tensor) * element_size_bytes(c, dtype), &tensor->buffer, c->error)) {
		free(tensor);
		error_context(c->error, "running %s", c->model->name);
		return fail_as_set(c);
	}
	tensor->next = c->tensors;
	if (c->tensors)
		c->tensors->previous = tensor;
	c->tensors = tensor;
	return tensor;
}

struct tensor *compute_new(struct compute *c, unsigned rank, const int64_t *shape)
{
	return new_tensor(c, c->dtype, rank, shape);
}

struct tensor *compute_keep(struct tensor *tensor)
{
	if (tensor)
		tensor->references++;
	return tensor;
}

/* After a failure nothing is freed before the end, so that no pointer that a forward still holds goes bad. */
void compute_drop(struct compute *c, struct tensor *tensor)
{
	if (tensor && !c->failed && --tensor->references == 0)
		free_tensor(c, tensor);
}

/* The first size_bytes of `from`, on the compute stream. */
static bool copy_bytes(const struct compute *c, const struct buffer *to, const struct buffer *from, uint64_t size_bytes)
{
	const struct transfer transfer = {
		.stream = c->stream,
		.to = to,
		.from = from,
		.size_bytes = size_bytes,
	};

	return device_copy(&transfer, c->error);
}

/* Values as the operations keep them, into a buffer of the host. */
static bool stage(const struct compute *c, const float *values, enum dtype dtype, size_t count, const struct buffer *staging)
{
	struct mapping place;
	bool fine = true;

	if (!device_map(staging, MAP_WRITE, &place, c->error))
		return false;
	if (!c->ops->keeps_float32) {
		fine = convert_from_f32(dtype, values, place.bytes, count, c->error);
	} else if (count) {
		memcpy(place.bytes, values, count * sizeof(*values));
		round_values(dtype, place.bytes, count);
	}
	return device_unmap(&place, fine, c->error);
}

static bool unstage(const struct compute *c, const struct buffer *staging, enum dtype dtype, float *to, size_t count)
{
	struct mapping place;
	bool fine;

	if (c->ops->keeps_float32)
		return device_read(staging, 0, count * sizeof(*to), to, c->error);
	if (!device_map(staging, MAP_READ, &place, c->error))
		return false;
	fine = convert_to_f32(dtype, place.bytes, to, count, c->error);
	return device_unmap(&place, fine, c->error);
}

static struct tensor *upload(struct compute *c, const float *values, enum dtype dtype, unsigned rank, const int64_t *shape)
{
	struct tensor *tensor = new_tensor(c, dtype, rank, shape);
	struct buffer staging = { .device = NULL };
	uint64_t size_bytes;

	if (!tensor)
		return NULL;
	size_bytes = tensor_count(tensor) * element_size_bytes(c, dtype);
	if (!device_alloc(c->host, size_bytes, &staging, c->error))
		return fail_as_set(c);
	if ((c->bytes_exist && !stage(c, values, dtype, tensor_count(tensor), &staging)) ||
	    !copy_bytes(c, &tensor->buffer, &staging, size_bytes))
		tensor = fail_as_set(c);
	device_free_after(&staging, c->stream);
	return tensor;
}

struct tensor *compute_upload(struct compute *c, const float *values, unsigned rank, const int64_t *shape)
{
	return upload(c, values, c->dtype, rank, shape);
}

struct tensor *compute_upload_f32(struct compute *c, const float *values, unsigned rank, const int64_t *shape)
{
	return upload(c, values, DTYPE_F32, rank, shape);
}

bool compute_download(struct compute *c, const struct tensor *tensor, float *to)
{
	struct buffer staging = { .device = NULL };
	uint64_t size_bytes;

	if (c->failed)
		return false;
	size_bytes = tensor_count(tensor) * element_size_bytes(c, tensor->dtype);
	if (!device_alloc(c->host, size_bytes, &staging, c->error))
		return fail_as_set(c) != NULL;
	if (!copy_bytes(c, &staging, &tensor->buffer, size_bytes) || !stream_synchronize(c->stream, c->error))
		fail_as_set(c);
	if (!c->failed && c->bytes_exist && to && !unstage(c, &staging, tensor->dtype, to, tensor_count(tensor)))
		fail_as_set(c);
	device_free_after(&staging, c->stream);
	return !c->failed;
}

static void write_name(const struct compute *c, char *name, const char *format, va_list arguments)
{
	int length = snprintf(name, NAME_MAX_BYTES, "%s", c->prefix);

	vsnprintf(name + length, NAME_MAX_BYTES - (size_t)length, format, arguments);
}

void compute_tell(struct compute *c, const struct tensor *value, int part, const char *module, ...)
{
	char name[NAME_MAX_BYTES];
	va_list arguments;

	if (!c->tap || c->failed || !value)
		return;
	va_start(arguments, module);
	write_name(c, name, module, arguments);
	va_end(arguments);
	c->tap->told(c->tap->context, name, part, value);
}

/* ---- weights ---- */

/* A parameter at the compute device in a format that the operation takes, for the length of that operation. */
struct fetched {
	struct operand weight;
	struct buffer moved; /* its bytes, where they had to be copied */
	struct buffer cast; /* its values, where they had to be converted */
};

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
	size_t size_bytes = stored.count * element_size_bytes(c, c->dtype);

	if (!device_alloc_on(c->stream, size_bytes, &fetched->cast, c->error))
		return fail_as_set(c) != NULL;
	weight->buffer = fetched->cast;
	weight->dtype = c->dtype;
	weight->quantised = false;
	return c->ops->convert(c, parameter, &stored, weight) || fail_as_set(c);
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
		.count = parameter_element_count(parameter),
		.rank = parameter->rank,
	};
	memcpy(weight->shape, parameter->shape, sizeof(parameter->shape));
	if (c->model->blocks[parameter->block].device != device_index(c->device)) {
		if (!device_alloc_on(c->stream, parameter->size_bytes, &fetched->moved, c->error) ||
		    !copy_bytes(c, &fetched->moved, &parameter->resting, parameter->size_bytes)) {
			error_context(c->error, "copying %s of %s", name, c->model->name);
			return fail_as_set(c) != NULL;
		}
		weight->buffer = fetched->moved;
		c->moved_bytes += parameter->size_bytes;
	}
	if (c->ops->takes(operation, weight, c->dtype) &&
	    !patch_is_pending(c->pending, (size_t)(parameter - c->model->parameters)))
		return true;
	return convert(c, fetched, parameter);
}

/* Weight and bias of a module; the bias may be absent. */
struct module {
	struct fetched weight, bias;
	const struct operand *b; /* NULL where there is none */
};

static void release_module(const struct compute *c, struct module *module)
{
	release(c, &module->weight);
	release(c, &module->bias);
}

static bool fetch_module(struct compute *c, struct module *module, enum operation operation, const char *name)
{
	char parameter[NAME_MAX_BYTES + 8];

	*module = (struct module) { .b = NULL };
	snprintf(parameter, sizeof(parameter), "%s.weight", name);
	if (!fetch(c, &module->weight, operation, parameter))
		return false;
	snprintf(parameter, sizeof(parameter), "%s.bias", name);
	if (!model_parameter(c->model, parameter))
		return true;
	module->b = &module->bias.weight;
	return fetch(c, &module->bias, operation, parameter);
}

static bool bias_fits(const struct module *module, int64_t count)
{
	return !module->b || (module->b->rank == 1 && module->b->shape[0] == count);
}

/* ---- operations ---- */

static struct tensor *new_like(struct compute *c, const struct tensor *x)
{
	return c->failed ? NULL : compute_new(c, x->rank, x->shape);
}

/* The factor beside an fp8 weight, in the pass's type; false where there is none. */
static bool find_scale(struct compute *c, const char *name, float *scale)
{
	char parameter_name[NAME_MAX_BYTES + 16];
	const struct parameter *parameter;

	snprintf(parameter_name, sizeof(parameter_name), "%s.scale_weight", name);
	parameter = model_parameter(c->model, parameter_name);
	*scale = 1;
	if (!parameter || parameter->dtype != DTYPE_F32 || parameter->size_bytes != sizeof(*scale))
		return false;
	if (c->bytes_exist && !device_read(&parameter->resting, 0, sizeof(*scale), scale, c->error)) {
		fail_as_set(c);
		return false;
	}
	*scale = round_value(c->dtype, *scale);
	return true;
}

/* An fp8 weight's scale goes into the weight or the input, whichever is smaller, as upstream does it: rounding tells them apart.
 * Returns the scaled input where that is it, for the caller to drop. */
static struct tensor *scale_operand(struct compute *c, struct module *module, const char *name, const struct tensor *x)
{
	struct tensor *out;
	float scale;

	if (!find_scale(c, name, &scale))
		return NULL;
	if (module->weight.cast.device && module->weight.weight.count < tensor_count(x)) {
		if (!c->ops->scale_weight(c, &module->weight.weight, scale))
			fail_as_set(c);
		return NULL;
	}
	out = new_like(c, x);
	if (out && !c->ops->scale(c, x, scale, out))
		out = fail_as_set(c);
	return out;
}

/* ---- operations with weights ---- */

/* One under way: its module or, of those that take one alone, its parameter is at the compute device. */
struct weighted {
	const char *name;
	struct module module;
	struct tensor *x; /* NULL where the input is no tensor */
	const void *how; /* the operation's own parameters */
};

/* Checks that the weights fit the input, makes the output and computes it; NULL where the pass failed. */
typedef struct tensor *(*weighted_operation)(struct compute *c, struct weighted *w);

/* What an operation with weights is: what it is called, how many weights it has, and how it runs. */
struct weighted_kind {
	enum operation operation;
	bool has_module; /* weight and perhaps a bias; else one parameter alone, by its whole name */
	weighted_operation run;
};

/* Names and fetches the weights, runs, and releases them and the input. */
static struct tensor *with_weights(struct compute *c, const struct weighted_kind *kind, struct tensor *x, const void *how,
				   const char *format, va_list arguments)
{
	struct weighted w = { .x = x, .how = how };
	char name[NAME_MAX_BYTES];
	struct tensor *out = NULL;

	if (c->failed)
		return NULL;
	write_name(c, name, format, arguments);
	w.name = name;
	if (kind->has_module ? fetch_module(c, &w.module, kind->operation, name)
			     : fetch(c, &w.module.weight, kind->operation, name))
		out = kind->run(c, &w);
	release_module(c, &w.module);
	compute_drop(c, x);
	return out;
}

static struct tensor *misfit(struct compute *c, const struct weighted *w)
{
	return compute_fail(c, ERROR_FORMAT, "%s: %s does not fit its input", c->model->name, w->name);
}

static struct tensor *linear(struct compute *c, struct weighted *operation)
{
	const struct operand *w = &operation->module.weight.weight;
	struct tensor *scaled = scale_operand(c, &operation->module, operation->name, operation->x);
	const struct tensor *input = scaled ? scaled : operation->x;
	int64_t shape[TENSOR_RANK_MAX];
	struct tensor *out;

	if (w->rank != 2 || w->shape[1] != input->shape[input->rank - 1] || !bias_fits(&operation->module, w->shape[0]))
		return compute_fail(c, ERROR_FORMAT, "%s: %s does not fit its input of %lld channels", c->model->name,
				    operation->name, (long long)input->shape[input->rank - 1]);
	memcpy(shape, input->shape, sizeof(shape));
	shape[input->rank - 1] = w->shape[0];
	out = compute_new(c, input->rank, shape);
	if (out && !c->ops->linear(c, input, w, operation->module.b, out))
		out = fail_as_set(c);
	compute_drop(c, scaled);
	return out;
}

struct tensor *compute_linear(struct compute *c, struct tensor *x, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_LINEAR, .has_module = true, .run = linear };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, module);
	out = with_weights(c, &kind, x, NULL, module, arguments);
	va_end(arguments);
	return out;
}

static struct tensor *convolve(struct compute *c, struct weighted *operation)
{
	const struct operand *w = &operation->module.weight.weight;
	const struct convolution *how = operation->how;
	const struct tensor *x = operation->x;
	struct tensor *out;

	if (w->rank != 4 || w->shape[1] != x->shape[1] || !bias_fits(&operation->module, w->shape[0]) ||
	    x->shape[2] + how->top + how->bottom < w->shape[2] || x->shape[3] + how->left + how->right < w->shape[3])
		return compute_fail(c, ERROR_FORMAT, "%s: %s does not fit its input of %lld channels, %lld x %lld",
				    c->model->name, operation->name, (long long)x->shape[1], (long long)x->shape[2],
				    (long long)x->shape[3]);
	out = compute_new(c, 4,
			  (int64_t[]) { x->shape[0], w->shape[0],
					(x->shape[2] + how->top + how->bottom - w->shape[2]) / how->stride + 1,
					(x->shape[3] + how->left + how->right - w->shape[3]) / how->stride + 1 });
	if (out && !c->ops->convolve(c, x, w, operation->module.b, how, out))
		out = fail_as_set(c);
	return out;
}

struct tensor *compute_convolve(struct compute *c, struct tensor *x, const struct convolution *how, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_CONVOLVE, .has_module = true, .run = convolve };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, module);
	out = with_weights(c, &kind, x, how, module, arguments);
	va_end(arguments);
	return out;
}

static struct tensor *layer_norm(struct compute *c, struct weighted *w)
{
	int64_t channels = w->x->shape[w->x->rank - 1];
	struct tensor *out;

	if (w->module.weight.weight.count != (size_t)channels || !bias_fits(&w->module, channels))
		return misfit(c, w);
	out = new_like(c, w->x);
	if (out && !c->ops->layer_norm(c, w->x, &w->module.weight.weight, w->module.b, *(const double *)w->how, out))
		out = fail_as_set(c);
	return out;
}

static struct tensor *plain_layer_norm(struct compute *c, struct tensor *x, double eps)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->layer_norm(c, x, NULL, NULL, eps, out))
		out = fail_as_set(c);
	compute_drop(c, x);
	return out;
}

struct tensor *compute_layer_norm(struct compute *c, struct tensor *x, double eps, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_LAYER_NORM, .has_module = true, .run = layer_norm };
	struct tensor *out;
	va_list arguments;

	if (!module)
		return plain_layer_norm(c, x, eps);
	va_start(arguments, module);
	out = with_weights(c, &kind, x, &eps, module, arguments);
	va_end(arguments);
	return out;
}

static struct tensor *rms_norm(struct compute *c, struct weighted *w)
{
	struct tensor *out;

	if (w->module.weight.weight.count != (size_t)w->x->shape[w->x->rank - 1])
		return misfit(c, w);
	out = new_like(c, w->x);
	if (out && !c->ops->rms_norm(c, w->x, &w->module.weight.weight, *(const double *)w->how, out))
		out = fail_as_set(c);
	return out;
}

struct tensor *compute_rms_norm(struct compute *c, struct tensor *x, double eps, const char *parameter, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_RMS_NORM, .run = rms_norm };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, parameter);
	out = with_weights(c, &kind, x, &eps, parameter, arguments);
	va_end(arguments);
	return out;
}

struct grouping {
	unsigned groups;
	double eps;
};

static struct tensor *group_norm(struct compute *c, struct weighted *w)
{
	const struct grouping *how = w->how;
	int64_t channels = w->x->shape[1];
	struct tensor *out;

	if (channels % how->groups != 0 || w->module.weight.weight.count != (size_t)channels ||
	    !bias_fits(&w->module, channels))
		return misfit(c, w);
	out = new_like(c, w->x);
	if (out && !c->ops->group_norm(c, w->x, how->groups, &w->module.weight.weight, w->module.b, how->eps, out))
		out = fail_as_set(c);
	return out;
}

struct tensor *compute_group_norm(struct compute *c, struct tensor *x, unsigned groups, double eps, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_GROUP_NORM, .has_module = true, .run = group_norm };
	const struct grouping how = { .groups = groups, .eps = eps };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, module);
	out = with_weights(c, &kind, x, &how, module, arguments);
	va_end(arguments);
	return out;
}

struct token_row {
	const int64_t *ids;
	size_t count;
};

static struct tensor *embed(struct compute *c, struct weighted *w)
{
	const struct operand *table = &w->module.weight.weight;
	const struct token_row *row = w->how;
	struct tensor *out;

	for (size_t i = 0; i < row->count; i++) {
		if (row->ids[i] < 0 || row->ids[i] >= table->shape[0])
			return compute_fail(c, ERROR_FORMAT, "%s: token %lld is not in %s, which has %lld rows", c->model->name,
					    (long long)row->ids[i], w->name, (long long)table->shape[0]);
	}
	out = compute_new(c, 2, (int64_t[]) { (int64_t)row->count, table->shape[1] });
	if (out && !c->ops->embed(c, table, row->ids, row->count, out))
		out = fail_as_set(c);
	return out;
}

struct tensor *compute_embed(struct compute *c, const int64_t *ids, size_t count, const char *parameter, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_EMBED, .run = embed };
	const struct token_row row = { .ids = ids, .count = count };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, parameter);
	out = with_weights(c, &kind, NULL, &row, parameter, arguments);
	va_end(arguments);
	return out;
}

/* ---- operations of tensors alone ---- */

struct tensor *compute_attend(struct compute *c, struct tensor *q, struct tensor *k, struct tensor *v, struct tensor *bias,
			      double scale)
{
	struct tensor *out = new_like(c, q);

	if (out && !c->ops->attend(c, q, k, v, bias, scale, out))
		out = fail_as_set(c);
	compute_drop(c, q);
	compute_drop(c, k);
	compute_drop(c, v);
	compute_drop(c, bias);
	return out;
}

struct tensor *compute_unary(struct compute *c, enum unary kind, struct tensor *x)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->unary(c, kind, x, out))
		out = fail_as_set(c);
	compute_drop(c, x);
	return out;
}

static struct tensor *binary(struct compute *c, enum binary kind, struct tensor *x, struct tensor *y)
{
	struct tensor *out = new_like(c, x);

	if (!out)
		return NULL;
	if (tensor_count(x) != tensor_count(y))
		return compute_fail(c, ERROR_BUG, "%s: two tensors of %zu and %zu elements were to be combined", c->model->name,
				    tensor_count(x), tensor_count(y));
	if (!c->ops->binary(c, kind, x, y, out))
		return fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, y);
	return out;
}

struct tensor *compute_add(struct compute *c, struct tensor *x, struct tensor *y)
{
	return binary(c, BINARY_ADD, x, y);
}

struct tensor *compute_multiply(struct compute *c, struct tensor *x, struct tensor *y)
{
	return binary(c, BINARY_MULTIPLY, x, y);
}

struct tensor *compute_modulate(struct compute *c, struct tensor *x, struct tensor *scale, struct tensor *shift)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->modulate(c, x, scale, shift, out))
		out = fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, scale);
	compute_drop(c, shift);
	return out;
}

struct tensor *compute_gate(struct compute *c, struct tensor *x, struct tensor *gate, struct tensor *y)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->gate(c, x, gate, y, out))
		out = fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, gate);
	compute_drop(c, y);
	return out;
}

struct tensor *compute_rotate(struct compute *c, struct tensor *x, struct tensor *angles)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->rotate(c, x, angles, out))
		out = fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, angles);
	return out;
}
