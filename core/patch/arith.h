/* arith.h - products and rounding as upstream's tensors have them. Private to this room. */
#ifndef RESIDENCY_PATCH_ARITH_H
#define RESIDENCY_PATCH_ARITH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/tensor/convert.h"
#include "core/tensor/dtype.h"

/* A value as the type holds it: F32, F16 or BF16. */
static inline float as_dtype(enum dtype dtype, float value)
{
	if (dtype == DTYPE_BF16)
		return bf16_to_f32(f32_to_bf16(value));
	if (dtype == DTYPE_F16)
		return f16_to_f32(f32_to_f16(value));
	return value;
}

void round_all(enum dtype dtype, float *values, size_t count);

/* a [rows, depth] times b [depth, columns] into to, row-major: each element is summed in float32 over ascending depth with
 * fused multiply-adds, whatever the machine; then it is rounded once. */
void product(enum dtype dtype, const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns);

/* The same without rounding. */
void product_f32(const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns);

/* Each way there is of computing it, for tests: NULL ends them. The first is the plain one. */
struct product_way {
	const char *name;
	bool (*runs_here)(void);
	void (*product)(const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns);
};
extern const struct product_way *const product_ways[];

/* The transpose of from [rows, columns]. */
void transpose(const float *from, float *to, size_t rows, size_t columns);

#endif
