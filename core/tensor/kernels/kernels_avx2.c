/* AVX2 and F16C: eight elements at a time. Codes are put together as bytes, sixteen at once, then widened, scaled and moved.
 * Compiled with these instructions switched on: nothing here may be called before runs_here has been asked. */
#if defined(__x86_64__)

#include <immintrin.h>

#include "core/tensor/dtype/stochastic_code.h"
#include "core/tensor/kernels/kernels.h"
#include "core/tensor/kernels/kernels_wide.h"
#include "core/tensor/quant/quant_scalar.h"
#include "core/tensor/quant/quant_scales.h"

#define LANES 8u

typedef __m256 floats;
typedef __m256i words;
typedef __m128i bytes16;

static inline floats rounded(floats x, enum quant_way way)
{
	if (way == QUANT_HALF)
		return _mm256_cvtph_ps(_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
	return x;
}

static inline float half_at(const uint8_t *bytes)
{
	uint16_t code;

	memcpy(&code, bytes, sizeof(code));
	return _cvtsh_ss(code);
}

static inline bytes16 bytes_at(const uint8_t *bytes)
{
	return _mm_loadu_si128((const __m128i *)bytes);
}

static inline bytes16 all(int value)
{
	return _mm_set1_epi8((char)value);
}

/* Eight signed bytes at the low end. */
static inline floats floats_of(bytes16 codes)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes));
}

static inline floats scaled(float d, floats q, enum quant_way way)
{
	return rounded(_mm256_mul_ps(_mm256_set1_ps(d), q), way);
}

static inline floats scaled_from(float d, floats q, float m, enum quant_way way)
{
	return rounded(_mm256_add_ps(scaled(d, q, way), _mm256_set1_ps(m)), way);
}

/* Sixteen codes as signed bytes. */
static inline void put(float *to, bytes16 codes, float d, enum quant_way way)
{
	_mm256_storeu_ps(to, scaled(d, floats_of(codes), way));
	_mm256_storeu_ps(to + 8, scaled(d, floats_of(_mm_srli_si128(codes, 8)), way));
}

static inline void put_from(float *to, bytes16 codes, float d, float m, enum quant_way way)
{
	_mm256_storeu_ps(to, scaled_from(d, floats_of(codes), m, way));
	_mm256_storeu_ps(to + 8, scaled_from(d, floats_of(_mm_srli_si128(codes, 8)), m, way));
}

static inline bytes16 low_nibbles(bytes16 bytes)
{
	return _mm_and_si128(bytes, all(15));
}

static inline bytes16 high_nibbles(bytes16 bytes)
{
	return _mm_and_si128(_mm_srli_epi16(bytes, 4), all(15));
}

/* Two bits from `shift` on, at the low end of each byte. */
static inline bytes16 pairs(bytes16 bytes, unsigned shift)
{
	return _mm_and_si128(_mm_srl_epi16(bytes, _mm_cvtsi32_si128((int)shift)), all(3));
}

/* `value` in each byte where `bit` is set. */
static inline bytes16 where_set(bytes16 bytes, unsigned bit, int value)
{
	bytes16 mask = all((int)bit);

	return _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(bytes, mask), mask), all(value));
}

/* ---- blocks of 32 ---- */

static inline void block_q4_0(const uint8_t *block, float *to, enum quant_way way)
{
	bytes16 bytes = bytes_at(block + 2);
	float d = half_at(block);

	put(to, _mm_sub_epi8(low_nibbles(bytes), all(8)), d, way);
	put(to + 16, _mm_sub_epi8(high_nibbles(bytes), all(8)), d, way);
}

static inline void block_q4_1(const uint8_t *block, float *to, enum quant_way way)
{
	bytes16 bytes = bytes_at(block + 4);
	float d = half_at(block);
	float m = half_at(block + 2);

	put_from(to, low_nibbles(bytes), d, m, way);
	put_from(to + 16, high_nibbles(bytes), d, m, way);
}

/* Sixteen bits to sixteen bytes, `value` where a bit is set. */
static inline bytes16 spread(uint32_t bits, int value)
{
	bytes16 both = _mm_set1_epi16((short)bits);
	bytes16 each = _mm_shuffle_epi8(both, _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
	bytes16 mask = _mm_set1_epi64x((long long)0x8040201008040201U);

	return _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(each, mask), mask), all(value));
}

