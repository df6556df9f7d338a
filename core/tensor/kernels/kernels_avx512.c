/* AVX-512 (F, BW, DQ, VL): sixteen elements at a time.
 *
 * A code of at most four bits becomes its value by one permutation of a register that holds the values of all sixteen codes, so
 * that scale, minimum and rounding are computed once a group and not once an element; the permutation looks at an index's low
 * four bits only, which saves the masks. Compiled with these instructions switched on: nothing here may be called before
 * runs_here has been asked. */
#if defined(__x86_64__)

#include <immintrin.h>

#include "core/tensor/dtype/stochastic_code.h"
#include "core/tensor/kernels/kernels.h"
#include "core/tensor/kernels/kernels_wide.h"
#include "core/tensor/quant/quant_scalar.h"
#include "core/tensor/quant/quant_scales.h"

#define LANES 16u

typedef __m512 floats;
typedef __m512i words;

static inline floats rounded(floats x, enum quant_way way)
{
	if (way == QUANT_HALF)
		return _mm512_cvtph_ps(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
	return x;
}

static inline float half_at(const uint8_t *bytes)
{
	uint16_t code;

	memcpy(&code, bytes, sizeof(code));
	return _cvtsh_ss(code);
}

static inline words unsigned_at(const uint8_t *bytes)
{
	return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)bytes));
}

static inline floats signed_at(const uint8_t *bytes)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)bytes)));
}

static inline floats scaled(float d, floats q, enum quant_way way)
{
	return rounded(_mm512_mul_ps(_mm512_set1_ps(d), q), way);
}

static inline floats scaled_from(float d, floats q, float m, enum quant_way way)
{
	return rounded(_mm512_add_ps(scaled(d, q, way), _mm512_set1_ps(m)), way);
}

static inline floats look_up(floats table, words codes)
{
	return _mm512_permutexvar_ps(codes, table);
}

/* Another table where a bit is set. */
static inline floats look_up_two(floats table, floats table_where_set, __mmask16 set, words codes)
{
	return _mm512_mask_permutexvar_ps(look_up(table, codes), set, codes, table_where_set);
}

static inline floats first_codes(float first)
{
	static const float iota[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	return _mm512_add_ps(_mm512_loadu_ps(iota), _mm512_set1_ps(first));
}

static inline floats values_iq4(void)
{
	return signed_at((const uint8_t *)quant_values_iq4);
}

/* 16 bytes: low nibbles to `to`, high nibbles to `to_high`. */
static inline void put_nibbles(float *to, float *to_high, const uint8_t *bytes, floats table)
{
	words codes = unsigned_at(bytes);

	_mm512_storeu_ps(to, look_up(table, codes));
	_mm512_storeu_ps(to_high, look_up(table, _mm512_srli_epi32(codes, 4)));
}

static inline __mmask16 bits_of(const uint8_t *bytes, uint8_t bit)
{
	return _mm_test_epi8_mask(_mm_loadu_si128((const __m128i *)bytes), _mm_set1_epi8((char)bit));
}

/* ---- blocks of 32 ---- */

static inline void block_q4_0(const uint8_t *block, float *to, enum quant_way way)
{
	put_nibbles(to, to + 16, block + 2, scaled(half_at(block), first_codes(-8), way));
}

static inline void block_q4_1(const uint8_t *block, float *to, enum quant_way way)
{
	put_nibbles(to, to + 16, block + 4, scaled_from(half_at(block), first_codes(0), half_at(block + 2), way));
}

static inline void block_iq4_nl(const uint8_t *block, float *to, enum quant_way way)
{
	put_nibbles(to, to + 16, block + 2, scaled(half_at(block), values_iq4(), way));
}

static inline void put_fives(float *to, const uint8_t *bytes, uint32_t fifth, floats low, floats high)
{
	words codes = unsigned_at(bytes);

	_mm512_storeu_ps(to, look_up_two(low, high, (__mmask16)fifth, codes));
	_mm512_storeu_ps(to + 16, look_up_two(low, high, (__mmask16)(fifth >> 16), _mm512_srli_epi32(codes, 4)));
}

static inline void block_q5_0(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);

	put_fives(to, block + 6, quant_word_at(block + 2), scaled(d, first_codes(-16), way), scaled(d, first_codes(0), way));
}

static inline void block_q5_1(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);
	float m = half_at(block + 2);

	put_fives(to, block + 8, quant_word_at(block + 4), scaled_from(d, first_codes(0), m, way),
		  scaled_from(d, first_codes(16), m, way));
}

