/* The types that ComfyUI-GGUF leaves to gguf-py: elements as points of a grid, as powers of three, as four-bit floats. */
#include <math.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/tensor/dtype/small_float.h"
#include "core/tensor/quant/quant.h"
#include "core/tensor/quant/quant_grids.h"
#include "core/tensor/quant/quant_scalar.h"

const int8_t quant_values_fp4[16] = { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 };

static const float values_iq2[4] = { 8, 25, 43, 0 };
static const float values_iq3_xxs[8] = { 4, 12, 20, 28, 36, 44, 52, 62 };
static const float values_iq3_s[8] = { 1, 3, 5, 7, 9, 11, 13, 15 };

static uint16_t u16_at(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static uint32_t u32_at(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static float half_at(const uint8_t *bytes)
{
	return dtype_f16_to_f32(u16_at(bytes));
}

/* ---- IQ2 and IQ3: a scale, a point of the grid, signs ---- */

/* Seven signs are stored; the eighth makes their number even. */
static unsigned eight_signs(uint32_t seven)
{
	seven &= 127;
	return seven | (unsigned)__builtin_parity(seven) << 7;
}

static void put_iq2(float *to, float d, uint16_t point, unsigned signs)
{
	for (unsigned i = 0; i < 8; i++) {
		float value = d * values_iq2[point >> (2 * i) & 3];

		to[i] = signs >> i & 1 ? -value : value;
	}
}

static void put_iq3(float *to, float d, uint16_t point, unsigned signs, const float values[8])
{
	for (unsigned i = 0; i < 4; i++) {
		float value = d * values[point >> (3 * i) & 7];

		to[i] = signs >> i & 1 ? -value : value;
	}
}

static void block_iq2_xxs(const uint8_t *block, float *to)
{
	float d = half_at(block);

	for (unsigned k = 0; k < 8; k++) {
		const uint8_t *points = block + 2 + 8 * k;
		uint32_t rest = u32_at(points + 4);
		float dk = d * (0.5f + (float)(rest >> 28)) * 0.25f;

		for (unsigned i = 0; i < 4; i++)
			put_iq2(to + 32 * k + 8 * i, dk, quant_grid_iq2_xxs[points[i]], eight_signs(rest >> (7 * i)));
	}
}

static float scale_iq2(float d, const uint8_t *scales, unsigned k)
{
	return d * (0.5f + (float)(scales[k / 2] >> (k % 2 * 4) & 15)) * 0.25f;
}

static void block_iq2_xs(const uint8_t *block, float *to)
{
	float d = half_at(block);

	for (unsigned i = 0; i < 32; i++) {
		uint16_t code = u16_at(block + 2 + 2 * i);

		put_iq2(to + 8 * i, scale_iq2(d, block + 66, i / 2), quant_grid_iq2_xs[code & 511],
			eight_signs((uint32_t)code >> 9));
	}
}

static void block_iq2_s(const uint8_t *block, float *to)
{
	float d = half_at(block);

	for (unsigned i = 0; i < 32; i++) {
		unsigned high = block[66 + i / 4] >> (i % 4 * 2) & 3;

		put_iq2(to + 8 * i, scale_iq2(d, block + 74, i / 2), quant_grid_iq2_s[block[2 + i] | high << 8], block[34 + i]);
	}
}

static void block_iq3_xxs(const uint8_t *block, float *to)
{
	float d = half_at(block);

	for (unsigned i = 0; i < 64; i++) {
		uint32_t rest = u32_at(block + 66 + i / 8 * 4);
		unsigned signs = eight_signs(rest >> (i / 2 % 4 * 7));

		put_iq3(to + 4 * i, d * (0.5f + (float)(rest >> 28)) * 0.5f, quant_grid_iq3_xxs[block[2 + i]],
			signs >> (i % 2 * 4), values_iq3_xxs);
	}
}

static void block_iq3_s(const uint8_t *block, float *to)
{
	const uint8_t *scales = block + 106;
	float d = half_at(block);

	for (unsigned i = 0; i < 64; i++) {
		unsigned high = block[66 + i / 8] >> (i % 8) & 1;
		unsigned k = i / 8;
		unsigned scale = scales[k / 2] >> (k % 2 * 4) & 15;

		put_iq3(to + 4 * i, d * (float)(1 + 2 * scale), quant_grid_iq3_s[block[2 + i] | high << 8],
			(unsigned)block[74 + i / 2] >> (i % 2 * 4), values_iq3_s);
	}
}

/* ---- IQ1: points of -1, 0, 1, all moved an eighth up or down ---- */

static void put_iq1(float *to, float d, unsigned index, bool down)
{
	uint16_t point = quant_grid_iq1[index];

	for (unsigned i = 0; i < 8; i++)
		to[i] = d * ((float)(point >> (2 * i) & 3) - 1 + (down ? -0.125f : 0.125f));
}

static void block_iq1_s(const uint8_t *block, float *to)
{
	float d = half_at(block);

	for (unsigned i = 0; i < 32; i++) {
		unsigned rest = u16_at(block + 34 + i / 4 * 2);
		unsigned high = rest >> (i % 4 * 3) & 7;

		put_iq1(to + 8 * i, d * (float)(2 * (rest >> 12 & 7) + 1), block[2 + i] | high << 8, rest >> 15);
	}
}

/* The only type whose scale is spread: its four nibbles are the top nibbles of the four words that hold the small scales. */
static void block_iq1_m(const uint8_t *block, float *to)
{
	const uint8_t *scales = block + 48;
	unsigned code = 0;
	float d;

	for (unsigned i = 0; i < 4; i++)
		code |= (unsigned)(u16_at(scales + 2 * i) >> 12) << (4 * i);
	d = dtype_f16_to_f32((uint16_t)code);
	for (unsigned i = 0; i < 32; i++) {
		unsigned k = i / 2;
		unsigned scale = u16_at(scales + k / 4 * 2) >> (k % 4 * 3) & 7;
		unsigned rest = block[32 + i / 2] >> (i % 2 * 4) & 15;

		put_iq1(to + 8 * i, d * (float)(2 * scale + 1), block[i] | (rest & 7) << 8, rest >> 3);
	}
}

/* ---- ternary: five elements a byte as a fraction in base three, or two bits each ---- */

static float ternary(float d, uint8_t fraction, unsigned digit)
{
	static const uint8_t powers[5] = { 1, 3, 9, 27, 81 };
	uint8_t left = (uint8_t)(fraction * powers[digit]);

	return d * (float)((left * 3 >> 8) - 1);
}

static void block_tq1_0(const uint8_t *block, float *to)
{
	float d = half_at(block + 52);

	for (unsigned i = 0; i < 160; i++)
		to[i] = ternary(d, block[i % 32], i / 32);
	for (unsigned i = 0; i < 80; i++)
		to[160 + i] = ternary(d, block[32 + i % 16], i / 16);
	for (unsigned i = 0; i < 16; i++)
		to[240 + i] = ternary(d, block[48 + i % 4], i / 4);
}

static void block_tq2_0(const uint8_t *block, float *to)
{
	float d = half_at(block + 64);

	for (unsigned i = 0; i < 256; i++)
		to[i] = d * (float)((block[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3) - 1);
}

/* ---- four-bit floats; the values are doubled, so the scales are halved ---- */

/* Half of 2^(code - 127), which for the two smallest codes is subnormal. */
static float half_e8m0(uint8_t code)
{
	uint32_t bits = code < 2 ? UINT32_C(0x200000) << code : (uint32_t)(code - 1) << 23;

	return float_from_bits(bits);
}

static void block_mxfp4(const uint8_t *block, float *to)
{
	float d = half_e8m0(block[0]);

	for (unsigned i = 0; i < 16; i++) {
		to[i] = d * (float)quant_values_fp4[block[1 + i] & 15];
		to[16 + i] = d * (float)quant_values_fp4[block[1 + i] >> 4];
	}
}

/* Half of an F8_E4M3 without sign; its NaN is 0. */
static float half_ue4m3(uint8_t code)
{
	unsigned exponent = code >> 3 & 15;
	float mantissa = (float)(code & 7);

	if (code == 0x7f)
		return 0;
	return 0.5f * (exponent ? ldexpf(1 + mantissa / 8, (int)exponent - 7) : ldexpf(mantissa, -9));
}

static void block_nvfp4(const uint8_t *block, float *to)
{
	for (unsigned k = 0; k < 4; k++) {
		float d = half_ue4m3(block[k]);

		for (unsigned i = 0; i < 8; i++) {
			uint8_t two = block[4 + 8 * k + i];

			to[16 * k + i] = d * (float)quant_values_fp4[two & 15];
			to[16 * k + 8 + i] = d * (float)quant_values_fp4[two >> 4];
		}
	}
}

#define DEFINE(type, function)                                                                                                 \
	void quant_scalar_##type##_exact(const uint8_t *blocks, float *to, size_t block_count)                                 \
	{                                                                                                                      \
		for (size_t i = 0; i < block_count; i++)                                                                       \
			function(blocks + i * quant_block_bytes(QUANT_##type), to + i * quant_block_elements(QUANT_##type));   \
	}

DEFINE(TQ1_0, block_tq1_0)
DEFINE(TQ2_0, block_tq2_0)
DEFINE(MXFP4, block_mxfp4)
DEFINE(NVFP4, block_nvfp4)
DEFINE(IQ2_XXS, block_iq2_xxs)
DEFINE(IQ2_XS, block_iq2_xs)
DEFINE(IQ2_S, block_iq2_s)
DEFINE(IQ3_XXS, block_iq3_xxs)
DEFINE(IQ3_S, block_iq3_s)
DEFINE(IQ1_S, block_iq1_s)
DEFINE(IQ1_M, block_iq1_m)
