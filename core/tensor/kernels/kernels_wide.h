/* kernels_wide.h - what the files with wide instructions share: loops over blocks and vectors, with what is left over done by
 * scalar, and the table at the end. Private to core/tensor/kernels.
 * Each file that includes it defines LANES first.
 */
#ifndef RESIDENCY_TENSOR_KERNELS_WIDE_H
#define RESIDENCY_TENSOR_KERNELS_WIDE_H

#include <string.h>

#include "core/tensor/kernels/kernels.h"

/* An eight-bit float, for rounding float32 bits to its codes. */
struct wide_f8 {
	unsigned shift; /* of float32's mantissa */
	uint32_t half; /* of the last place kept, less one */
	int rebias; /* what float32's exponent is too large, in place */
	int first_normal; /* magnitude bits */
	int overflow_code;
	float magic; /* its last place is the smallest subnormal */
};

#define WIDE_E4M3                                                                                                              \
	{                                                                                                                      \
		20, 0x7ffff, 120 << 23, 0x3c800000, 0x7f, 16384                                                                \
	}
#define WIDE_E5M2                                                                                                              \
	{                                                                                                                      \
		21, 0xfffff, 112 << 23, 0x38800000, 0x7c, 128                                                                  \
	}
static const struct wide_f8 wide_e4m3 = WIDE_E4M3;
static const struct wide_f8 wide_e5m2 = WIDE_E5M2;

/* stochastic_code.c's targets. */
struct wide_stochastic {
	struct wide_f8 f8;
	int bias, exponent_max;
	float steps; /* of the mantissa */
	float largest;
	float subnormal_scale; /* 2^(bias + mantissa bits - 1) */
	float subnormal_unit; /* 2^(1 - bias) */
};

static const struct wide_stochastic wide_stochastic_e4m3 = { WIDE_E4M3, 7, 15, 8, 448, 0x1p9f, 0x1p-6f };
static const struct wide_stochastic wide_stochastic_e5m2 = { WIDE_E5M2, 15, 31, 4, 57344, 0x1p16f, 0x1p-14f };

#define WIDE_DEFINE(type, function, way, suffix)                                                                               \
	static void wide_##type##_##suffix(const uint8_t *blocks, float *to, size_t block_count)                               \
	{                                                                                                                      \
		const size_t bytes = WIDE_BYTES_##type;                                                                        \
		const size_t elements = WIDE_ELEMENTS_##type;                                                                  \
                                                                                                                               \
		for (size_t i = 0; i < block_count; i++)                                                                       \
			function(blocks + i * bytes, to + i * elements, way);                                                  \
	}

#define WIDE_DEFINE_BOTH(type, function)                                                                                       \
	WIDE_DEFINE(type, function, QUANT_EXACT, exact)                                                                        \
	WIDE_DEFINE(type, function, QUANT_HALF, half)

/* The block's sizes as constants, so that the loops above need no table. */
enum {
#define WIDE_SIZES(name, number, elements, bytes) WIDE_ELEMENTS_##name = (elements), WIDE_BYTES_##name = (bytes),
	QUANTS(WIDE_SIZES)
#undef WIDE_SIZES
};

#define WIDE_DEFINE_TO_F32(dtype, size, load, store)                                                                           \
	static void wide_##dtype##_to_f32(const void *from, float *to, size_t count)                                           \
	{                                                                                                                      \
		const uint8_t *bytes = from;                                                                                   \
		size_t i = 0;                                                                                                  \
                                                                                                                               \
		for (; i + LANES <= count; i += LANES)                                                                         \
			store(to + i, load(bytes + i * (size)));                                                               \
		kernels_scalar.to_f32[DTYPE_##dtype](bytes + i * (size), to + i, count - i);                                   \
	}

#define WIDE_DEFINE_FROM_F32(dtype, size, store, load)                                                                         \
	static void wide_##dtype##_from_f32(const float *from, void *to, size_t count)                                         \
	{                                                                                                                      \
		uint8_t *bytes = to;                                                                                           \
		size_t i = 0;                                                                                                  \
                                                                                                                               \
		for (; i + LANES <= count; i += LANES)                                                                         \
			store(bytes + i * (size), load(from + i));                                                             \
		kernels_scalar.from_f32[DTYPE_##dtype](from + i, bytes + i * (size), count - i);                               \
	}

#define WIDE_DEFINE_STOCHASTIC(dtype, parameters)                                                                              \
	static void wide_##dtype##_stochastic(const float *from, const uint32_t *draws, uint8_t *to, size_t count)             \
	{                                                                                                                      \
		size_t i = 0;                                                                                                  \
                                                                                                                               \
		for (; i + LANES <= count; i += LANES)                                                                         \
			stochastic_some(from + i, draws + i, to + i, parameters);                                              \
		kernels_scalar.stochastic[DTYPE_##dtype](from + i, draws + i, to + i, count - i);                              \
	}

/* The table that ends each file, whose WIDE_TWO_WAYS(type) is a row of it. */
#define WIDE_KERNELS(table, words, question)                                                                                   \
	const struct kernels table = {                                                                                         \
		.name = (words),                                                                                               \
		.runs_here = (question),                                                                                       \
		.dequantise = { QUANTS_OF_TWO_WAYS(WIDE_TWO_WAYS) },                                                           \
		.to_f32 = {                                                                                                    \
			[DTYPE_F16] = wide_F16_to_f32,                                                                         \
			[DTYPE_BF16] = wide_BF16_to_f32,                                                                       \
			[DTYPE_F8_E4M3] = wide_F8_E4M3_to_f32,                                                                 \
			[DTYPE_F8_E5M2] = wide_F8_E5M2_to_f32,                                                                 \
		},                                                                                                             \
		.from_f32 = {                                                                                                  \
			[DTYPE_F16] = wide_F16_from_f32,                                                                       \
			[DTYPE_BF16] = wide_BF16_from_f32,                                                                     \
			[DTYPE_F8_E4M3] = wide_F8_E4M3_from_f32,                                                               \
			[DTYPE_F8_E5M2] = wide_F8_E5M2_from_f32,                                                               \
		},                                                                                                             \
		.stochastic = {                                                                                                \
			[DTYPE_F8_E4M3] = wide_F8_E4M3_stochastic,                                                             \
			[DTYPE_F8_E5M2] = wide_F8_E5M2_stochastic,                                                             \
		},                                                                                                             \
	};

/* In kernels.c, which is compiled for any machine. */
bool kernels_have_avx2(void);
bool kernels_have_avx512(void);

#endif
