/* stochastic_code.h - one float32 to one code of an eight-bit float, up or down by chance. Private to core/tensor.
 *
 * The reference for the kernels that stochastic.h calls for arrays; it says where the steps come from. Any thread may call.
 */
#ifndef RESIDENCY_TENSOR_STOCHASTIC_CODE_H
#define RESIDENCY_TENSOR_STOCHASTIC_CODE_H

#include <stdint.h>

#include "core/tensor/dtype/dtype.h"

/* One code of F8_E4M3 or F8_E5M2, from a word drawn by the caller. */
uint8_t stochastic_code(enum dtype dtype, float value, uint32_t draw);

/* log2 of a half, itself rounded to a half, reaches the next whole number for the last few mantissas of a binade: how many, for
 * binades -24 to 15. */
#define STOCHASTIC_BINADE_FIRST (-24)
#define STOCHASTIC_BINADES 40
extern const int32_t stochastic_rounds_up[STOCHASTIC_BINADES];

#endif
