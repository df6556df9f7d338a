#include "core/compute/sampling/noise.h"

#include <math.h>

#include "core/base/bits.h"

void noise_seed(struct noise *noise, uint64_t seed)
{
	*noise = (struct noise) { .has_spare = false };
	mt19937_seed(&noise->generator, (uint32_t)seed);
}

static float uniform24(struct noise *noise)
{
	return (float)(mt19937_next(&noise->generator) & 0xffffffU) * 0x1p-24F;
}

/* The first word drawn is the high one. */
static double uniform53(struct noise *noise)
{
	uint64_t high = mt19937_next(&noise->generator);
	uint64_t word = high << 32 | mt19937_next(&noise->generator);

	return (double)(word & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

/* ---- single precision ln, sin and cos: Cephes polynomials, every Horner step fused ---- */

static float horner(const float *coefficients, size_t count, float x)
{
	float y = coefficients[0];

	for (size_t i = 1; i < count; i++)
		y = fmaf(y, x, coefficients[i]);
	return y;
}

/* Natural logarithm of a positive normal number. */
static float log_f32(float x)
{
	static const float coefficients[] = { 7.0376836292E-2F,	 -1.1514610310E-1F, 1.1676998740E-1F,
					      -1.2420140846E-1F, 1.4249322787E-1F,  -1.6668057665E-1F,
					      2.0000714765E-1F,	 -2.4999993993E-1F, 3.3333331174E-1F };
	float e = (float)((int)(float_to_bits(x) >> 23) - 127) + 1.0F;
	float y;
	float z;

	x = float_from_bits((float_to_bits(x) & 0x807fffffU) | 0x3f000000U); /* mantissa in 0.5 .. 1 */
	if (x < 0.707106781186547524F) {
		e -= 1.0F;
		x = (x - 1.0F) + x;
	} else {
		x -= 1.0F;
	}
	z = x * x;
	y = horner(coefficients, 9, x) * x;
	y = fmaf(y, z, e * -2.12194440e-4F);
	y = y - z * 0.5F;
	return fmaf(e, 0.693359375F, x + y);
}

/* Sine and cosine of 0 <= x < 2 pi + a little. */
static void sine_cosine(float x, float *sine, float *cosine)
{
	static const float cosine_coefficients[] = { 2.443315711809948E-005F, -1.388731625493765E-003F,
						     4.166664568298827E-002F };
	static const float sine_coefficients[] = { -1.9515295891E-4F, 8.3321608736E-3F, -1.6666654611E-1F };
	uint32_t octant = ((uint32_t)(x * 1.27323954473516F) + 1) & ~1U; /* x * 4 / pi, to the next even */
	float turns = (float)octant;
	bool swap = octant & 2;
	bool sine_negative = octant & 4;
	bool cosine_negative = ((octant - 2) & 4) == 0;
	float z;
	float c;
	float s;

	x = fmaf(turns, -0.78515625F, x);
	x = fmaf(turns, -2.4187564849853515625e-4F, x);
	x = fmaf(turns, -3.77489497744594108e-8F, x);
	z = x * x;
	c = horner(cosine_coefficients, 3, z) * z;
	c = fmaf(c, z, -0.5F * z) + 1.0F;
	s = horner(sine_coefficients, 3, z) * z;
	s = fmaf(s, x, x);
	*sine = swap ? c : s;
	*cosine = swap ? s : c;
	if (sine_negative)
		*sine = -*sine;
	if (cosine_negative)
		*cosine = -*cosine;
}

/* ---- draws ---- */

/* 16 uniforms to 16 normals, in place: the first eight give radii, the last eight angles. */
static void normals_of_16(float *values)
{
	for (int i = 0; i < 8; i++) {
		float radius = sqrtf(-2.0F * log_f32(1.0F - values[i]));
		float sine;
		float cosine;

		sine_cosine(6.283185307179586F * values[i + 8], &sine, &cosine);
		values[i] = radius * cosine;
		values[i + 8] = radius * sine;
	}
}

static void fill_large(struct noise *noise, float *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		values[i] = uniform24(noise);
	for (size_t i = 0; i + 16 <= count; i += 16)
		normals_of_16(values + i);
	if (count % 16 == 0)
		return;
	for (size_t i = count - 16; i < count; i++)
		values[i] = uniform24(noise);
	normals_of_16(values + count - 16);
}

static double one(struct noise *noise)
{
	double u1;
	double u2;
	double radius;

	if (noise->has_spare) {
		noise->has_spare = false;
		return noise->spare;
	}
	u1 = uniform53(noise);
	u2 = uniform53(noise);
	radius = sqrt(-2.0 * log1p(-u2));
	noise->spare = radius * sin(2.0 * M_PI * u1);
	noise->has_spare = true;
	return radius * cos(2.0 * M_PI * u1);
}

void noise_fill(struct noise *noise, float *values, size_t count)
{
	if (count >= 16) {
		fill_large(noise, values, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		values[i] = (float)one(noise);
}
