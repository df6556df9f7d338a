/* The types that ComfyUI-GGUF computes itself, plainly: a block is groups of small whole numbers, each group with a scale and
 * perhaps a minimum. Every function is written once for both ways; `way` is a constant wherever one is called. */
#include "core/tensor/quant/quant_scalar.h"

#include <string.h>

#include "core/tensor/dtype/small_float.h"
#include "core/tensor/quant/quant.h"

const int8_t quant_values_iq4[16] = { -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113 };

static float rounded(float value, enum quant_way way)
{
	return way == QUANT_HALF ? dtype_f16_to_f32(dtype_f32_to_f16(value)) : value;
}

static float half_at(const uint8_t *bytes)
{
	uint16_t code;

	memcpy(&code, bytes, sizeof(code));
	return dtype_f16_to_f32(code);
}

static float scaled(float d, int q, enum quant_way way)
{
	return rounded(d * (float)q, way);
}

/* d q + m; where m is taken away it is given negative, which is the same sum. */
static float scaled_from(float d, int q, float m, enum quant_way way)
{
	return rounded(scaled(d, q, way) + m, way);
}

/* ---- blocks of 32: low nibbles are the first half, high nibbles the second ---- */

static void block_q4_0(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);

	for (unsigned i = 0; i < 16; i++) {
		to[i] = scaled(d, (block[2 + i] & 15) - 8, way);
		to[16 + i] = scaled(d, (block[2 + i] >> 4) - 8, way);
	}
}

static void block_q4_1(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);
	float m = half_at(block + 2);

	for (unsigned i = 0; i < 16; i++) {
		to[i] = scaled_from(d, block[4 + i] & 15, m, way);
		to[16 + i] = scaled_from(d, block[4 + i] >> 4, m, way);
	}
}

/* The fifth bits of all 32 elements, element i in bit i. */
static uint32_t fifth_bits(const uint8_t *bytes)
{
	uint32_t bits;

	memcpy(&bits, bytes, sizeof(bits));
	return bits;
}

static void block_q5_0(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);
	uint32_t fifth = fifth_bits(block + 2);

	for (unsigned i = 0; i < 16; i++) {
		to[i] = scaled(d, (int)((block[6 + i] & 15) | (fifth >> i & 1) << 4) - 16, way);
		to[16 + i] = scaled(d, (int)((block[6 + i] >> 4) | (fifth >> (16 + i) & 1) << 4) - 16, way);
	}
}

static void block_q5_1(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);
	float m = half_at(block + 2);
	uint32_t fifth = fifth_bits(block + 4);

	for (unsigned i = 0; i < 16; i++) {
		to[i] = scaled_from(d, (int)((block[8 + i] & 15) | (fifth >> i & 1) << 4), m, way);
		to[16 + i] = scaled_from(d, (int)((block[8 + i] >> 4) | (fifth >> (16 + i) & 1) << 4), m, way);
	}
}

static void block_q8_0(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);

	for (unsigned i = 0; i < 32; i++)
		to[i] = scaled(d, (int8_t)block[2 + i], way);
}

static void block_iq4_nl(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);

	for (unsigned i = 0; i < 16; i++) {
		to[i] = scaled(d, quant_values_iq4[block[2 + i] & 15], way);
		to[16 + i] = scaled(d, quant_values_iq4[block[2 + i] >> 4], way);
	}
}

/* ---- blocks of 256 ---- */

