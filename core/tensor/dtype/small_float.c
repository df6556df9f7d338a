/* small_float.c - F16, BF16 and F8 to float32 and back, by bits.
 *
 * The small floats are one pair of functions with the format as a parameter, inlined for each. To encode, exponent and
 * mantissa are rounded as one number, so that a carry moves to the next binade by itself; small results are shifted into
 * denormals.
 */
#include "core/tensor/dtype/small_float.h"

#include <assert.h>

#include "core/base/bits.h"

#define F32_MANTISSA_BITS 23
#define F32_BIAS 127
#define F32_INFINITY UINT32_C(0x7f800000)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor files are little endian and are used as they are mapped");

/* A floating point format smaller than float32: sign, exponent, mantissa. Codes are taken without the sign. */
struct small_float {
	unsigned mantissa_bits;
	int bias;
	uint32_t overflow_code; /* codes from here on are no finite numbers; what too large a value becomes */
	uint32_t nan_code;
};

static const struct small_float format_f16 = { 10, 15, 0x7c00, 0x7e00 };
static const struct small_float format_bf16 = { 7, 127, 0x7f80, 0x7fc0 };
static const struct small_float format_f8_e4m3 = { 3, 7, 0x7f, 0x7f };
static const struct small_float format_f8_e5m2 = { 2, 15, 0x7c, 0x7f };

/* code / 2^shift, to nearest, ties to even. */
static uint32_t shift_rounding(uint32_t code, unsigned shift)
{
	uint32_t half = (UINT32_C(1) << shift) >> 1;

	return (code + half - 1 + ((code >> shift) & 1)) >> shift;
}

/* The magnitude's code. Adding the rounding carry to exponent and mantissa as one number moves to the next binade by
 * itself, and past the largest finite code into overflow_code. */
static inline uint32_t encode(const struct small_float *format, float value)
{
	uint32_t magnitude = float_to_bits(value) & 0x7fffffff;
	unsigned shift = F32_MANTISSA_BITS - format->mantissa_bits;
	uint32_t bias_difference = (uint32_t)(F32_BIAS - format->bias) << F32_MANTISSA_BITS;
	uint32_t code;

	if (magnitude > F32_INFINITY)
		return format->nan_code | (format->overflow_code == format->nan_code ? 0 : (magnitude & 0x7fffff) >> shift);
	if (magnitude >= bias_difference + (UINT32_C(1) << F32_MANTISSA_BITS) || bias_difference == 0) {
		code = shift_rounding(magnitude - bias_difference, shift);
		return code < format->overflow_code ? code : format->overflow_code;
	}
	/* Below the format's normal numbers: the mantissa with its leading bit, moved down to the fixed exponent. */
	shift += (unsigned)(1 + F32_BIAS - format->bias) - (magnitude >> F32_MANTISSA_BITS);
	if (shift > F32_MANTISSA_BITS + 1)
		return 0;
	return shift_rounding((magnitude & 0x7fffff) | 0x800000, shift);
}

static inline float decode(const struct small_float *format, uint32_t sign, uint32_t magnitude)
{
	unsigned shift = F32_MANTISSA_BITS - format->mantissa_bits;
	uint32_t exponent = magnitude >> format->mantissa_bits;
	uint32_t infinity_code = format->overflow_code == format->nan_code ? UINT32_MAX : format->overflow_code;

	if (magnitude == infinity_code)
		return float_from_bits(sign | F32_INFINITY);
	if (magnitude >= format->overflow_code)
		return float_from_bits(sign | F32_INFINITY | 0x400000 | ((magnitude << shift) & 0x7fffff));
	if (exponent == 0) {
		/* Subnormal: mantissa * 2^(1 - bias - mantissa_bits), exact because both factors and the product are.
		 */
		float unit = float_from_bits((uint32_t)(1 - format->bias - (int)format->mantissa_bits + F32_BIAS)
					     << F32_MANTISSA_BITS);

		return float_from_bits(sign | float_to_bits((float)magnitude * unit));
	}
	return float_from_bits(sign | ((magnitude << shift) + ((uint32_t)(F32_BIAS - format->bias) << F32_MANTISSA_BITS)));
}

float dtype_f16_to_f32(uint16_t code)
{
	return decode(&format_f16, (uint32_t)(code & 0x8000) << 16, code & 0x7fff);
}

float dtype_bf16_to_f32(uint16_t code)
{
	return float_from_bits((uint32_t)code << 16);
}

float dtype_f8_e4m3_to_f32(uint8_t code)
{
	return decode(&format_f8_e4m3, (uint32_t)(code & 0x80) << 24, code & 0x7f);
}

float dtype_f8_e5m2_to_f32(uint8_t code)
{
	return decode(&format_f8_e5m2, (uint32_t)(code & 0x80) << 24, code & 0x7f);
}

uint16_t dtype_f32_to_f16(float value)
{
	return (uint16_t)(encode(&format_f16, value) | ((float_to_bits(value) >> 16) & 0x8000));
}

uint16_t dtype_f32_to_bf16(float value)
{
	return (uint16_t)(encode(&format_bf16, value) | ((float_to_bits(value) >> 16) & 0x8000));
}

uint8_t dtype_f32_to_f8_e4m3(float value)
{
	return (uint8_t)(encode(&format_f8_e4m3, value) | ((float_to_bits(value) >> 24) & 0x80));
}

uint8_t dtype_f32_to_f8_e5m2(float value)
{
	return (uint8_t)(encode(&format_f8_e5m2, value) | ((float_to_bits(value) >> 24) & 0x80));
}
