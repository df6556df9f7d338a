/* convert.h - element types to float32 and back.
 *
 * To float32 is exact for every type here but the 32 and 64 bit integers and F64, which round to nearest, ties to even.
 * From float32 rounds to nearest, ties to even, with gradual underflow. Past the largest finite value F16, BF16 and
 * F8_E5M2 give infinity; F8_E4M3, which has none, gives NaN: nothing saturates, as in PyTorch's plain casts. A NaN
 * stays a NaN and keeps its sign; its payload is not promised.
 */
#ifndef RESIDENCY_TENSOR_CONVERT_H
#define RESIDENCY_TENSOR_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/tensor/dtype/dtype.h"

float f16_to_f32(uint16_t code);
float bf16_to_f32(uint16_t code);
float f8_e4m3_to_f32(uint8_t code);
float f8_e5m2_to_f32(uint8_t code);

uint16_t f32_to_f16(float value);
uint16_t f32_to_bf16(float value);
uint8_t f32_to_f8_e4m3(float value);
uint8_t f32_to_f8_e5m2(float value);

/* count elements at `from`, which need not be aligned, to floats. ERROR_UNSUPPORTED for types without arithmetic here
 * (C64, the scale and packed types). */
bool convert_to_f32(enum dtype dtype, const void *from, float *to, size_t count, struct error *e);

/* The way back, for the floating point types only. `to` need not be aligned. */
bool convert_from_f32(enum dtype dtype, const float *from, void *to, size_t count, struct error *e);

#endif
