/* stochastic.h - float32 to eight-bit floats, up or down by chance: ComfyUI's stochastic_rounding on the CPU, bit for bit.
 *
 * The chance comes from mt19937 seeded with the CRC-32 of the weight's key, one word an element in the tensor's order, so that
 * the same weight always becomes the same codes. Every step rounds to half precision, as there, and with that come its quirks:
 * a value that F8 holds exactly can still move up; halves just below a power of two count to the next binade; -0 becomes 0; past
 * the largest finite value it saturates; NaN, and infinity in F8_E5M2, give NaN. Only the generator keeps state, and it is the
 * caller's.
 */
#ifndef RESIDENCY_TENSOR_STOCHASTIC_H
#define RESIDENCY_TENSOR_STOCHASTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mt19937.h"
#include "core/tensor/dtype/dtype.h"

/* The seed of a weight: CRC-32 of its whole key, "diffusion_model.double_blocks.0.img_attn.qkv.weight". A code point past 255
 * goes in whole, as upstream's loop does it; a byte that is not UTF-8 as itself. */
uint32_t stochastic_seed(const char *key);

/* One draw a value, in order; the generator goes on from where it was. Types but F8_E4M3 and F8_E5M2 are cast plainly and draw
 * nothing, as upstream. ERROR_UNSUPPORTED for types that float32 cannot become. */
bool stochastic_round(enum dtype dtype, struct mt19937 *generator, const float *from, void *to, size_t count, struct error *e);

#endif
