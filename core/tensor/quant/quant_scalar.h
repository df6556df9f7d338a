/* quant_scalar.h - the plain dequantisers, for kernels_scalar.c's table. Private to core/tensor.
 *
 * _exact and _half are QUANT_EXACT and QUANT_HALF (quant.h); types without _half have one way.
 */
#ifndef RESIDENCY_TENSOR_QUANT_SCALAR_H
#define RESIDENCY_TENSOR_QUANT_SCALAR_H

#include <stddef.h>
#include <stdint.h>

#define QUANTS_OF_TWO_WAYS(X)                                                                                                  \
	X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q8_0) X(Q2_K) X(Q3_K) X(Q4_K) X(Q5_K) X(Q6_K) X(IQ4_NL) X(IQ4_XS)
#define QUANTS_OF_ONE_WAY(X)                                                                                                   \
	X(TQ1_0) X(TQ2_0) X(MXFP4) X(NVFP4) X(IQ2_XXS) X(IQ2_XS) X(IQ2_S) X(IQ3_XXS) X(IQ3_S) X(IQ1_S) X(IQ1_M)

#define QUANT_DECLARE_EXACT(name) void quant_scalar_##name##_exact(const uint8_t *blocks, float *to, size_t block_count);
#define QUANT_DECLARE_HALF(name) void quant_scalar_##name##_half(const uint8_t *blocks, float *to, size_t block_count);
QUANTS_OF_TWO_WAYS(QUANT_DECLARE_EXACT)
QUANTS_OF_TWO_WAYS(QUANT_DECLARE_HALF)
QUANTS_OF_ONE_WAY(QUANT_DECLARE_EXACT)
#undef QUANT_DECLARE_EXACT
#undef QUANT_DECLARE_HALF

/* What four bits stand for in IQ4_NL and IQ4_XS, and, doubled, in MXFP4 and NVFP4. */
extern const int8_t quant_values_iq4[16];
extern const int8_t quant_values_fp4[16];

#endif
