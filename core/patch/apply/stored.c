/* The plain way: all of a weight's elements become float32, the adapters are applied one after the other, and the sum is
 * rounded once, for fp8 by chance from the weight's own seed. A scale is multiplied in before and divided out after. The
 * fast way (strips.c) must give the same bits.
 */
#include "core/patch/apply/stored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/arith/arith.h"
#include "core/patch/apply/strips.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"
#include "core/tensor/quant/quant.h"
#include "core/tensor/convert/stochastic.h"

uint64_t stored_count(const struct stored *stored)
{
	uint64_t count = 1;

	for (unsigned i = 0; i < stored->rank; i++)
		count *= (uint64_t)stored->shape[i];
	return count;
}

static void multiply(const struct stored *stored, struct weight_values *weight)
{
	size_t count = adapter_weight_count(weight);
	size_t columns = weight->rank && weight->shape[0] ? count / (size_t)weight->shape[0] : count;

	for (size_t i = 0; stored_is_scaled(stored) && i < count; i++)
		weight->values[i] *= stored->row_scales ? stored->row_scales[i / columns] : stored->scale;
}

static bool divide(const struct stored *stored, struct weight_values *weight, struct error *e)
{
	size_t count = adapter_weight_count(weight);
	size_t columns = weight->rank && weight->shape[0] ? count / (size_t)weight->shape[0] : count;

	if (stored->row_scales && (weight->rank != stored->rank || weight->shape[0] != stored->shape[0]))
		return error_set(e, ERROR_UNSUPPORTED, "%s has a scale a row, and would have other rows", stored->key);
	for (size_t i = 0; stored_is_scaled(stored) && i < count; i++)
		weight->values[i] /= stored->row_scales ? stored->row_scales[i / columns] : stored->scale;
	return true;
}

static bool take_values(const struct stored *stored, struct weight_values *weight, struct error *e)
{
	size_t count = stored_count(stored);

	*weight = (struct weight_values) { .dtype = DTYPE_F32, .rank = stored->rank };
	memcpy(weight->shape, stored->shape, stored->rank * sizeof(*stored->shape));
	weight->values = array_new(count, sizeof(*weight->values), e);
	if (weight->values && stored->blocks)
		return convert_dequantise(stored->blocks->quant, stored->blocks->way, stored->bytes, weight->values, count, e);
	return weight->values && convert_to_f32(stored->dtype, stored->bytes, weight->values, count, e);
}

bool stored_patch(const struct stored *stored, const struct patch_list *list, size_t parameter, struct weight_values *weight,
		  struct error *e)
{
	if (!take_values(stored, weight, e))
		return false;
	multiply(stored, weight);
	return patch_weight(list, parameter, weight, DTYPE_F32, e) && divide(stored, weight, e);
}

/* A scaled weight's sum is formed in float32, and rounded to what the weight is before it is used. */
bool stored_patch_in(const struct stored *stored, const struct patch_list *list, size_t parameter, enum dtype dtype,
		     struct weight_values *weight, struct error *e)
{
	if (!take_values(stored, weight, e))
		return false;
	round_values(dtype, weight->values, adapter_weight_count(weight));
	if (!stored_is_scaled(stored)) {
		weight->dtype = dtype;
		return patch_weight(list, parameter, weight, stored->blocks ? DTYPE_F32 : dtype, e);
	}
	multiply(stored, weight);
	return patch_weight(list, parameter, weight, dtype, e) && divide(stored, weight, e) && stored_settle(stored, weight, e);
}

/* To nearest even; NaN becomes 0. */
static void round_to_int8(const float *values, size_t count, int8_t *to)
{
	for (size_t i = 0; i < count; i++) {
		float value = rintf(values[i]);

		to[i] = value >= INT8_MAX ? INT8_MAX : value <= INT8_MIN ? INT8_MIN : isnan(value) ? 0 : (int8_t)value;
	}
}

bool stored_round(const struct stored *stored, const float *values, size_t count, void *bytes, struct error *e)
{
	struct mt19937 generator;

	if (stored->dtype == DTYPE_I8) {
		round_to_int8(values, count, bytes);
		return true;
	}
	mt19937_seed(&generator, stochastic_seed(stored->key));
	return stochastic_round(stored->dtype, &generator, values, bytes, count, e);
}

bool stored_patch_round(const struct stored *stored, const struct patch_list *list, size_t parameter, void *to, struct error *e)
{
	struct weight_values weight;
	bool fine;

	if (strips_can(stored, list, parameter))
		return strips_patch(stored, list, parameter, to, e);
	fine = stored_patch(stored, list, parameter, &weight, e) &&
	       stored_round(stored, weight.values, adapter_weight_count(&weight), to, e);

	free(weight.values);
	return fine;
}

bool stored_settle(const struct stored *stored, struct weight_values *weight, struct error *e)
{
	size_t count = adapter_weight_count(weight);
	void *bytes;
	bool fine;

	if (stored->dtype == DTYPE_F32)
		return true;
	bytes = array_new(count, dtype_size_bytes(stored->dtype), e);
	fine = bytes && stored_round(stored, weight->values, count, bytes, e) &&
	       convert_to_f32(stored->dtype, bytes, weight->values, count, e);
	free(bytes);
	return fine;
}
