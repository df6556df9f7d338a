/* rounding.h - values kept as float32, rounded to what a type of 16 or 32 bits can hold.
 *
 * F16 and BF16 round to nearest, ties to even, as small_float.h says; F32 and every other type leave the value as it is.
 */
#ifndef RESIDENCY_TENSOR_ROUNDING_H
#define RESIDENCY_TENSOR_ROUNDING_H

#include <stddef.h>

#include "core/tensor/dtype/dtype.h"
#include "core/tensor/dtype/small_float.h"

static inline float round_value(enum dtype dtype, float value)
{
	if (dtype == DTYPE_BF16)
		return dtype_bf16_to_f32(dtype_f32_to_bf16(value));
	if (dtype == DTYPE_F16)
		return dtype_f16_to_f32(dtype_f32_to_f16(value));
	return value;
}

static inline void round_values(enum dtype dtype, float *values, size_t count)
{
	if (dtype == DTYPE_F32)
		return;
	for (size_t i = 0; i < count; i++)
		values[i] = round_value(dtype, values[i]);
}

#endif
