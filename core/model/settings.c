#include "core/model/settings.h"

#include <string.h>

static const char *const state_names[] = {
#define VRAM_NAME(name, text) [VRAM_##name] = text,
	VRAM_STATES(VRAM_NAME)
#undef VRAM_NAME
};

const char *vram_state_name(enum vram_state state)
{
	return state_names[state];
}

bool vram_state_from_name(const char *name, enum vram_state *state)
{
	for (unsigned i = 0; name && i < VRAM_STATE_COUNT; i++) {
		if (strcmp(state_names[i], name) == 0) {
			*state = (enum vram_state)i;
			return true;
		}
	}
	return false;
}
