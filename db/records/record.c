#include "db/records/record.h"

#include <string.h>

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
	return (unsigned)state < STATE_COUNT ? state_names[state] : "not seen";
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

const char *keep_wish_name(enum keep_wish keep)
{
	return keep == KEEP_YES ? "true" : keep == KEEP_NO ? "false" : "null";
}

const char *action_kind_name(enum action_kind kind)
{
	static const char *const names[] = {
#define ACTION_NAME(name, text) text,
		ACTION_KINDS(ACTION_NAME)
#undef ACTION_NAME
	};

	return names[kind];
}

static void put_twice(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	const struct record_tee *tee = context;

	record_put(&tee->first, type, record, size_bytes);
	record_put(&tee->second, type, record, size_bytes);
}

struct record_sink record_tee_sink(struct record_tee *tee)
{
	return (struct record_sink) { .context = tee, .put = put_twice };
}

void record_text(char *field, size_t field_size_bytes, const char *text)
{
	size_t length = strlen(text);

	if (length >= field_size_bytes) {
		length = field_size_bytes - 1;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(field, text, length);
	field[length] = '\0';
}
