/* stochastic.c - the seed of a weight, and its values rounded by chance.
 *
 * The seed is the CRC-32 of the key; a word of the generator is drawn for each element, also for one that needs no rounding, so
 * that the places of all others stay. Words are drawn a chunk at a time, and a kernel takes the steps (stochastic_code.h).
 */
#include "core/tensor/convert/stochastic.h"

#include <string.h>

#include "core/base/utf8.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/kernels/kernels.h"

#define DRAWS_AT_ONCE 1024u

static uint32_t crc32_step(uint32_t crc, uint32_t unit)
{
	crc ^= unit;
	for (int bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1)));
	return crc;
}

uint32_t stochastic_seed(const char *key)
{
	const unsigned char *p = (const unsigned char *)key;
	size_t left = strlen(key);
	uint32_t crc = UINT32_MAX;

	while (left) {
		size_t length = utf8_length(p, left);

		crc = crc32_step(crc, length ? utf8_code_point(p, length) : *p);
		length += !length;
		p += length;
		left -= length;
	}
	return ~crc;
}

bool stochastic_round(enum dtype dtype, struct mt19937 *generator, const float *from, void *to, size_t count, struct error *e)
{
	kernel_stochastic kernel = kernels_stochastic(dtype);
	uint32_t draws[DRAWS_AT_ONCE];

	if (!kernel)
		return convert_from_f32(dtype, from, to, count, e);
	for (size_t done = 0; done < count;) {
		size_t some = count - done < DRAWS_AT_ONCE ? count - done : DRAWS_AT_ONCE;

		for (size_t i = 0; i < some; i++)
			draws[i] = mt19937_next(generator);
		kernel(from + done, draws, (uint8_t *)to + done, some);
		done += some;
	}
	return true;
}
