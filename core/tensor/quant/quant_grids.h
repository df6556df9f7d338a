/* quant_grids.h - the points that the IQ types of GGUF choose from. Private to core/tensor/quant.
 *
 * These tables are the format: a file holds indices into them. A point is packed into 16 bits, first element lowest: eight
 * elements of two bits (IQ2: 0, 1, 2 stand for 8, 25, 43; IQ1: for -1, 0, 1) or four of three bits (IQ3_XXS: 4, 12, 20, ..., 52,
 * 62; IQ3_S: 1, 3, ..., 15).
 */
#ifndef RESIDENCY_TENSOR_QUANT_GRIDS_H
#define RESIDENCY_TENSOR_QUANT_GRIDS_H

#include <stdint.h>

extern const uint16_t quant_grid_iq2_xxs[256];
extern const uint16_t quant_grid_iq2_xs[512];
extern const uint16_t quant_grid_iq2_s[1024];
extern const uint16_t quant_grid_iq3_xxs[256];
extern const uint16_t quant_grid_iq3_s[512];
extern const uint16_t quant_grid_iq1[2048];

#endif
