/* value.c - data counted by hand, outputs as objects of the heap.
 *
 * Only outputs that hold an object need a labelled reference; data holds no model, so a plain count is enough.
 */
#include "core/workflow/graph/value.h"

#include <stdlib.h>

#include "core/base/array.h"

struct data *value_data_new(enum data_kind kind, struct error *e)
{
	struct data *data = array_new(1, sizeof(*data), e);

	if (!data)
		return NULL;
	data->kind = kind;
	data->count = 1;
	return data;
}

struct data *value_data_keep(struct data *data)
{
	if (data)
		data->count++;
	return data;
}

void value_data_drop(struct data *data)
{
	if (!data || --data->count)
		return;
	switch (data->kind) {
	case DATA_TENSOR:
		values_free(&data->tensor);
		break;
	case DATA_CONDITIONING:
		value_data_drop(data->conditioning.cond);
		value_data_drop(data->conditioning.pooled);
		break;
	case DATA_SIGMAS:
		free(data->sigmas);
		break;
	case DATA_NOISE:
		break;
	}
	free(data);
}

struct data *value_data_tensor(struct values *tensor, struct error *e)
{
	struct data *data = value_data_new(DATA_TENSOR, e);

	if (!data) {
		values_free(tensor);
		return NULL;
	}
	data->tensor = *tensor;
	*tensor = (struct values) { .values = NULL };
	return data;
}

struct conditioning value_data_conditioning(const struct data *data)
{
	struct conditioning conditioning = { .guidance = data->conditioning.guidance };

	if (data->conditioning.cond)
		conditioning.cond = data->conditioning.cond->tensor;
	if (data->conditioning.pooled)
		conditioning.pooled = data->conditioning.pooled->tensor;
	return conditioning;
}

static void outputs_destroy(struct object *object)
{
	struct outputs *outputs = (struct outputs *)object;

	for (size_t i = 0; i < outputs->count; i++) {
		if (outputs->slots[i].value.kind == VALUE_DATA)
			value_data_drop(outputs->slots[i].value.data);
	}
}

static const struct object_class outputs_class = { .name = "outputs", .transparent = true, .destroy = outputs_destroy };

struct outputs *value_outputs_new(struct heap *heap, size_t count, struct error *e)
{
	struct outputs *outputs = object_new(heap, &outputs_class, "", sizeof(*outputs) + count * sizeof(struct output), e);

	if (outputs)
		outputs->count = count;
	return outputs;
}

void value_outputs_set_object(struct outputs *outputs, size_t slot, struct object *object, const char *label)
{
	struct output *output = &outputs->slots[slot];

	output->value = (struct value) { .kind = VALUE_OBJECT, .object = object };
	reference_set(&output->reference, &outputs->object, object, label);
}

void value_outputs_set_data(struct outputs *outputs, size_t slot, struct data *data)
{
	outputs->slots[slot].value = (struct value) { .kind = VALUE_DATA, .data = data };
}
