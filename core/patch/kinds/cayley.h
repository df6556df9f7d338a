/* cayley.h - what OFT and BOFT have in common: rotations from skew-symmetric matrices. Private to core/patch/kinds. */
#ifndef RESIDENCY_PATCH_CAYLEY_H
#define RESIDENCY_PATCH_CAYLEY_H

#include "core/patch/adapter.h"

/* From blocks [count, size, size] of a part, in place: q = b - transposed b, held to the norm alpha where that is above 0, becomes
 * (1 + q) (1 - q)^-1. ERROR_UNSUPPORTED in a smaller type than F32 where upstream cannot. The caller frees. */
float *cayley_rotations(const struct change *change, unsigned part, size_t count, size_t size, struct error *e);

#endif