/* 16 scales and minimums, 4 bits each; two bits an element: 128 elements in 32 bytes, 32 of them at each shift. */
static void block_q2_k(const uint8_t *block, float *to, enum quant_way way)
{
	const uint8_t *scales = block;
	const uint8_t *codes = block + 16;
	float d = half_at(block + 80);
	float m = half_at(block + 82);

	for (unsigned i = 0; i < 256; i++) {
		unsigned scale = scales[i / 16];

		to[i] = scaled_from(scaled(d, scale & 15, way), codes[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3,
				    -scaled(m, (int)(scale >> 4), way), way);
	}
}

/* Like Q2_K, and a third bit that takes 4 away where it is NOT set; 16 scales of 6 bits, their high bits apart. */
static void block_q3_k(const uint8_t *block, float *to, enum quant_way way)
{
	const uint8_t *third = block;
	const uint8_t *codes = block + 32;
	const uint8_t *scales = block + 96;
	float d = half_at(block + 108);

	for (unsigned i = 0; i < 256; i++) {
		unsigned k = i / 16;
		unsigned low = k < 8 ? scales[k] & 15 : scales[k - 8] >> 4;
		unsigned high = scales[8 + k % 4] >> (k / 4 * 2) & 3;
		int code = codes[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;

		to[i] = scaled(scaled(d, (int)(low | high << 4) - 32, way), third[i % 32] >> (i / 32) & 1 ? code : code - 4,
			       way);
	}
}

/* The k-th of eight scales and minimums of 6 bits in 12 bytes: the first four whole in the low bits of bytes 0..7, the last
 * four as nibbles in bytes 8..11 under the two bits left over above. */
static void scale_of_k4(const uint8_t *scales, unsigned k, int *scale, int *minimum)
{
	if (k < 4) {
		*scale = scales[k] & 63;
		*minimum = scales[k + 4] & 63;
	} else {
		*scale = (scales[k + 4] & 15) | (scales[k - 4] >> 6) << 4;
		*minimum = scales[k + 4] >> 4 | (scales[k] >> 6) << 4;
	}
}

static void block_q4_k(const uint8_t *block, float *to, enum quant_way way)
{
	const uint8_t *codes = block + 16;
	float d = half_at(block);
	float m = half_at(block + 2);

	for (unsigned i = 0; i < 256; i++) {
		int scale;
		int minimum;

		scale_of_k4(block + 4, i / 32, &scale, &minimum);
		to[i] = scaled_from(scaled(d, scale, way), codes[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15,
				    -scaled(m, minimum, way), way);
	}
}

static void block_q5_k(const uint8_t *block, float *to, enum quant_way way)
{
	const uint8_t *fifth = block + 16;
	const uint8_t *codes = block + 48;
	float d = half_at(block);
	float m = half_at(block + 2);

	for (unsigned i = 0; i < 256; i++) {
		int code = codes[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15;
		int scale;
		int minimum;

		scale_of_k4(block + 4, i / 32, &scale, &minimum);
		to[i] = scaled_from(scaled(d, scale, way), code | (fifth[i % 32] >> (i / 32) & 1) << 4,
				    -scaled(m, minimum, way), way);
	}
}

/* Of each 128 elements four runs of 32: low nibbles of 64 bytes, then their high nibbles; two more bits from 32 bytes. */
static void block_q6_k(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block + 208);

	for (unsigned i = 0; i < 256; i++) {
		unsigned run = i / 32 % 4;
		unsigned low = block[i / 128 * 64 + run % 2 * 32 + i % 32] >> (run / 2 * 4) & 15;
		unsigned high = block[128 + i / 128 * 32 + i % 32] >> (run * 2) & 3;

		to[i] = scaled(scaled(d, (int8_t)block[192 + i / 16], way), (int)(low | high << 4) - 32, way);
	}
}

static void block_iq4_xs(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);
	uint16_t high;

	memcpy(&high, block + 2, sizeof(high));
	for (unsigned i = 0; i < 256; i++) {
		unsigned k = i / 32;
		int scale = (block[4 + k / 2] >> (k % 2 * 4) & 15) | (high >> (k * 2) & 3) << 4;
		unsigned code = block[8 + k * 16 + i % 16] >> (i / 16 % 2 * 4) & 15;

		to[i] = scaled(scaled(d, scale - 32, way), quant_values_iq4[code], way);
	}
}

#define DEFINE(type, function, way, suffix)                                                                                    \
	void quant_scalar_##type##_##suffix(const uint8_t *blocks, float *to, size_t block_count)                              \
	{                                                                                                                      \
		for (size_t i = 0; i < block_count; i++)                                                                       \
			function(blocks + i * quant_block_bytes(QUANT_##type), to + i * quant_block_elements(QUANT_##type),    \
				 way);                                                                                         \
	}

#define DEFINE_BOTH(type, function)                                                                                            \
	DEFINE(type, function, QUANT_EXACT, exact)                                                                             \
	DEFINE(type, function, QUANT_HALF, half)

DEFINE_BOTH(Q4_0, block_q4_0)
DEFINE_BOTH(Q4_1, block_q4_1)
DEFINE_BOTH(Q5_0, block_q5_0)
DEFINE_BOTH(Q5_1, block_q5_1)
DEFINE_BOTH(Q8_0, block_q8_0)
DEFINE_BOTH(Q2_K, block_q2_k)
DEFINE_BOTH(Q3_K, block_q3_k)
DEFINE_BOTH(Q4_K, block_q4_k)
DEFINE_BOTH(Q5_K, block_q5_k)
DEFINE_BOTH(Q6_K, block_q6_k)
DEFINE_BOTH(IQ4_NL, block_iq4_nl)
DEFINE_BOTH(IQ4_XS, block_iq4_xs)
