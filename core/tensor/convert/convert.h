/* convert.h - arrays of a plain element type to float32 and back.
 *
 * To float32 is exact for every type here but the 32 and 64 bit integers and F64, which round to nearest, ties to even. From
 * float32 rounds as one element does (small_float.h). The bits are the same on every machine, whatever instructions it has.
 * Nothing here keeps state: any thread may call.
 */
#ifndef RESIDENCY_TENSOR_CONVERT_H
#define RESIDENCY_TENSOR_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/tensor/dtype/dtype.h"

/* count elements at `from`, which need not be aligned, to floats. ERROR_UNSUPPORTED for types without arithmetic here
 * (C64, the scale and packed types). */
bool convert_to_f32(enum dtype dtype, const void *from, float *to, size_t count, struct error *e);

/* The way back, for the floating point types only. `to` need not be aligned. */
bool convert_from_f32(enum dtype dtype, const float *from, void *to, size_t count, struct error *e);

#endif
