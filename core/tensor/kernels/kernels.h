/* kernels.h - the loops over many elements, one table an instruction set. For core/tensor, its tests and its benchmark.
 *
 * `scalar` is the reference: written plainly, complete, compiled for any machine. The others fill only the slots that their
 * instructions make faster; a slot left NULL is the next narrower table's. Whatever the table, the bits are the same, NaNs
 * included; the tests compare every filled slot with scalar's. Nothing here fails, allocates or keeps state; counts may be 0,
 * pointers unaligned but for `float *`.
 */
#ifndef RESIDENCY_TENSOR_KERNELS_H
#define RESIDENCY_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tensor/dtype/dtype.h"
#include "core/tensor/quant/quant.h"

typedef void (*kernel_dequantise)(const uint8_t *blocks, float *to, size_t block_count);
typedef void (*kernel_to_f32)(const void *from, float *to, size_t count);
typedef void (*kernel_from_f32)(const float *from, void *to, size_t count);
/* One code a value; draws are of mt19937, one a value (convert/stochastic.h). */
typedef void (*kernel_stochastic)(const float *from, const uint32_t *draws, uint8_t *to, size_t count);

struct kernels {
	const char *name;
	bool (*runs_here)(void);
	kernel_dequantise dequantise[QUANT_COUNT][QUANT_WAYS];
	kernel_to_f32 to_f32[DTYPE_COUNT];
	kernel_from_f32 from_f32[DTYPE_COUNT];
	kernel_stochastic stochastic[DTYPE_COUNT]; /* F8_E4M3 and F8_E5M2 */
};

extern const struct kernels kernels_scalar;
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;

/* Every table, the widest first, NULL-terminated; each must still be asked whether it runs here. */
extern const struct kernels *const kernels_all[];

/* The slot of the widest table that runs here and has it; NULL when even scalar does not. */
kernel_dequantise kernels_dequantise(enum quant type, enum quant_way way);
kernel_to_f32 kernels_to_f32(enum dtype dtype);
kernel_from_f32 kernels_from_f32(enum dtype dtype);
kernel_stochastic kernels_stochastic(enum dtype dtype);

#endif
