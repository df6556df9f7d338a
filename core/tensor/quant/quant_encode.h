/* quant_encode.h - one block of floats to one block of a quantised type. Private to core/tensor.
 *
 * The scales are gguf-py's: from the extreme values, without search; computed in single precision, stored as halves, and the
 * elements' codes taken from the scale before it was rounded. What is no number gives some code, never a fault.
 */
#ifndef RESIDENCY_TENSOR_QUANT_ENCODE_H
#define RESIDENCY_TENSOR_QUANT_ENCODE_H

#include <stdint.h>

#include "core/tensor/quant/quant.h"

typedef void (*quant_encoder)(const float *from, uint8_t *block);

extern const quant_encoder quant_encoders[QUANT_COUNT]; /* NULL: no such way, or a plain type */

#endif
