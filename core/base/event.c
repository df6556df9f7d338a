#include "core/base/event.h"

#include <string.h>

static const char *const stage_names[] = {
#define STAGE_NAME(name, text) text,
	STAGES(STAGE_NAME)
#undef STAGE_NAME
};

static const char *const reason_names[] = {
#define REASON_NAME(name, text) text,
	REASONS(REASON_NAME)
#undef REASON_NAME
};

const char *stage_name(enum stage stage)
{
	return stage_names[stage];
}

const char *reason_name(enum reason reason)
{
	return reason_names[reason];
}

bool stage_from_name(const char *name, enum stage *stage)
{
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		if (strcmp(stage_names[i], name) == 0) {
			*stage = (enum stage)i;
			return true;
		}
	}
	return false;
}

bool reason_from_name(const char *name, enum reason *reason)
{
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		if (strcmp(reason_names[i], name) == 0) {
			*reason = (enum reason)i;
			return true;
		}
	}
	return false;
}
