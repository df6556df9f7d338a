/* The product of two factors. Every way sums an element over ascending depth with fused multiply-adds, so that all give the same
 * bits; the wide ones compute a tile of rows and columns in registers. */
#include <math.h>
#include <string.h>

#include "core/patch/arith.h"

static bool runs_anywhere(void)
{
	return true;
}

static void product_plain(const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns)
{
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j < columns; j++) {
			float sum = 0;

			for (size_t k = 0; k < depth; k++)
				sum = fmaf(a[i * depth + k], b[k * columns + j], sum);
			to[i * columns + j] = sum;
		}
	}
}

static const struct product_way way_plain = { "plain", runs_anywhere, product_plain };

#if defined(__x86_64__)
#include <immintrin.h>

/* A tile is so many rows by so many vectors; columns that fill no vector are masked or left to the edge. */
#define ROWS_512 8
#define ROWS_256 4

static bool runs_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}

static bool runs_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* count <= ROWS_512 rows and up to 32 columns, the last ones by mask. */
__attribute__((target("avx512f"), always_inline)) static inline void tile_512(const float *a, const float *b, float *to,
									      size_t rows, size_t depth, size_t columns,
									      __mmask16 low, __mmask16 high)
{
	__m512 sums[ROWS_512][2];

	for (size_t i = 0; i < ROWS_512; i++)
		sums[i][0] = sums[i][1] = _mm512_setzero_ps();
	for (size_t k = 0; k < depth; k++) {
		__m512 left = _mm512_maskz_loadu_ps(low, b + k * columns);
		__m512 right = _mm512_maskz_loadu_ps(high, b + k * columns + 16);

		for (size_t i = 0; i < rows; i++) {
			__m512 factor = _mm512_set1_ps(a[i * depth + k]);

			sums[i][0] = _mm512_fmadd_ps(factor, left, sums[i][0]);
			sums[i][1] = _mm512_fmadd_ps(factor, right, sums[i][1]);
		}
	}
	for (size_t i = 0; i < rows; i++) {
		_mm512_mask_storeu_ps(to + i * columns, low, sums[i][0]);
		_mm512_mask_storeu_ps(to + i * columns + 16, high, sums[i][1]);
	}
}

__attribute__((target("avx512f"))) static void product_avx512(const float *a, const float *b, float *to, size_t rows,
							      size_t depth, size_t columns)
{
	for (size_t j = 0; j < columns; j += 32) {
		size_t left = columns - j;
		__mmask16 low = (__mmask16)(left >= 16 ? 0xffff : (1U << left) - 1);
		__mmask16 high = (__mmask16)(left >= 32 ? 0xffff : left > 16 ? (1U << (left - 16)) - 1 : 0);
		size_t i = 0;

		for (; i + ROWS_512 <= rows; i += ROWS_512)
			tile_512(a + i * depth, b + j, to + i * columns + j, ROWS_512, depth, columns, low, high);
		for (; i < rows; i++)
			tile_512(a + i * depth, b + j, to + i * columns + j, 1, depth, columns, low, high);
	}
}

static const struct product_way way_avx512 = { "avx512", runs_avx512, product_avx512 };

__attribute__((target("avx2,fma"), always_inline)) static inline void tile_256(const float *a, const float *b, float *to,
									       size_t rows, size_t depth, size_t columns)
{
	__m256 sums[ROWS_256][2];

	for (size_t i = 0; i < ROWS_256; i++)
		sums[i][0] = sums[i][1] = _mm256_setzero_ps();
	for (size_t k = 0; k < depth; k++) {
		__m256 left = _mm256_loadu_ps(b + k * columns);
		__m256 right = _mm256_loadu_ps(b + k * columns + 8);

		for (size_t i = 0; i < rows; i++) {
			__m256 factor = _mm256_set1_ps(a[i * depth + k]);

			sums[i][0] = _mm256_fmadd_ps(factor, left, sums[i][0]);
			sums[i][1] = _mm256_fmadd_ps(factor, right, sums[i][1]);
		}
	}
	for (size_t i = 0; i < rows; i++) {
		_mm256_storeu_ps(to + i * columns, sums[i][0]);
		_mm256_storeu_ps(to + i * columns + 8, sums[i][1]);
	}
}

/* Columns that fill no tile, one by one. */
__attribute__((target("avx2,fma"))) static void edge_256(const float *a, const float *b, float *to, size_t rows, size_t depth,
							 size_t columns, size_t first)
{
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = first; j < columns; j++) {
			float sum = 0;

			for (size_t k = 0; k < depth; k++)
				sum = __builtin_fmaf(a[i * depth + k], b[k * columns + j], sum);
			to[i * columns + j] = sum;
		}
	}
}

__attribute__((target("avx2,fma"))) static void product_avx2(const float *a, const float *b, float *to, size_t rows,
							     size_t depth, size_t columns)
{
	size_t j = 0;

	for (; j + 16 <= columns; j += 16) {
		size_t i = 0;

		for (; i + ROWS_256 <= rows; i += ROWS_256)
			tile_256(a + i * depth, b + j, to + i * columns + j, ROWS_256, depth, columns);
		for (; i < rows; i++)
			tile_256(a + i * depth, b + j, to + i * columns + j, 1, depth, columns);
	}
	edge_256(a, b, to, rows, depth, columns, j);
}

static const struct product_way way_avx2 = { "avx2", runs_avx2, product_avx2 };
#endif

const struct product_way *const product_ways[] = {
	&way_plain,
#if defined(__x86_64__)
	&way_avx2,
	&way_avx512,
#endif
	NULL,
};

void product_f32(const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns)
{
	size_t widest = 0;

	for (size_t i = 0; product_ways[i]; i++) {
		if (product_ways[i]->runs_here())
			widest = i;
	}
	product_ways[widest]->product(a, b, to, rows, depth, columns);
}
