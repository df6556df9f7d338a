/* The product of two factors, scaled and added. Every way takes the same steps for an element, so that all give the same bits; the wide
 * ones keep a tile of rows and columns in registers. */
#include <math.h>

#include "core/patch/arith/arith.h"

static bool runs_anywhere(void)
{
	return true;
}

static void add_plain(const float *a, const struct panels *b, float *to, size_t rows, float factor)
{
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j < b->columns; j++) {
			const float *panel = b->values + j / PANEL_COLUMNS * b->depth * PANEL_COLUMNS;
			float sum = 0;

			for (size_t k = 0; k < b->depth; k++)
				sum = fmaf(a[i * b->depth + k], panel[k * PANEL_COLUMNS + j % PANEL_COLUMNS], sum);
			to[i * b->columns + j] += factor * sum;
		}
	}
}

static const struct product_way way_plain = { "plain", runs_anywhere, add_plain };

#if defined(__x86_64__)
#include <immintrin.h>

#define ROWS_512 8
#define ROWS_256 3

static bool runs_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}

static bool runs_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* A whole panel's columns of some rows; those past the edge by mask. rows is a constant at each call, so that the sums stay in
 * registers. */
__attribute__((target("avx512f"), always_inline)) static inline void tile_512(const float *a, const float *panel, float *to,
									      const size_t rows, size_t depth, size_t stride,
									      float factor, __mmask16 low, __mmask16 high)
{
	__m512 scale = _mm512_set1_ps(factor);
	__m512 sums[ROWS_512][2];

#pragma GCC unroll 8
	for (size_t i = 0; i < rows; i++)
		sums[i][0] = sums[i][1] = _mm512_setzero_ps();
	for (size_t k = 0; k < depth; k++) {
		__m512 left = _mm512_load_ps(panel + k * PANEL_COLUMNS);
		__m512 right = _mm512_load_ps(panel + k * PANEL_COLUMNS + 16);

#pragma GCC unroll 8
		for (size_t i = 0; i < rows; i++) {
			__m512 value = _mm512_set1_ps(a[i * depth + k]);

			sums[i][0] = _mm512_fmadd_ps(value, left, sums[i][0]);
			sums[i][1] = _mm512_fmadd_ps(value, right, sums[i][1]);
		}
	}
#pragma GCC unroll 8
	for (size_t i = 0; i < rows; i++) {
		float *at = to + i * stride;
		__m512 left = _mm512_maskz_loadu_ps(low, at);
		__m512 right = _mm512_maskz_loadu_ps(high, at + 16);

		_mm512_mask_storeu_ps(at, low, _mm512_add_ps(left, _mm512_mul_ps(scale, sums[i][0])));
		_mm512_mask_storeu_ps(at + 16, high, _mm512_add_ps(right, _mm512_mul_ps(scale, sums[i][1])));
	}
}

__attribute__((target("avx512f"))) static void add_avx512(const float *a, const struct panels *b, float *to, size_t rows,
							  float factor)
{
	const float *panel = b->values;
	size_t depth = b->depth;

	for (size_t j = 0; j < b->columns; j += PANEL_COLUMNS, panel += depth * PANEL_COLUMNS) {
		size_t left = b->columns - j;
		__mmask16 low = (__mmask16)(left >= 16 ? 0xffff : (1U << left) - 1);
		__mmask16 high = (__mmask16)(left >= 32 ? 0xffff : left > 16 ? (1U << (left - 16)) - 1 : 0);
		size_t i = 0;

		for (; i + ROWS_512 <= rows; i += ROWS_512)
			tile_512(a + i * depth, panel, to + i * b->columns + j, ROWS_512, depth, b->columns, factor, low, high);
		for (; i < rows; i++)
			tile_512(a + i * depth, panel, to + i * b->columns + j, 1, depth, b->columns, factor, low, high);
	}
}

static const struct product_way way_avx512 = { "avx512", runs_avx512, add_avx512 };

/* Half a panel's columns of some rows. */
__attribute__((target("avx2,fma"), always_inline)) static inline void tile_256(const float *a, const float *panel, float *to,
									       const size_t rows, size_t depth, size_t stride,
									       float factor)
{
	__m256 scale = _mm256_set1_ps(factor);
	__m256 sums[ROWS_256][2];

#pragma GCC unroll 3
	for (size_t i = 0; i < rows; i++)
		sums[i][0] = sums[i][1] = _mm256_setzero_ps();
	for (size_t k = 0; k < depth; k++) {
		__m256 left = _mm256_load_ps(panel + k * PANEL_COLUMNS);
		__m256 right = _mm256_load_ps(panel + k * PANEL_COLUMNS + 8);

#pragma GCC unroll 3
		for (size_t i = 0; i < rows; i++) {
			__m256 value = _mm256_set1_ps(a[i * depth + k]);

			sums[i][0] = _mm256_fmadd_ps(value, left, sums[i][0]);
			sums[i][1] = _mm256_fmadd_ps(value, right, sums[i][1]);
		}
	}
#pragma GCC unroll 3
	for (size_t i = 0; i < rows; i++) {
		float *at = to + i * stride;

		_mm256_storeu_ps(at, _mm256_add_ps(_mm256_loadu_ps(at), _mm256_mul_ps(scale, sums[i][0])));
		_mm256_storeu_ps(at + 8, _mm256_add_ps(_mm256_loadu_ps(at + 8), _mm256_mul_ps(scale, sums[i][1])));
	}
}

/* Columns that fill no tile. */
__attribute__((target("avx2,fma"))) static void edge_256(const float *a, const struct panels *b, float *to, size_t rows,
							 float factor, size_t first)
{
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = first; j < b->columns; j++) {
			const float *panel = b->values + j / PANEL_COLUMNS * b->depth * PANEL_COLUMNS;
			float sum = 0;

			for (size_t k = 0; k < b->depth; k++)
				sum = __builtin_fmaf(a[i * b->depth + k], panel[k * PANEL_COLUMNS + j % PANEL_COLUMNS], sum);
			to[i * b->columns + j] += factor * sum;
		}
	}
}

__attribute__((target("avx2,fma"))) static void add_avx2(const float *a, const struct panels *b, float *to, size_t rows,
							 float factor)
{
	size_t depth = b->depth;
	size_t stride = b->columns;
	size_t j = 0;

	for (; j + 16 <= b->columns; j += 16) {
		const float *panel = b->values + j / PANEL_COLUMNS * depth * PANEL_COLUMNS + j % PANEL_COLUMNS;
		size_t i = 0;

		for (; i + ROWS_256 <= rows; i += ROWS_256)
			tile_256(a + i * depth, panel, to + i * stride + j, ROWS_256, depth, stride, factor);
		for (; i < rows; i++)
			tile_256(a + i * depth, panel, to + i * stride + j, 1, depth, stride, factor);
	}
	edge_256(a, b, to, rows, factor, j);
}

static const struct product_way way_avx2 = { "avx2", runs_avx2, add_avx2 };
#endif

const struct product_way *const product_ways[] = {
	&way_plain,
#if defined(__x86_64__)
	&way_avx2,
	&way_avx512,
#endif
	NULL,
};

void arith_panels_add(const float *a, const struct panels *b, float *to, size_t rows, float factor)
{
	size_t widest = 0;

	for (size_t i = 0; product_ways[i]; i++) {
		if (product_ways[i]->runs_here())
			widest = i;
	}
	product_ways[widest]->add(a, b, to, rows, factor);
}
