/* One function a type, listed in a table. Types of one family differ in the width of their codes and in whether they count
 * from the least value or around the middle, which two helpers do; packing is the type's own. Casts are written out where C
 * leaves undefined what upstream's processor does.
 */
#include "core/tensor/quant/quant_encode.h"

#include <math.h>
#include <string.h>

#include "core/tensor/dtype/small_float.h"
#include "core/tensor/quant/quant_scalar.h"

static void put_half(uint8_t *to, float value)
{
	uint16_t code = dtype_f32_to_f16(value);

	memcpy(to, &code, sizeof(code));
}

static float inverse(float d)
{
	return d == 0 ? 0 : 1 / d;
}

/* As x86 casts a float to a byte: through 32 bits, and what does not fit there is 0. */
static uint8_t byte_of(float value)
{
	return fabsf(value) < 0x1p31f ? (uint8_t)(int32_t)value : 0;
}

static uint8_t byte_up_to(float value, uint8_t most)
{
	uint8_t byte = byte_of(truncf(value));

	return byte < most ? byte : most;
}

static float largest_magnitude(const float *from, unsigned count)
{
	float most = 0;

	for (unsigned i = 0; i < count; i++)
		most = fabsf(from[i]) > most ? fabsf(from[i]) : most;
	return most;
}

/* The value farthest from 0, with its sign; of equals the first. */
static float farthest(const float *from)
{
	float value = from[0];

	for (unsigned i = 1; i < 32; i++)
		value = fabsf(from[i]) > fabsf(value) ? from[i] : value;
	return value;
}

static void span_of(const float *from, float *least, float *most)
{
	*least = from[0];
	*most = from[0];
	for (unsigned i = 1; i < 32; i++) {
		*least = from[i] < *least ? from[i] : *least;
		*most = from[i] > *most ? from[i] : *most;
	}
}

/* 32 codes of 4 bits: the first half in the low nibbles, the second in the high ones. */
static void put_nibbles(uint8_t *to, const uint8_t *codes)
{
	for (unsigned i = 0; i < 16; i++)
		to[i] = (uint8_t)((codes[i] & 15) | codes[16 + i] << 4);
}

static void put_fifth_bits(uint8_t *to, const uint8_t *codes)
{
	memset(to, 0, 4);
	for (unsigned i = 0; i < 32; i++)
		to[i / 8] |= (uint8_t)((codes[i] >> 4) << (i % 8));
}

/* Codes around the middle: the value farthest from 0 becomes code 0, at -8 or -16 scales. */
static float codes_around(const float *from, uint8_t *codes, float middle)
{
	float d = farthest(from) / -middle;
	float id = inverse(d);

	for (unsigned i = 0; i < 32; i++)
		codes[i] = byte_up_to(from[i] * id + (middle + 0.5f), (uint8_t)(2 * middle - 1));
	return d;
}

/* Codes from the least value up. */
static float codes_above(const float *from, uint8_t *codes, uint8_t most_code, float *least)
{
	float most;
	float d;
	float id;

	span_of(from, least, &most);
	d = (most - *least) / (float)most_code;
	id = inverse(d);
	for (unsigned i = 0; i < 32; i++)
		codes[i] = byte_up_to((from[i] - *least) * id + 0.5f, most_code);
	return d;
}

static void encode_q4_0(const float *from, uint8_t *block)
{
	uint8_t codes[32];

	put_half(block, codes_around(from, codes, 8));
	put_nibbles(block + 2, codes);
}

static void encode_q4_1(const float *from, uint8_t *block)
{
	uint8_t codes[32];
	float least;

	put_half(block, codes_above(from, codes, 15, &least));
	put_half(block + 2, least);
	put_nibbles(block + 4, codes);
}

static void encode_q5_0(const float *from, uint8_t *block)
{
	uint8_t codes[32];

	put_half(block, codes_around(from, codes, 16));
	put_fifth_bits(block + 2, codes);
	put_nibbles(block + 6, codes);
}