static inline void block_q5_0(const uint8_t *block, float *to, enum quant_way way)
{
	bytes16 bytes = bytes_at(block + 6);
	uint32_t fifth = quant_word_at(block + 2);
	float d = half_at(block);

	put(to, _mm_sub_epi8(_mm_or_si128(low_nibbles(bytes), spread(fifth, 16)), all(16)), d, way);
	put(to + 16, _mm_sub_epi8(_mm_or_si128(high_nibbles(bytes), spread(fifth >> 16, 16)), all(16)), d, way);
}

static inline void block_q5_1(const uint8_t *block, float *to, enum quant_way way)
{
	bytes16 bytes = bytes_at(block + 8);
	uint32_t fifth = quant_word_at(block + 4);
	float d = half_at(block);
	float m = half_at(block + 2);

	put_from(to, _mm_or_si128(low_nibbles(bytes), spread(fifth, 16)), d, m, way);
	put_from(to + 16, _mm_or_si128(high_nibbles(bytes), spread(fifth >> 16, 16)), d, m, way);
}

static inline void block_q8_0(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);

	put(to, bytes_at(block + 2), d, way);
	put(to + 16, bytes_at(block + 18), d, way);
}

static inline void put_iq4(float *to, bytes16 bytes, float d, enum quant_way way)
{
	bytes16 values = bytes_at((const uint8_t *)quant_values_iq4);

	put(to, _mm_shuffle_epi8(values, low_nibbles(bytes)), d, way);
	put(to + 16, _mm_shuffle_epi8(values, high_nibbles(bytes)), d, way);
}

static inline void block_iq4_nl(const uint8_t *block, float *to, enum quant_way way)
{
	put_iq4(to, bytes_at(block + 2), half_at(block), way);
}

/* ---- blocks of 256 ---- */

/* Sixteen small scales, as signed bytes, times d. */
static inline void spread_scales(float out[16], bytes16 scales, float d, enum quant_way way)
{
	put(out, scales, d, way);
}

static inline void block_q2_k(const uint8_t *block, float *to, enum quant_way way)
{
	float scales[16];
	float minimums[16];

	spread_scales(scales, low_nibbles(bytes_at(block)), half_at(block + 80), way);
	spread_scales(minimums, high_nibbles(bytes_at(block)), -half_at(block + 82), way);
	for (unsigned group = 0; group < 16; group++) {
		bytes16 bytes = bytes_at(block + 16 + group / 8 * 32 + group % 2 * 16);

		put_from(to + 16 * group, pairs(bytes, group / 2 % 4 * 2), scales[group], minimums[group], way);
	}
}

static inline void block_q3_k(const uint8_t *block, float *to, enum quant_way way)
{
	uint8_t packed[16];
	float scales[16];

	quant_scales_k3(block + 96, packed);
	spread_scales(scales, _mm_sub_epi8(bytes_at(packed), all(32)), half_at(block + 108), way);
	for (unsigned group = 0; group < 16; group++) {
		bytes16 bytes = bytes_at(block + 32 + group / 8 * 32 + group % 2 * 16);
		bytes16 third = where_set(bytes_at(block + group % 2 * 16), 1u << (group / 2), 4);

		put(to + 16 * group, _mm_sub_epi8(_mm_or_si128(pairs(bytes, group / 2 % 4 * 2), third), all(4)), scales[group],
		    way);
	}
}

/* Eight scales, then eight minimums as they are added, of Q4_K and Q5_K. */
static inline void scales_k4(const uint8_t *block, float out[16], enum quant_way way)
{
	uint8_t packed[16];
	bytes16 bytes;

	quant_scales_k4(block + 4, packed);
	bytes = bytes_at(packed);
	_mm256_storeu_ps(out, scaled(half_at(block), floats_of(bytes), way));
	_mm256_storeu_ps(out + 8, scaled(-half_at(block + 2), floats_of(_mm_srli_si128(bytes, 8)), way));
}

