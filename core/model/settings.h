/* settings.h - what a platform and the user's start-up flags decide before any model is read. */
#ifndef RESIDENCY_MODEL_SETTINGS_H
#define RESIDENCY_MODEL_SETTINGS_H

#include <stdbool.h>

/* How freely a GPU's memory is used; the texts are upstream's. */
#define VRAM_STATES(X)                                                                                                         \
	X(DISABLED, "DISABLED") /* no GPU */                                                                                   \
	X(NO, "NO_VRAM") /* next to no weights on it */                                                                        \
	X(LOW, "LOW_VRAM") /* as many as fit */                                                                                \
	X(NORMAL, "NORMAL_VRAM") /* the same, since upstream's budgets are for both */                                         \
	X(HIGH, "HIGH_VRAM") /* weights stay there */                                                                          \
	X(SHARED, "SHARED") /* it is the host's memory */

enum vram_state {
#define VRAM_ENUM(name, text) VRAM_##name,
	VRAM_STATES(VRAM_ENUM)
#undef VRAM_ENUM
		VRAM_STATE_COUNT
};

const char *vram_state_name(enum vram_state state);
bool vram_state_from_name(const char *name, enum vram_state *state); /* a NULL name is none */

#endif
