/* quantise.h - arrays of GGUF's element types to float32 and back.
 *
 * quant.h says what the two ways are. Nothing here keeps state: any thread may call.
 */
#ifndef RESIDENCY_TENSOR_QUANTISE_H
#define RESIDENCY_TENSOR_QUANTISE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/tensor/quant/quant.h"

/* count elements, a multiple of the block's, at `blocks`, which need not be aligned. ERROR_UNSUPPORTED for types that nothing
 * dequantises (Q8_1, Q8_K, Q1_0: intermediate or too new), ERROR_FORMAT for a count that is not whole blocks. */
bool convert_dequantise(enum quant type, enum quant_way way, const void *blocks, float *to, size_t count, struct error *e);

/* The way back, with gguf-py's choice of scales. ERROR_UNSUPPORTED where gguf-py has none: the K and IQ types need ggml's
 * searches. ERROR_FORMAT as above. */
bool convert_quantise(enum quant type, const float *from, void *blocks, size_t count, struct error *e);

#endif