static inline void block_q4_k(const uint8_t *block, float *to, enum quant_way way)
{
	float scales[16];

	scales_k4(block, scales, way);
	for (unsigned k = 0; k < 8; k += 2) {
		for (unsigned half = 0; half < 32; half += 16) {
			bytes16 bytes = bytes_at(block + 16 + k * 16 + half);

			put_from(to + 32 * k + half, low_nibbles(bytes), scales[k], scales[8 + k], way);
			put_from(to + 32 * k + 32 + half, high_nibbles(bytes), scales[k + 1], scales[9 + k], way);
		}
	}
}

static inline void block_q5_k(const uint8_t *block, float *to, enum quant_way way)
{
	float scales[16];

	scales_k4(block, scales, way);
	for (unsigned k = 0; k < 8; k++) {
		for (unsigned half = 0; half < 32; half += 16) {
			bytes16 bytes = bytes_at(block + 48 + k / 2 * 32 + half);
			bytes16 fifth = where_set(bytes_at(block + 16 + half), 1u << k, 16);
			bytes16 low = k % 2 ? high_nibbles(bytes) : low_nibbles(bytes);

			put_from(to + 32 * k + half, _mm_or_si128(low, fifth), scales[k], scales[8 + k], way);
		}
	}
}

static inline void block_q6_k(const uint8_t *block, float *to, enum quant_way way)
{
	float scales[16];

	spread_scales(scales, bytes_at(block + 192), half_at(block + 208), way);
	for (unsigned group = 0; group < 16; group++) {
		unsigned part = group / 8;
		unsigned run = group / 2 % 4;
		bytes16 low = bytes_at(block + part * 64 + run % 2 * 32 + group % 2 * 16);
		bytes16 high = pairs(bytes_at(block + 128 + part * 32 + group % 2 * 16), 2 * run);
		bytes16 codes = _mm_or_si128(run / 2 ? high_nibbles(low) : low_nibbles(low), _mm_slli_epi16(high, 4));

		put(to + 16 * group, _mm_sub_epi8(codes, all(32)), scales[group], way);
	}
}

static inline void block_iq4_xs(const uint8_t *block, float *to, enum quant_way way)
{
	uint8_t packed[16] = { 0 };
	float scales[16];

	quant_scales_iq4_xs(block + 2, packed);
	spread_scales(scales, _mm_sub_epi8(bytes_at(packed), all(32)), half_at(block), way);
	for (unsigned k = 0; k < 8; k++)
		put_iq4(to + 32 * k, bytes_at(block + 8 + 16 * k), scales[k], way);
}

WIDE_DEFINE_BOTH(Q4_0, block_q4_0)
WIDE_DEFINE_BOTH(Q4_1, block_q4_1)
WIDE_DEFINE_BOTH(Q5_0, block_q5_0)
WIDE_DEFINE_BOTH(Q5_1, block_q5_1)
WIDE_DEFINE_BOTH(Q8_0, block_q8_0)
WIDE_DEFINE_BOTH(Q2_K, block_q2_k)
WIDE_DEFINE_BOTH(Q3_K, block_q3_k)
WIDE_DEFINE_BOTH(Q4_K, block_q4_k)
WIDE_DEFINE_BOTH(Q5_K, block_q5_k)
WIDE_DEFINE_BOTH(Q6_K, block_q6_k)
WIDE_DEFINE_BOTH(IQ4_NL, block_iq4_nl)
WIDE_DEFINE_BOTH(IQ4_XS, block_iq4_xs)

/* ---- conversions ---- */

static inline floats load_f16(const uint8_t *from)
{
	return _mm256_cvtph_ps(bytes_at(from));
}

static inline floats load_bf16(const uint8_t *from)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bytes_at(from)), 16));
}

/* Eight bytes as eight 16-bit words. */
static inline bytes16 widened(const uint8_t *from)
{
	return _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)from));
}

/* F8_E5M2 is the upper half of F16. */
static inline floats load_f8_e5m2(const uint8_t *from)
{
	return _mm256_cvtph_ps(_mm_slli_epi16(widened(from), 8));
}