static inline void block_q8_0(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);

	_mm512_storeu_ps(to, scaled(d, signed_at(block + 2), way));
	_mm512_storeu_ps(to + 16, scaled(d, signed_at(block + 18), way));
}

/* ---- blocks of 256 ---- */

/* The values of codes 0 to 3, four times over: an index's third and fourth bits, which belong to other elements, do not matter. */
static inline floats four_codes(void)
{
	return _mm512_broadcast_f32x4(_mm_setr_ps(0, 1, 2, 3));
}

static inline void block_q2_k(const uint8_t *block, float *to, enum quant_way way)
{
	words packed = unsigned_at(block);
	float scales[16];
	float minimums[16];

	_mm512_storeu_ps(scales,
			 scaled(half_at(block + 80), _mm512_cvtepi32_ps(_mm512_and_si512(packed, _mm512_set1_epi32(15))), way));
	_mm512_storeu_ps(minimums, scaled(-half_at(block + 82), _mm512_cvtepi32_ps(_mm512_srli_epi32(packed, 4)), way));
	for (unsigned k = 0; k < 4; k++) {
		words codes = unsigned_at(block + 16 + k / 2 * 32 + k % 2 * 16);
		unsigned group = k / 2 * 8 + k % 2;

		for (unsigned run = 0; run < 4; run++, group += 2) {
			floats table = scaled_from(scales[group], four_codes(), minimums[group], way);

			_mm512_storeu_ps(to + 16 * group, look_up(table, _mm512_srli_epi32(codes, 2 * run)));
		}
	}
}

/* Codes 0 to 3 as they are where the third bit is set, less 4 where not. */
static inline void block_q3_k(const uint8_t *block, float *to, enum quant_way way)
{
	uint8_t packed[16];
	float scales[16];

	quant_scales_k3(block + 96, packed);
	_mm512_storeu_ps(scales, scaled(half_at(block + 108),
					_mm512_sub_ps(_mm512_cvtepi32_ps(unsigned_at(packed)), _mm512_set1_ps(32)), way));
	for (unsigned k = 0; k < 4; k++) {
		words codes = unsigned_at(block + 32 + k / 2 * 32 + k % 2 * 16);
		unsigned group = k / 2 * 8 + k % 2;

		for (unsigned run = 0; run < 4; run++, group += 2) {
			floats set = scaled(scales[group], four_codes(), way);
			floats clear = scaled(scales[group], _mm512_sub_ps(four_codes(), _mm512_set1_ps(4)), way);
			__mmask16 third = bits_of(block + k % 2 * 16, (uint8_t)(1u << (k / 2 * 4 + run)));

			_mm512_storeu_ps(to + 16 * group, look_up_two(clear, set, third, _mm512_srli_epi32(codes, 2 * run)));
		}
	}
}

/* Eight scales, then eight minimums as they are added, of Q4_K and Q5_K. */
static inline void scales_k4(const uint8_t *block, float out[16], enum quant_way way)
{
	uint8_t packed[16];
	__m512 factors = _mm512_mask_blend_ps(0xff00, _mm512_set1_ps(half_at(block)), _mm512_set1_ps(-half_at(block + 2)));

	quant_scales_k4(block + 4, packed);
	_mm512_storeu_ps(out, rounded(_mm512_mul_ps(factors, _mm512_cvtepi32_ps(unsigned_at(packed))), way));
}

static inline void block_q4_k(const uint8_t *block, float *to, enum quant_way way)
{
	float scales[16];

	scales_k4(block, scales, way);
	for (unsigned k = 0; k < 8; k += 2) {
		floats low = scaled_from(scales[k], first_codes(0), scales[8 + k], way);
		floats high = scaled_from(scales[k + 1], first_codes(0), scales[9 + k], way);

		for (unsigned half = 0; half < 32; half += 16) {
			words codes = unsigned_at(block + 16 + k * 16 + half);

			_mm512_storeu_ps(to + 32 * k + half, look_up(low, codes));
			_mm512_storeu_ps(to + 32 * k + 32 + half, look_up(high, _mm512_srli_epi32(codes, 4)));
		}
	}
}

