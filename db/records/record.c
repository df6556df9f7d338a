/* record.c - names of what records carry, two sinks as one, and text that is cut to fit.
 *
 * Names come from the lists in record_words.h. Text is cut at the start of a UTF-8 character, so that a field always holds whole
 * characters and its NUL.
 */
#include "db/records/record.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/words.h"

static const bool outcomes_pass[] = {
#define OUTCOME_PASSES(name, text, passes) passes,
	OUTCOMES(OUTCOME_PASSES)
#undef OUTCOME_PASSES
};

static const char *state_name(enum residency_state state);

WORDS_NAME(state_name, enum residency_state, RESIDENCY_STATES)
WORDS_NAME(record_outcome_name, enum outcome, OUTCOMES)

const char *record_residency_state_name(enum residency_state state)
{
	return (unsigned)state < STATE_COUNT ? state_name(state) : "not seen";
}

bool record_outcome_passes(enum outcome outcome)
{
	return outcomes_pass[outcome];
}

const char *record_verdict_name(enum verdict verdict)
{
	static const char *const names[] = { "PASS", "FAIL", "UNTRUSTWORTHY" };

	return names[verdict];
}

const char *record_keep_request_name(enum keep_request keep)
{
	return keep == KEEP_YES ? "true" : keep == KEEP_NO ? "false" : "null";
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

uint64_t record_identity(const char *whole_name, const char *kind)
{
	return XXH3_64bits_withSeed(whole_name, strlen(whole_name), XXH3_64bits(kind, strlen(kind)));
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

void record_object_name(char *field, size_t field_size_bytes, const char *name, uint32_t generation)
{
	char number[16] = "";
	size_t length;

	if (generation > 1)
		snprintf(number, sizeof(number), "#%u", generation);
	record_text(field, field_size_bytes - strlen(number), name);
	length = strlen(field);
	snprintf(field + length, field_size_bytes - length, "%s", number);
}