/* As an F16 with its exponent eight too small; what is left is the NaN, which F16 takes for a number. */
static inline floats load_f8_e4m3(const uint8_t *from)
{
	bytes16 codes = widened(from);
	bytes16 magnitudes = _mm_and_si128(codes, _mm_set1_epi16(0x7f));
	bytes16 signs = _mm_slli_epi16(_mm_and_si128(codes, _mm_set1_epi16(0x80)), 8);
	floats small = _mm256_cvtph_ps(_mm_or_si128(signs, _mm_slli_epi16(magnitudes, 7)));
	words nan = _mm256_cvtepi16_epi32(_mm_cmpeq_epi16(magnitudes, _mm_set1_epi16(0x7f)));
	floats value = _mm256_mul_ps(small, _mm256_set1_ps(256));

	return _mm256_or_ps(value, _mm256_castsi256_ps(_mm256_and_si256(nan, _mm256_set1_epi32(0x7ff00000))));
}

static inline void store_f16(uint8_t *to, floats x)
{
	_mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* Eight words below 2^16 to eight 16-bit ones. */
static inline bytes16 narrowed(words x)
{
	return _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

static inline void store_bf16(uint8_t *to, floats x)
{
	words bits = _mm256_castps_si256(x);
	words high = _mm256_srli_epi32(bits, 16);
	words odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
	words up = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
	words quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
	words nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));

	_mm_storeu_si128((__m128i *)to, narrowed(_mm256_blendv_epi8(up, quiet, nan)));
}

/* small_float.c's encode: normal numbers by rounding the bits, subnormal ones by an addition that rounds at the right place. */
static inline bytes16 codes_f8(floats x, struct wide_f8 f)
{
	bytes16 shift = _mm_cvtsi32_si128((int)f.shift);
	words bits = _mm256_castps_si256(x);
	words magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff));
	words odd = _mm256_and_si256(_mm256_srl_epi32(magnitude, shift), _mm256_set1_epi32(1));
	words normal = _mm256_add_epi32(_mm256_add_epi32(magnitude, _mm256_set1_epi32((int)f.half - f.rebias)), odd);
	floats moved = _mm256_add_ps(_mm256_castsi256_ps(magnitude), _mm256_set1_ps(f.magic));
	words subnormal = _mm256_sub_epi32(_mm256_castps_si256(moved), _mm256_castps_si256(_mm256_set1_ps(f.magic)));
	words is_subnormal = _mm256_cmpgt_epi32(_mm256_set1_epi32(f.first_normal), magnitude);
	words is_nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7f800000));
	words codes = _mm256_min_epi32(_mm256_srl_epi32(normal, shift), _mm256_set1_epi32(f.overflow_code));
	words signs = _mm256_and_si256(_mm256_srli_epi32(bits, 24), _mm256_set1_epi32(0x80));
	bytes16 narrow;

	codes = _mm256_blendv_epi8(codes, subnormal, is_subnormal);
	codes = _mm256_blendv_epi8(codes, _mm256_set1_epi32(0x7f), is_nan);
	narrow = narrowed(_mm256_or_si256(codes, signs));
	return _mm_packus_epi16(narrow, narrow);
}

static inline void store_f8_e4m3(uint8_t *to, floats x)
{
	_mm_storel_epi64((__m128i *)to, codes_f8(x, wide_e4m3));
}

static inline void store_f8_e5m2(uint8_t *to, floats x)
{
	_mm_storel_epi64((__m128i *)to, codes_f8(x, wide_e5m2));
}

WIDE_DEFINE_TO_F32(F16, 2, load_f16, _mm256_storeu_ps)
WIDE_DEFINE_TO_F32(BF16, 2, load_bf16, _mm256_storeu_ps)
WIDE_DEFINE_TO_F32(F8_E4M3, 1, load_f8_e4m3, _mm256_storeu_ps)
WIDE_DEFINE_TO_F32(F8_E5M2, 1, load_f8_e5m2, _mm256_storeu_ps)
WIDE_DEFINE_FROM_F32(F16, 2, store_f16, _mm256_loadu_ps)
WIDE_DEFINE_FROM_F32(BF16, 2, store_bf16, _mm256_loadu_ps)
WIDE_DEFINE_FROM_F32(F8_E4M3, 1, store_f8_e4m3, _mm256_loadu_ps)
WIDE_DEFINE_FROM_F32(F8_E5M2, 1, store_f8_e5m2, _mm256_loadu_ps)

/* ---- rounding by chance: stochastic_code.c's steps, all lanes both ways, then the one that counts ---- */

static inline floats to_half(floats x)
{
	return rounded(x, QUANT_HALF);
}

