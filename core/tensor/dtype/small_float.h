/* small_float.h - one element of F16, BF16 or F8 to float32 and back; convert.h does the same for arrays of any type.
 *
 * To float32 is exact. From float32 rounds to nearest, ties to even, with gradual underflow. Past the largest finite value F16,
 * BF16 and F8_E5M2 give infinity; F8_E4M3, which has none, gives NaN: nothing saturates, as in PyTorch's plain casts. A NaN stays a
 * NaN and keeps its sign; its payload is not promised. Nothing here fails or keeps state: any thread may call.
 */
#ifndef RESIDENCY_TENSOR_SMALL_FLOAT_H
#define RESIDENCY_TENSOR_SMALL_FLOAT_H

#include <stdint.h>

float dtype_f16_to_f32(uint16_t code);
float dtype_bf16_to_f32(uint16_t code);
float dtype_f8_e4m3_to_f32(uint8_t code);
float dtype_f8_e5m2_to_f32(uint8_t code);

uint16_t dtype_f32_to_f16(float value);
uint16_t dtype_f32_to_bf16(float value);
uint8_t dtype_f32_to_f8_e4m3(float value);
uint8_t dtype_f32_to_f8_e5m2(float value);

#endif
