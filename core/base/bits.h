/* bits.h - a float32 as the 32 bits that hold it, and back. Nothing fails, nothing is rounded: a NaN keeps its payload. */
#ifndef RESIDENCY_BASE_BITS_H
#define RESIDENCY_BASE_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t float_to_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float float_from_bits(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif
