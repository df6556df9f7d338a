/* noise.h - the initial noise of a sampler: what torch.randn gives on the CPU for a seed, bit for bit.
 *
 * mt19937 seeded with the low 32 bits. 16 values and more come from uniforms in groups of 16 by Box-Muller in single precision,
 * with the polynomials and fused multiply-adds of an AVX2 machine; fewer come in pairs in double, the second of a pair kept for
 * the next call.
 */
#ifndef RESIDENCY_COMPUTE_NOISE_H
#define RESIDENCY_COMPUTE_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/mt19937.h"

struct noise {
	struct mt19937 generator;
	bool has_spare;
	double spare;
};

void noise_seed(struct noise *noise, uint64_t seed);

/* The next draw: count values, standard normal. */
void noise_fill(struct noise *noise, float *values, size_t count);

#endif