static inline void block_q5_k(const uint8_t *block, float *to, enum quant_way way)
{
	float scales[16];

	scales_k4(block, scales, way);
	for (unsigned k = 0; k < 8; k++) {
		floats low = scaled_from(scales[k], first_codes(0), scales[8 + k], way);
		floats high = scaled_from(scales[k], first_codes(16), scales[8 + k], way);

		for (unsigned half = 0; half < 32; half += 16) {
			words codes = _mm512_srli_epi32(unsigned_at(block + 48 + k / 2 * 32 + half), k % 2 * 4);
			__mmask16 fifth = bits_of(block + 16 + half, (uint8_t)(1u << k));

			_mm512_storeu_ps(to + 32 * k + half, look_up_two(low, high, fifth, codes));
		}
	}
}

/* Six bits are too many for a permutation: put together as bytes, 64 at once. */
static inline void block_q6_k(const uint8_t *block, float *to, enum quant_way way)
{
	const __m512i nibbles = _mm512_set1_epi8(15);
	const __m512i pairs = _mm512_set1_epi8(0x30);
	float scales[16];

	_mm512_storeu_ps(scales, scaled(half_at(block + 208), signed_at(block + 192), way));
	for (unsigned part = 0; part < 2; part++) {
		__m512i low = _mm512_loadu_si512(block + 64 * part);
		__m256i high_bytes = _mm256_loadu_si256((const __m256i *)(block + 128 + 32 * part));
		/* Runs 0 and 1 need bits 0-1 and 2-3 of the high bytes at bits 4-5, runs 2 and 3 bits 4-5 and 6-7. */
		__m512i high = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_slli_epi16(high_bytes, 4)),
						  _mm256_slli_epi16(high_bytes, 2), 1);
		__m512i later = _mm512_inserti64x4(_mm512_castsi256_si512(high_bytes), _mm256_srli_epi16(high_bytes, 2), 1);
		uint8_t codes[128];

		_mm512_storeu_si512(
			codes, _mm512_sub_epi8(_mm512_or_si512(_mm512_and_si512(low, nibbles), _mm512_and_si512(high, pairs)),
					       _mm512_set1_epi8(32)));
		low = _mm512_srli_epi16(low, 4);
		_mm512_storeu_si512(codes + 64, _mm512_sub_epi8(_mm512_or_si512(_mm512_and_si512(low, nibbles),
										_mm512_and_si512(later, pairs)),
								_mm512_set1_epi8(32)));
		for (unsigned k = 0; k < 8; k++)
			_mm512_storeu_ps(to + 128 * part + 16 * k,
					 scaled(scales[8 * part + k], signed_at(codes + 16 * k), way));
	}
}

static inline void block_iq4_xs(const uint8_t *block, float *to, enum quant_way way)
{
	float d = half_at(block);
	uint8_t packed[16] = { 0 };
	float scales[16];

	quant_scales_iq4_xs(block + 2, packed);
	_mm512_storeu_ps(scales, scaled(d, _mm512_sub_ps(_mm512_cvtepi32_ps(unsigned_at(packed)), _mm512_set1_ps(32)), way));
	for (unsigned k = 0; k < 8; k++)
		put_nibbles(to + 32 * k, to + 32 * k + 16, block + 8 + 16 * k, scaled(scales[k], values_iq4(), way));
}

/* Where products need not be rounded there is little to compute, and narrower vectors are 11 to 25 % faster (bench dequant): these
 * slots are left to AVX2. */
#define wide_Q4_0_exact NULL
#define wide_Q8_0_exact NULL
#define wide_Q5_K_exact NULL
#define wide_IQ4_NL_exact NULL

WIDE_DEFINE(Q4_0, block_q4_0, QUANT_HALF, half)
WIDE_DEFINE_BOTH(Q4_1, block_q4_1)
WIDE_DEFINE_BOTH(Q5_0, block_q5_0)
WIDE_DEFINE_BOTH(Q5_1, block_q5_1)
WIDE_DEFINE(Q8_0, block_q8_0, QUANT_HALF, half)
WIDE_DEFINE_BOTH(Q2_K, block_q2_k)
WIDE_DEFINE_BOTH(Q3_K, block_q3_k)
WIDE_DEFINE_BOTH(Q4_K, block_q4_k)
WIDE_DEFINE(Q5_K, block_q5_k, QUANT_HALF, half)
WIDE_DEFINE_BOTH(Q6_K, block_q6_k)
WIDE_DEFINE(IQ4_NL, block_iq4_nl, QUANT_HALF, half)
WIDE_DEFINE_BOTH(IQ4_XS, block_iq4_xs)

/* ---- conversions ---- */

static inline floats load_f16(const uint8_t *from)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}

static inline floats load_bf16(const uint8_t *from)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from)), 16));
}

/* F8_E5M2 is the upper half of F16. */
static inline floats load_f8_e5m2(const uint8_t *from)
{
	return _mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)from)), 8));
}

