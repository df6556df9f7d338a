/* quant.h - the element types of GGUF files: blocks of quantised elements. quantise.h turns them to float32 and back.
 *
 * A block is a fixed number of elements of one row in a fixed number of bytes; a row is whole blocks. Two ways lead to float32:
 * QUANT_EXACT computes in single precision, as gguf-py and ggml do; QUANT_HALF rounds every product and sum to half precision,
 * as ComfyUI-GGUF does unless told otherwise, so that its weights, not better ones, come out. Where ComfyUI-GGUF has no code of
 * its own (quant_has_half_way), it uses gguf-py's, and QUANT_HALF is QUANT_EXACT.
 *
 * Both give the same bits on every machine, whatever instructions it has (kernels.h).
 */
#ifndef RESIDENCY_TENSOR_QUANT_H
#define RESIDENCY_TENSOR_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tensor/dtype/dtype.h"

/* name, number in a file, elements of a block, bytes of a block */
#define QUANTS(X)                                                                                                              \
	X(F32, 0, 1, 4)                                                                                                        \
	X(F16, 1, 1, 2)                                                                                                        \
	X(Q4_0, 2, 32, 18)                                                                                                     \
	X(Q4_1, 3, 32, 20)                                                                                                     \
	X(Q5_0, 6, 32, 22)                                                                                                     \
	X(Q5_1, 7, 32, 24)                                                                                                     \
	X(Q8_0, 8, 32, 34)                                                                                                     \
	X(Q8_1, 9, 32, 40)                                                                                                     \
	X(Q2_K, 10, 256, 84)                                                                                                   \
	X(Q3_K, 11, 256, 110)                                                                                                  \
	X(Q4_K, 12, 256, 144)                                                                                                  \
	X(Q5_K, 13, 256, 176)                                                                                                  \
	X(Q6_K, 14, 256, 210)                                                                                                  \
	X(Q8_K, 15, 256, 292)                                                                                                  \
	X(IQ2_XXS, 16, 256, 66)                                                                                                \
	X(IQ2_XS, 17, 256, 74)                                                                                                 \
	X(IQ3_XXS, 18, 256, 98)                                                                                                \
	X(IQ1_S, 19, 256, 50)                                                                                                  \
	X(IQ4_NL, 20, 32, 18)                                                                                                  \
	X(IQ3_S, 21, 256, 110)                                                                                                 \
	X(IQ2_S, 22, 256, 82)                                                                                                  \
	X(IQ4_XS, 23, 256, 136)                                                                                                \
	X(I8, 24, 1, 1)                                                                                                        \
	X(I16, 25, 1, 2)                                                                                                       \
	X(I32, 26, 1, 4)                                                                                                       \
	X(I64, 27, 1, 8)                                                                                                       \
	X(F64, 28, 1, 8)                                                                                                       \
	X(IQ1_M, 29, 256, 56)                                                                                                  \
	X(BF16, 30, 1, 2)                                                                                                      \
	X(TQ1_0, 34, 256, 54)                                                                                                  \
	X(TQ2_0, 35, 256, 66)                                                                                                  \
	X(MXFP4, 39, 32, 17)                                                                                                   \
	X(NVFP4, 40, 64, 36)                                                                                                   \
	X(Q1_0, 41, 128, 18)

enum quant {
#define QUANT_ENUM(name, number, elements, bytes) QUANT_##name = (number),
	QUANTS(QUANT_ENUM)
#undef QUANT_ENUM
		QUANT_COUNT /* one more than the largest number; some below it name no type */
};

#define QUANT_BLOCK_ELEMENTS_MAX 256u

enum quant_way { QUANT_EXACT, QUANT_HALF, QUANT_WAYS };

/* Whether a number in a file names a type. Numbers 4 and 5 (Q4_2, Q4_3) and others were taken out of the format. */
bool quant_is_known(uint32_t number);

const char *quant_name(enum quant type);
bool quant_from_name(const char *name, enum quant *type);
unsigned quant_block_elements(enum quant type);
unsigned quant_block_bytes(enum quant type);

/* The plain type that it is, one element a block; false for a quantised one. And the way back. */
bool quant_to_dtype(enum quant type, enum dtype *dtype);
bool quant_from_dtype(enum dtype dtype, enum quant *type);

bool quant_has_half_way(enum quant type);
bool quant_can_dequantise(enum quant type);
bool quant_can_quantise(enum quant type);

#endif
