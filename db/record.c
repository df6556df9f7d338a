#include "db/record.h"

static const char *const state_names[] = {
#define STATE_NAME(name, text) text,
	RESIDENCY_STATES(STATE_NAME)
#undef STATE_NAME
};

static const struct {
	const char *name;
	bool passes;
} outcomes[] = {
#define OUTCOME_ROW(name, text, passes) { text, passes },
	OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
};

const char *residency_state_name(enum residency_state state)
{
	return state_names[state];
}

const char *outcome_name(enum outcome outcome)
{
	return outcomes[outcome].name;
}

bool outcome_passes(enum outcome outcome)
{
	return outcomes[outcome].passes;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = { "PASS", "FAIL", "UNTRUSTWORTHY" };

	return names[verdict];
}