/* As an F16 with its exponent eight too small; what is left is the NaN, which F16 takes for a number. */
static inline floats load_f8_e4m3(const uint8_t *from)
{
	__m256i codes = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)from));
	__m256i magnitudes = _mm256_and_si256(codes, _mm256_set1_epi16(0x7f));
	__m256i signs = _mm256_slli_epi16(_mm256_and_si256(codes, _mm256_set1_epi16(0x80)), 8);
	floats small = _mm512_cvtph_ps(_mm256_or_si256(signs, _mm256_slli_epi16(magnitudes, 7)));
	floats value = _mm512_mul_ps(small, _mm512_set1_ps(256));
	__mmask16 nan = _mm256_cmpeq_epi16_mask(magnitudes, _mm256_set1_epi16(0x7f));

	return _mm512_castsi512_ps(_mm512_mask_or_epi32(_mm512_castps_si512(value), nan, _mm512_castps_si512(value),
							_mm512_set1_epi32(0x7ff00000)));
}

static inline void store_f16(uint8_t *to, floats x)
{
	_mm256_storeu_si256((__m256i *)to, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

static inline void store_bf16(uint8_t *to, floats x)
{
	words bits = _mm512_castps_si512(x);
	words high = _mm512_srli_epi32(bits, 16);
	words odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
	words rounded_up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
	__mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
	words codes = _mm512_mask_or_epi32(_mm512_srli_epi32(rounded_up, 16), nan, high, _mm512_set1_epi32(0x40));

	_mm256_storeu_si256((__m256i *)to, _mm512_cvtepi32_epi16(codes));
}

/* small_float.c's encode: normal numbers by rounding the bits, subnormal ones by an addition that rounds at the right place. */
static inline void store_f8(uint8_t *to, floats x, struct wide_f8 f)
{
	words bits = _mm512_castps_si512(x);
	words magnitude = _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff));
	words odd = _mm512_and_si512(_mm512_srli_epi32(magnitude, f.shift), _mm512_set1_epi32(1));
	words normal = _mm512_add_epi32(_mm512_add_epi32(magnitude, _mm512_set1_epi32((int)f.half - f.rebias)), odd);
	floats moved = _mm512_add_ps(_mm512_castsi512_ps(magnitude), _mm512_set1_ps(f.magic));
	words subnormal = _mm512_sub_epi32(_mm512_castps_si512(moved), _mm512_castps_si512(_mm512_set1_ps(f.magic)));
	__mmask16 is_normal = _mm512_cmpge_epi32_mask(magnitude, _mm512_set1_epi32(f.first_normal));
	__mmask16 is_nan = _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7f800000));
	words codes = _mm512_min_epi32(_mm512_srli_epi32(normal, f.shift), _mm512_set1_epi32(f.overflow_code));
	words signs = _mm512_and_si512(_mm512_srli_epi32(bits, 24), _mm512_set1_epi32(0x80));

	codes = _mm512_mask_blend_epi32(is_normal, subnormal, codes);
	codes = _mm512_mask_blend_epi32(is_nan, codes, _mm512_set1_epi32(0x7f));
	_mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8(_mm512_or_si512(codes, signs)));
}

static inline void store_f8_e4m3(uint8_t *to, floats x)
{
	store_f8(to, x, wide_e4m3);
}

static inline void store_f8_e5m2(uint8_t *to, floats x)
{
	store_f8(to, x, wide_e5m2);
}

WIDE_DEFINE_TO_F32(F16, 2, load_f16, _mm512_storeu_ps)
WIDE_DEFINE_TO_F32(BF16, 2, load_bf16, _mm512_storeu_ps)
WIDE_DEFINE_TO_F32(F8_E4M3, 1, load_f8_e4m3, _mm512_storeu_ps)
WIDE_DEFINE_TO_F32(F8_E5M2, 1, load_f8_e5m2, _mm512_storeu_ps)
WIDE_DEFINE_FROM_F32(F16, 2, store_f16, _mm512_loadu_ps)
WIDE_DEFINE_FROM_F32(BF16, 2, store_bf16, _mm512_loadu_ps)
WIDE_DEFINE_FROM_F32(F8_E4M3, 1, store_f8_e4m3, _mm512_loadu_ps)
WIDE_DEFINE_FROM_F32(F8_E5M2, 1, store_f8_e5m2, _mm512_loadu_ps)

/* ---- rounding by chance: stochastic_code.c's steps, all lanes both ways, then the one that counts ---- */

