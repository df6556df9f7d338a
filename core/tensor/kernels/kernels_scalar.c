/* The reference: every loop over every type, one element at a time. */
#include <string.h>

#include "core/tensor/dtype/small_float.h"
#include "core/tensor/dtype/stochastic_code.h"
#include "core/tensor/kernels/kernels.h"
#include "core/tensor/quant/quant_scalar.h"

/* Loads and stores by memcpy, because tensors in a file need not be aligned. */
#define DEFINE_TO_F32(name, type, expression)                                                                                  \
	static void name##_array_to_f32(const void *from, float *to, size_t count)                                             \
	{                                                                                                                      \
		for (size_t i = 0; i < count; i++) {                                                                           \
			type x;                                                                                                \
                                                                                                                               \
			memcpy(&x, (const char *)from + i * sizeof(x), sizeof(x));                                             \
			to[i] = (expression);                                                                                  \
		}                                                                                                              \
	}

#define DEFINE_FROM_F32(name, type, expression)                                                                                \
	static void name##_array_from_f32(const float *from, void *to, size_t count)                                           \
	{                                                                                                                      \
		for (size_t i = 0; i < count; i++) {                                                                           \
			type x = (expression);                                                                                 \
                                                                                                                               \
			memcpy((char *)to + i * sizeof(x), &x, sizeof(x));                                                     \
		}                                                                                                              \
	}

DEFINE_TO_F32(f16, uint16_t, dtype_f16_to_f32(x))
DEFINE_TO_F32(bf16, uint16_t, dtype_bf16_to_f32(x))
DEFINE_TO_F32(f8_e4m3, uint8_t, dtype_f8_e4m3_to_f32(x))
DEFINE_TO_F32(f8_e5m2, uint8_t, dtype_f8_e5m2_to_f32(x))
DEFINE_TO_F32(f64, double, (float)x)
DEFINE_TO_F32(bool, uint8_t, x ? 1.0f : 0.0f)
DEFINE_TO_F32(u8, uint8_t, (float)x)
DEFINE_TO_F32(i8, int8_t, (float)x)
DEFINE_TO_F32(u16, uint16_t, (float)x)
DEFINE_TO_F32(i16, int16_t, (float)x)
DEFINE_TO_F32(u32, uint32_t, (float)x)
DEFINE_TO_F32(i32, int32_t, (float)x)
DEFINE_TO_F32(u64, uint64_t, (float)x)
DEFINE_TO_F32(i64, int64_t, (float)x)

DEFINE_FROM_F32(f16, uint16_t, dtype_f32_to_f16(from[i]))
DEFINE_FROM_F32(bf16, uint16_t, dtype_f32_to_bf16(from[i]))
DEFINE_FROM_F32(f8_e4m3, uint8_t, dtype_f32_to_f8_e4m3(from[i]))
DEFINE_FROM_F32(f8_e5m2, uint8_t, dtype_f32_to_f8_e5m2(from[i]))
DEFINE_FROM_F32(f64, double, from[i])

static void f32_array_to_f32(const void *from, float *to, size_t count)
{
	if (count)
		memcpy(to, from, count * sizeof(*to));
}

static void f32_array_from_f32(const float *from, void *to, size_t count)
{
	if (count)
		memcpy(to, from, count * sizeof(*from));
}

static void stochastic_f8_e4m3(const float *from, const uint32_t *draws, uint8_t *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = stochastic_code(DTYPE_F8_E4M3, from[i], draws[i]);
}

static void stochastic_f8_e5m2(const float *from, const uint32_t *draws, uint8_t *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = stochastic_code(DTYPE_F8_E5M2, from[i], draws[i]);
}

static bool runs_here(void)
{
	return true;
}

#define TWO_WAYS(type) [QUANT_##type] = { quant_scalar_##type##_exact, quant_scalar_##type##_half },
#define ONE_WAY(type) [QUANT_##type] = { quant_scalar_##type##_exact, NULL },

const struct kernels kernels_scalar = {
	.name = "scalar",
	.runs_here = runs_here,
	.dequantise = { QUANTS_OF_TWO_WAYS(TWO_WAYS) QUANTS_OF_ONE_WAY(ONE_WAY) },
	.to_f32 = {
		[DTYPE_F32] = f32_array_to_f32,
		[DTYPE_F16] = f16_array_to_f32,
		[DTYPE_BF16] = bf16_array_to_f32,
		[DTYPE_F8_E4M3] = f8_e4m3_array_to_f32,
		[DTYPE_F8_E5M2] = f8_e5m2_array_to_f32,
		[DTYPE_F64] = f64_array_to_f32,
		[DTYPE_BOOL] = bool_array_to_f32,
		[DTYPE_U8] = u8_array_to_f32,
		[DTYPE_I8] = i8_array_to_f32,
		[DTYPE_U16] = u16_array_to_f32,
		[DTYPE_I16] = i16_array_to_f32,
		[DTYPE_U32] = u32_array_to_f32,
		[DTYPE_I32] = i32_array_to_f32,
		[DTYPE_U64] = u64_array_to_f32,
		[DTYPE_I64] = i64_array_to_f32,
	},
	.from_f32 = {
		[DTYPE_F32] = f32_array_from_f32,
		[DTYPE_F16] = f16_array_from_f32,
		[DTYPE_BF16] = bf16_array_from_f32,
		[DTYPE_F8_E4M3] = f8_e4m3_array_from_f32,
		[DTYPE_F8_E5M2] = f8_e5m2_array_from_f32,
		[DTYPE_F64] = f64_array_from_f32,
	},
	.stochastic = {
		[DTYPE_F8_E4M3] = stochastic_f8_e4m3,
		[DTYPE_F8_E5M2] = stochastic_f8_e5m2,
	},
};
