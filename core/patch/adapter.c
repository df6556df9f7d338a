/* What all kinds of adapter share: their parts as float32, refusals that quote the shapes, the scale from alpha and rank,
 * and the addition of a scaled difference, rounded after each operation as upstream's types would. What a kind does between
 * is in its own file.
 */
#include "core/patch/adapter.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/arith/arith.h"
#include "core/tensor/convert/convert.h"

const struct adapter_kind *const adapter_kinds[] = {
	&kind_lora, &kind_loha,	     &kind_lokr, &kind_glora,	  &kind_oft, &kind_boft,
	&kind_norm, &kind_norm_bias, &kind_diff, &kind_diff_bias, &kind_set, NULL,
};

size_t adapter_weight_count(const struct weight_values *weight)
{
	size_t count = 1;

	for (unsigned i = 0; i < weight->rank; i++)
		count *= (size_t)weight->shape[i];
	return count;
}

/* ---- for kinds ---- */

static float *values_of(const struct change *change, const struct safetensors_tensor *tensor, struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);

	if (values && convert_to_f32(tensor->dtype, tensor->bytes, values, tensor->element_count, e)) {
		round_values(change->dtype, values, tensor->element_count);
		return values;
	}
	free(values);
	return NULL;
}

float *adapter_part_values(const struct change *change, unsigned part, struct error *e)
{
	return values_of(change, change->adapter->parts[part], e);
}

static void print_shape(char text[100], size_t rank, const uint64_t *wide, const int64_t *signed_shape)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < rank && length < 80; i++) {
		unsigned long long size = wide ? (unsigned long long)wide[i] : (unsigned long long)signed_shape[i];

		length += (size_t)snprintf(text + length, 100 - length, "%s%llu", i ? " x " : "", size);
	}
}

bool adapter_misfit(const struct change *change, unsigned part, struct error *e, const char *why, ...)
{
	const struct adapter *adapter = change->adapter;
	const struct safetensors_tensor *tensor = adapter->parts[part];
	char shape[100];
	char wanted[100];
	char reason[160];
	va_list arguments;

	va_start(arguments, why);
	vsnprintf(reason, sizeof(reason), why, arguments);
	va_end(arguments);
	if (!tensor)
		return error_set(e, ERROR_FORMAT, "%s: its %s for %s is not whole: %s", adapter->file, adapter->kind->name,
				 adapter->key, reason);
	print_shape(shape, tensor->rank, tensor->shape, NULL);
	print_shape(wanted, change->weight->rank, NULL, change->weight->shape);
	return error_set(e, ERROR_FORMAT, "%s: %s, at byte %llu, is [%s] and does not fit %s [%s]: %s", adapter->file,
			 tensor->name, (unsigned long long)tensor->file_offset, shape, adapter->key, wanted, reason);
}

double adapter_alpha(const struct change *change, uint64_t rank)
{
	return isnan(change->adapter->alpha) || rank == 0 ? 1.0 : change->adapter->alpha / (double)rank;
}

uint64_t adapter_tensor_rows(const struct safetensors_tensor *tensor)
{
	return tensor->rank ? tensor->shape[0] : 1;
}

uint64_t adapter_tensor_columns(const struct safetensors_tensor *tensor)
{
	return adapter_tensor_rows(tensor) ? tensor->element_count / adapter_tensor_rows(tensor) : 0;
}

/* ---- applying ---- */

/* weight += strength * alpha * difference: the scalar is made in double precision and used in single; what it scales is in the
 * differences' type, and the sum in the weight's. */
static void add(const struct change *change, const struct difference *difference)
{
	struct weight_values *weight = change->weight;
	size_t count = adapter_weight_count(weight);
	float factor = (float)(change->strength * difference->alpha);

	if (weight->dtype == DTYPE_F32 && change->dtype == DTYPE_F32 && !change->adapter->swaps_halves) {
		for (size_t i = 0; i < count; i++)
			weight->values[i] += factor * difference->values[i];
		return;
	}
	for (size_t i = 0; i < count; i++) {
		float value = round_value(change->dtype, factor * difference->values[adapter_change_source(change, count, i)]);

		weight->values[i] = round_value(weight->dtype, weight->values[i] + round_value(weight->dtype, value));
	}
}

bool adapter_apply(const struct change *change, struct error *e)
{
	struct difference difference = { .values = NULL };
	bool fine;

	if (change->adapter->kind->apply)
		return change->adapter->kind->apply(change, e);
	fine = change->adapter->kind->difference(change, &difference, e);
	if (fine && change->adapter->dora_scale)
		fine = dora_apply(change, &difference, e);
	else if (fine)
		add(change, &difference);
	free(difference.values);
	return fine;
}
