/* record_words.h - the words that records use: states, outcomes and verdicts, each in one list with its text; those of
 * actions are in the table of core/workflow/action.h.
 * Private to db/records.
 *
 * Texts are static. Any thread may ask for them.
 */
#ifndef RESIDENCY_DB_RECORD_WORDS_H
#define RESIDENCY_DB_RECORD_WORDS_H

#include <stdbool.h>

#include "core/base/event.h"

/* What one object of a model's name is at one stage. */
#define RESIDENCY_STATES(X)                                                                                                    \
	X(RESIDENT, "resident") /* listed and patched */                                                                       \
	X(UNLOADED, "unloaded") /* alive, not listed, unpatched */                                                             \
	X(LOADED_UNLISTED, "loaded_unlisted") /* weights still patched on the device, but in no list */                        \
	X(LEAKED, "leaked") /* model alive, patcher dead */                                                                    \
	X(DEAD, "dead")

enum residency_state {
#define RESIDENCY_STATE_ENUM(name, text) STATE_##name,
	RESIDENCY_STATES(RESIDENCY_STATE_ENUM)
#undef RESIDENCY_STATE_ENUM
		STATE_COUNT
};

#define OUTCOMES(X)                                                                                                            \
	X(DISPLACED, "displaced", true)                                                                                        \
	X(LOST, "lost", false)                                                                                                 \
	X(KEPT, "kept", true)                                                                                                  \
	X(LEAKED, "leaked", false)                                                                                             \
	X(STRAY, "stray", false)                                                                                               \
	X(UNLOADED, "unloaded", true)                                                                                          \
	X(PRESENT, "present", true)

enum outcome {
#define OUTCOME_ENUM(name, text, passes) OUTCOME_##name,
	OUTCOMES(OUTCOME_ENUM)
#undef OUTCOME_ENUM
		OUTCOME_COUNT
};

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNTRUSTWORTHY, VERDICT_COUNT };

const char *record_residency_state_name(enum residency_state state); /* "not seen" for STATE_COUNT */
const char *record_outcome_name(enum outcome outcome);
bool record_outcome_passes(enum outcome outcome);
const char *record_verdict_name(enum verdict verdict);
const char *record_keep_request_name(enum keep_request keep); /* "true", "false", "null" */

#endif