static inline floats to_half(floats x)
{
	return rounded(x, QUANT_HALF);
}

static inline floats floor_of(floats x)
{
	return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

/* 2^exponent; infinity from 128 on is not asked for. */
static inline floats power_of_two(words exponent)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(exponent, _mm512_set1_epi32(127)), 23));
}

/* Exponent of the target, not yet cut below: half_binade + bias, at most exponent_max. */
static inline words exponent_of(floats x, struct wide_stochastic f)
{
	words bits = _mm512_castps_si512(x);
	words binade = _mm512_sub_epi32(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(127));
	words mantissa = _mm512_and_si512(_mm512_srli_epi32(bits, 13), _mm512_set1_epi32(1023));
	words row = _mm512_sub_epi32(binade, _mm512_set1_epi32(STOCHASTIC_BINADE_FIRST));
	__mmask16 is_listed = _mm512_cmplt_epu32_mask(row, _mm512_set1_epi32(STOCHASTIC_BINADES));
	words ups = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), is_listed, row, stochastic_rounds_up, 4);
	__mmask16 up = _mm512_cmpge_epi32_mask(mantissa, _mm512_sub_epi32(_mm512_set1_epi32(1024), ups));

	binade = _mm512_mask_add_epi32(binade, up, binade, _mm512_set1_epi32(1));
	return _mm512_min_epi32(_mm512_add_epi32(binade, _mm512_set1_epi32(f.bias)), _mm512_set1_epi32(f.exponent_max));
}

static inline floats stochastic_magnitude(floats x, floats chance, struct wide_stochastic f)
{
	words exponent = exponent_of(x, f);
	__mmask16 is_subnormal = _mm512_cmple_epi32_mask(exponent, _mm512_setzero_si512());
	words binade = _mm512_sub_epi32(exponent, _mm512_set1_epi32(f.bias));
	floats unit = to_half(power_of_two(binade));
	floats steps = _mm512_set1_ps(f.steps);
	floats one = _mm512_set1_ps(1);
	floats t = to_half(_mm512_sub_ps(to_half(_mm512_div_ps(x, unit)), one));
	floats small = to_half(_mm512_mul_ps(x, _mm512_set1_ps(f.subnormal_scale)));
	floats y;

	t = _mm512_mask_blend_ps(is_subnormal, to_half(_mm512_mul_ps(t, steps)), small);
	t = _mm512_div_ps(floor_of(to_half(_mm512_add_ps(t, chance))), steps);
	y = _mm512_mul_ps(unit, to_half(_mm512_add_ps(one, t)));
	return to_half(_mm512_mask_mul_ps(y, is_subnormal, t, _mm512_set1_ps(f.subnormal_unit)));
}

static inline void stochastic_some(const float *from, const uint32_t *draws, uint8_t *to, struct wide_stochastic f)
{
	const words sign_bit = _mm512_set1_epi32(INT32_MIN);
	floats x = to_half(_mm512_loadu_ps(from));
	words draw = _mm512_and_si512(_mm512_loadu_si512(draws), _mm512_set1_epi32(0x7ff));
	floats chance = _mm512_mul_ps(_mm512_cvtepi32_ps(draw), _mm512_set1_ps(0x1p-11f));
	words sign = _mm512_and_si512(_mm512_castps_si512(x), sign_bit);
	floats y = stochastic_magnitude(_mm512_abs_ps(x), chance, f);
	__mmask16 is_nan = _mm512_cmp_ps_mask(y, y, _CMP_UNORD_Q) | _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
	__mmask16 is_zero = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_EQ_OQ);
	__m128i codes;

	y = _mm512_min_ps(y, _mm512_set1_ps(f.largest));
	y = _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(y), sign));
	store_f8(to, y, f.f8);
	codes = _mm_loadu_si128((const __m128i *)to);
	codes = _mm_mask_blend_epi8(is_nan, codes, _mm_set1_epi8((char)0xff));
	_mm_storeu_si128((__m128i *)to, _mm_mask_blend_epi8(is_zero, codes, _mm_setzero_si128()));
}

WIDE_DEFINE_STOCHASTIC(F8_E4M3, wide_stochastic_e4m3)
WIDE_DEFINE_STOCHASTIC(F8_E5M2, wide_stochastic_e5m2)

#define WIDE_TWO_WAYS(type) [QUANT_##type] = { wide_##type##_exact, wide_##type##_half },

WIDE_KERNELS(kernels_avx512, "avx512", kernels_have_avx512)

#endif
