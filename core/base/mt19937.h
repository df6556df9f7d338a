/* mt19937.h - the Mersenne Twister (Matsumoto and Nishimura 1998), as PyTorch's generator on the CPU draws from it.
 *
 * Words come in blocks of 624; what a draw becomes (a float, a half, a normal) is the caller's business. The struct owns
 * nothing and may be copied.
 */
#ifndef RESIDENCY_BASE_MT19937_H
#define RESIDENCY_BASE_MT19937_H

#include <stdint.h>

#define MT19937_WORDS 624u

struct mt19937 {
	uint32_t state[MT19937_WORDS];
	unsigned next; /* the word that is drawn next; MT19937_WORDS: all of them are used */
};

/* init_genrand: the low 32 bits of a seed are all that counts. */
void mt19937_seed(struct mt19937 *generator, uint32_t seed);

uint32_t mt19937_next(struct mt19937 *generator);

#endif
