/* quant_scales.h - a block's packed small scales, all at once, for the wide kernels. Private to core/tensor.
 *
 * Four bytes are taken at a time as one word: masks and shifts that stay inside bytes. quant_scalar.c takes the same scales apart
 * one by one.
 */
#ifndef RESIDENCY_TENSOR_QUANT_SCALES_H
#define RESIDENCY_TENSOR_QUANT_SCALES_H

#include <stdint.h>
#include <string.h>

#define QUANT_LOW_NIBBLES 0x0f0f0f0fU
#define QUANT_LOW_PAIRS 0x03030303U

static inline uint32_t quant_word_at(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Q4_K and Q5_K: eight scales, then eight minimums, from 12 bytes. */
static inline void quant_scales_k4(const uint8_t *packed, uint8_t out[16])
{
	uint32_t a = quant_word_at(packed);
	uint32_t b = quant_word_at(packed + 4);
	uint32_t c = quant_word_at(packed + 8);
	uint32_t words[4];

	words[0] = a & 0x3f3f3f3fU;
	words[1] = (c & QUANT_LOW_NIBBLES) | (a >> 6 & QUANT_LOW_PAIRS) << 4;
	words[2] = b & 0x3f3f3f3fU;
	words[3] = (c >> 4 & QUANT_LOW_NIBBLES) | (b >> 6 & QUANT_LOW_PAIRS) << 4;
	memcpy(out, words, sizeof(words));
}

/* Q3_K: sixteen scales, 32 too large, from 12 bytes. */
static inline void quant_scales_k3(const uint8_t *packed, uint8_t out[16])
{
	uint32_t a = quant_word_at(packed);
	uint32_t b = quant_word_at(packed + 4);
	uint32_t high = quant_word_at(packed + 8);
	uint32_t words[4];

	words[0] = (a & QUANT_LOW_NIBBLES) | (high & QUANT_LOW_PAIRS) << 4;
	words[1] = (b & QUANT_LOW_NIBBLES) | (high >> 2 & QUANT_LOW_PAIRS) << 4;
	words[2] = (a >> 4 & QUANT_LOW_NIBBLES) | (high >> 4 & QUANT_LOW_PAIRS) << 4;
	words[3] = (b >> 4 & QUANT_LOW_NIBBLES) | (high >> 6 & QUANT_LOW_PAIRS) << 4;
	memcpy(out, words, sizeof(words));
}

/* IQ4_XS: eight scales, 32 too large, from six bytes: two of high bits, four of nibbles. */
static inline void quant_scales_iq4_xs(const uint8_t *packed, uint8_t out[8])
{
	uint32_t high = packed[0] | (uint32_t)packed[1] << 8;

	for (unsigned k = 0; k < 8; k++)
		out[k] = (uint8_t)((packed[2 + k / 2] >> (k % 2 * 4) & 15) | (high >> (2 * k) & 3) << 4);
}

#endif
