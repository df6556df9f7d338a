/* stochastic_code.c - rounding to eight bits by chance, one value at a time.
 *
 * The same steps as upstream's code, in its order and each rounded to half precision, because the quirks of the result come from
 * there.
 */
#include "core/tensor/dtype/stochastic_code.h"

#include <math.h>

#include "core/base/bits.h"
#include "core/tensor/dtype/small_float.h"

const int32_t stochastic_rounds_up[STOCHASTIC_BINADES] = { 0, 0, 0, 0, 0, 0, 0, 8, 4, 4, 5, 5, 5, 5, 5, 5, 2, 2, 2, 2,
							   1, 1, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 5, 5, 5, 5, 5, 5, 5, 5 };

/* An eight-bit float, as upstream's code has it: mantissa bits, bias, largest exponent, largest finite value. */
struct target {
	int mantissa_bits, bias, exponent_max;
	float largest;
};

static const struct target target_e4m3 = { 3, 7, 15, 448 };
static const struct target target_e5m2 = { 2, 15, 31, 57344 };

static float to_half(float value)
{
	return dtype_f16_to_f32(dtype_f32_to_f16(value));
}

/* floor(log2(x)) of a positive half, both rounded to half on the way. */
static int half_binade(float x)
{
	uint32_t bits = float_to_bits(x);
	int binade;

	if (x == 0)
		return -127;
	binade = (int)(bits >> 23) - 127;
	if (binade > 15)
		return binade; /* infinity */
	return binade + ((int32_t)(bits >> 13 & 1023) >= 1024 - stochastic_rounds_up[binade - STOCHASTIC_BINADE_FIRST]);
}

/* The magnitude before it is cut to the largest finite value; NaN where upstream's is. */
static float rounded_magnitude(const struct target *target, float x, float chance)
{
	float steps = (float)(1 << target->mantissa_bits);
	int exponent = half_binade(x) + target->bias;
	float unit; /* of the binade */
	float t;

	exponent = exponent < target->exponent_max ? exponent : target->exponent_max;
	if (exponent <= 0) {
		t = floorf(to_half(to_half(ldexpf(x, target->bias + target->mantissa_bits - 1)) + chance));
		return to_half(ldexpf(t / steps, 1 - target->bias));
	}
	unit = to_half(ldexpf(1, exponent - target->bias));
	t = to_half(to_half(to_half(x / unit) - 1) * steps);
	t = floorf(to_half(t + chance));
	return to_half(unit * to_half(1 + t / steps));
}

uint8_t stochastic_code(enum dtype dtype, float value, uint32_t draw)
{
	const struct target *target = dtype == DTYPE_F8_E4M3 ? &target_e4m3 : &target_e5m2;
	float x = to_half(value);
	float chance = (float)(draw & 0x7ff) * 0x1p-11f;
	float y;

	if (isnan(x))
		return 0xff;
	if (x == 0)
		return 0;
	y = rounded_magnitude(target, fabsf(x), chance);
	if (isnan(y))
		return 0xff;
	y = copysignf(y < target->largest ? y : target->largest, x);
	return dtype == DTYPE_F8_E4M3 ? dtype_f32_to_f8_e4m3(y) : dtype_f32_to_f8_e5m2(y);
}