static void encode_q5_1(const float *from, uint8_t *block)
{
	uint8_t codes[32];
	float least;

	put_half(block, codes_above(from, codes, 31, &least));
	put_half(block + 2, least);
	put_fifth_bits(block + 4, codes);
	put_nibbles(block + 8, codes);
}

/* To the nearest whole number, halves away from 0. */
static float round_away(float value)
{
	float magnitude = fabsf(value);
	float whole = floorf(magnitude);

	return copysignf(whole + floorf(2 * (magnitude - whole)), value);
}

static void encode_q8_0(const float *from, uint8_t *block)
{
	float d = largest_magnitude(from, 32) / 127;
	float id = inverse(d);

	put_half(block, d);
	for (unsigned i = 0; i < 32; i++)
		block[2 + i] = byte_of(round_away(from[i] * id));
}

/* -1, 0, 1 as 0, 1, 2. */
static float ternary_codes(const float *from, uint8_t *codes)
{
	float d = largest_magnitude(from, 256);
	float id = inverse(d);

	for (unsigned i = 0; i < 256; i++)
		codes[i] = (uint8_t)(byte_of(round_away(from[i] * id)) + 1);
	return d;
}

/* Digits in base three, first one highest, as a fraction of 256 rounded up, so that multiplying brings them out again. */
static uint8_t base_three(const uint8_t *codes, unsigned stride, unsigned digits)
{
	static const uint8_t powers[5] = { 81, 27, 9, 3, 1 };
	uint8_t sum = 0;

	for (unsigned i = 0; i < digits; i++)
		sum = (uint8_t)(sum + codes[i * stride] * powers[i]);
	return (uint8_t)((sum * 256 + 242) / 243);
}

static void encode_tq1_0(const float *from, uint8_t *block)
{
	uint8_t codes[256];

	put_half(block + 52, ternary_codes(from, codes));
	for (unsigned i = 0; i < 32; i++)
		block[i] = base_three(codes + i, 32, 5);
	for (unsigned i = 0; i < 16; i++)
		block[32 + i] = base_three(codes + 160 + i, 16, 5);
	for (unsigned i = 0; i < 4; i++)
		block[48 + i] = base_three(codes + 240 + i, 4, 4);
}

static void encode_tq2_0(const float *from, uint8_t *block)
{
	uint8_t codes[256];

	put_half(block + 64, ternary_codes(from, codes));
	for (unsigned i = 0; i < 64; i++) {
		const uint8_t *four = codes + i / 32 * 128 + i % 32;

		block[i] = (uint8_t)(four[0] | four[32] << 2 | four[64] << 4 | four[96] << 6);
	}
}

/* The nearest of the sixteen four-bit floats, doubled; of equals the first. */
static uint8_t nearest_fp4(float value, float d)
{
	uint8_t best = 0;

	for (uint8_t i = 1; i < 16; i++) {
		if (fabsf(d * (float)quant_values_fp4[i] - value) < fabsf(d * (float)quant_values_fp4[best] - value))
			best = i;
	}
	return best;
}

static void encode_mxfp4(const float *from, uint8_t *block)
{
	float most = largest_magnitude(from, 32);
	float exponent = most > 0 ? floorf((float)log2((double)most)) - 2 + 127 : 0;
	uint8_t codes[32];
	float d;

	block[0] = byte_of(exponent);
	d = ldexpf(1, (int)block[0] - 128);
	for (unsigned i = 0; i < 32; i++)
		codes[i] = nearest_fp4(from[i], d);
	put_nibbles(block + 1, codes);
}

const quant_encoder quant_encoders[QUANT_COUNT] = {
	[QUANT_Q4_0] = encode_q4_0, [QUANT_Q4_1] = encode_q4_1,	  [QUANT_Q5_0] = encode_q5_0,	[QUANT_Q5_1] = encode_q5_1,
	[QUANT_Q8_0] = encode_q8_0, [QUANT_TQ1_0] = encode_tq1_0, [QUANT_TQ2_0] = encode_tq2_0, [QUANT_MXFP4] = encode_mxfp4,
};
