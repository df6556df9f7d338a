#include "core/base/mt19937.h"

#define SHIFT 397u

void mt19937_seed(struct mt19937 *generator, uint32_t seed)
{
	uint32_t *state = generator->state;

	generator->next = MT19937_WORDS;
	state[0] = seed;
	for (uint32_t i = 1; i < MT19937_WORDS; i++)
		state[i] = 1812433253U * (state[i - 1] ^ (state[i - 1] >> 30)) + i;
}

static uint32_t twisted(uint32_t far, uint32_t high, uint32_t low)
{
	uint32_t mixed = (high & 0x80000000U) | (low & 0x7fffffffU);

	return far ^ (mixed >> 1) ^ (0x9908b0dfU & (0U - (mixed & 1)));
}

/* The index wraps at two places only, so the loop is cut there instead of taking remainders. */
static void twist(uint32_t *state)
{
	for (uint32_t i = 0; i < MT19937_WORDS - SHIFT; i++)
		state[i] = twisted(state[i + SHIFT], state[i], state[i + 1]);
	for (uint32_t i = MT19937_WORDS - SHIFT; i < MT19937_WORDS - 1; i++)
		state[i] = twisted(state[i + SHIFT - MT19937_WORDS], state[i], state[i + 1]);
	state[MT19937_WORDS - 1] = twisted(state[SHIFT - 1], state[MT19937_WORDS - 1], state[0]);
}

uint32_t mt19937_next(struct mt19937 *generator)
{
	uint32_t y;

	if (generator->next == MT19937_WORDS) {
		twist(generator->state);
		generator->next = 0;
	}
	y = generator->state[generator->next++];
	y ^= y >> 11;
	y ^= (y << 7) & 0x9d2c5680U;
	y ^= (y << 15) & 0xefc60000U;
	return y ^ (y >> 18);
}