static inline floats power_of_two(words exponent)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(exponent, _mm256_set1_epi32(127)), 23));
}

/* Exponent of the target, not yet cut below: half_binade + bias, at most exponent_max. Rows outside the list are taken from its
 * ends: there the first says 0, and infinity's mantissa is 0. */
static inline words exponent_of(floats x, struct wide_stochastic f)
{
	words bits = _mm256_castps_si256(x);
	words binade = _mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127));
	words mantissa = _mm256_and_si256(_mm256_srli_epi32(bits, 13), _mm256_set1_epi32(1023));
	words row = _mm256_sub_epi32(binade, _mm256_set1_epi32(STOCHASTIC_BINADE_FIRST));
	words ups;
	words up;

	row = _mm256_min_epi32(_mm256_max_epi32(row, _mm256_setzero_si256()), _mm256_set1_epi32(STOCHASTIC_BINADES - 1));
	ups = _mm256_i32gather_epi32(stochastic_rounds_up, row, 4);
	up = _mm256_cmpgt_epi32(mantissa, _mm256_sub_epi32(_mm256_set1_epi32(1023), ups));
	binade = _mm256_sub_epi32(binade, up); /* a comparison that holds is -1 */
	return _mm256_min_epi32(_mm256_add_epi32(binade, _mm256_set1_epi32(f.bias)), _mm256_set1_epi32(f.exponent_max));
}

static inline floats stochastic_magnitude(floats x, floats chance, struct wide_stochastic f)
{
	words exponent = exponent_of(x, f);
	floats is_normal = _mm256_castsi256_ps(_mm256_cmpgt_epi32(exponent, _mm256_setzero_si256()));
	floats unit = to_half(power_of_two(_mm256_sub_epi32(exponent, _mm256_set1_epi32(f.bias))));
	floats steps = _mm256_set1_ps(f.steps);
	floats one = _mm256_set1_ps(1);
	floats t = to_half(_mm256_sub_ps(to_half(_mm256_div_ps(x, unit)), one));
	floats small = to_half(_mm256_mul_ps(x, _mm256_set1_ps(f.subnormal_scale)));
	floats y;

	t = _mm256_blendv_ps(small, to_half(_mm256_mul_ps(t, steps)), is_normal);
	t = _mm256_div_ps(_mm256_floor_ps(to_half(_mm256_add_ps(t, chance))), steps);
	y = _mm256_mul_ps(unit, to_half(_mm256_add_ps(one, t)));
	small = _mm256_mul_ps(t, _mm256_set1_ps(f.subnormal_unit));
	return to_half(_mm256_blendv_ps(small, y, is_normal));
}

static inline void stochastic_some(const float *from, const uint32_t *draws, uint8_t *to, struct wide_stochastic f)
{
	const floats sign_bit = _mm256_set1_ps(-0.0f);
	floats x = to_half(_mm256_loadu_ps(from));
	words draw = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)draws), _mm256_set1_epi32(0x7ff));
	floats chance = _mm256_mul_ps(_mm256_cvtepi32_ps(draw), _mm256_set1_ps(0x1p-11f));
	floats y = stochastic_magnitude(_mm256_andnot_ps(sign_bit, x), chance, f);
	floats is_nan = _mm256_or_ps(_mm256_cmp_ps(y, y, _CMP_UNORD_Q), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
	floats is_zero = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_EQ_OQ);

	/* An all-ones word is a negative NaN: code 0xff. */
	y = _mm256_or_ps(_mm256_min_ps(y, _mm256_set1_ps(f.largest)), _mm256_and_ps(x, sign_bit));
	y = _mm256_or_ps(_mm256_andnot_ps(is_zero, y), is_nan);
	_mm_storel_epi64((__m128i *)to, codes_f8(y, f.f8));
}

WIDE_DEFINE_STOCHASTIC(F8_E4M3, wide_stochastic_e4m3)
WIDE_DEFINE_STOCHASTIC(F8_E5M2, wide_stochastic_e5m2)

#define WIDE_TWO_WAYS(type) [QUANT_##type] = { wide_##type##_exact, wide_##type##_half },

WIDE_KERNELS(kernels_avx2, "avx2", kernels_have_avx2)

#endif
