/* compute.c - the pass and its tensors.
 *
 * A pass keeps its tensors in a list, so that its end finds those that a failed forward still holds. Copies are put on the pass's
 * stream and memory is given back with that stream, so that nothing here waits but a download, and the end of a pass that failed.
 */
#include "core/compute/compute.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/compute/pass.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/dtype/rounding.h"
#include "core/model/families/family.h"
#include "core/model/memory/memory_estimate.h"

enum dtype compute_dtype_of(const struct model *model)
{
	enum dtype dtype = model->parameter_count ? model->parameters[0].dtype : DTYPE_F32;
	const struct diffusion_class *class;

	/* Blocks say nothing of it: the best that the class can compute in. */
	if (model->quantised) {
		class = memory_diffusion_class_find(model->family ? model->family->memory_class : NULL);
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

struct tensor *pass_fail_as_set(struct compute *c)
{
	c->failed = true;
	return NULL;
}

void *compute_array(struct compute *c, size_t count, size_t size_bytes)
{
	void *array = c->failed ? NULL : array_new(count, size_bytes, c->error);

	return array ? array : pass_fail_as_set(c);
}

/* ---- tensors ---- */

size_t pass_element_size_bytes(const struct compute *c, enum dtype dtype)
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
		return pass_fail_as_set(c);
	tensor->dtype = dtype;
	tensor->references = 1;
	tensor->rank = rank;
	memcpy(tensor->shape, shape, rank * sizeof(*shape));
	if (!device_alloc_on(c->stream, tensor_count(tensor) * pass_element_size_bytes(c, dtype), &tensor->buffer, c->error)) {
		free(tensor);
		error_context(c->error, "running %s", c->model->name);
		return pass_fail_as_set(c);
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

bool pass_copy(const struct compute *c, const struct buffer *to, const struct buffer *from, uint64_t size_bytes)
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
	size_bytes = tensor_count(tensor) * pass_element_size_bytes(c, dtype);
	if (!device_alloc(c->host, size_bytes, &staging, c->error))
		return pass_fail_as_set(c);
	if ((c->bytes_exist && !stage(c, values, dtype, tensor_count(tensor), &staging)) ||
	    !pass_copy(c, &tensor->buffer, &staging, size_bytes))
		tensor = pass_fail_as_set(c);
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
	size_bytes = tensor_count(tensor) * pass_element_size_bytes(c, tensor->dtype);
	if (!device_alloc(c->host, size_bytes, &staging, c->error))
		return pass_fail_as_set(c) != NULL;
	if (!pass_copy(c, &staging, &tensor->buffer, size_bytes) || !stream_synchronize(c->stream, c->error))
		pass_fail_as_set(c);
	if (!c->failed && c->bytes_exist && to && !unstage(c, &staging, tensor->dtype, to, tensor_count(tensor)))
		pass_fail_as_set(c);
	device_free_after(&staging, c->stream);
	return !c->failed;
}

void pass_write_name(const struct compute *c, char *name, const char *format, va_list arguments)
{
	int length = snprintf(name, PASS_NAME_MAX, "%s", c->prefix);

	vsnprintf(name + length, PASS_NAME_MAX - (size_t)length, format, arguments);
}

void compute_tell(struct compute *c, const struct tensor *value, int part, const char *module, ...)
{
	char name[PASS_NAME_MAX];
	va_list arguments;

	if (!c->tap || c->failed || !value)
		return;
	va_start(arguments, module);
	pass_write_name(c, name, module, arguments);
	va_end(arguments);
	c->tap->told(c->tap->context, name, part, value);
}
