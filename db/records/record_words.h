/* record_words.h - the words that records use: states, outcomes, verdicts and actions, each in one list with its text.
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

const char *residency_state_name(enum residency_state state); /* "not seen" for STATE_COUNT */
const char *outcome_name(enum outcome outcome);
bool outcome_passes(enum outcome outcome);
const char *verdict_name(enum verdict verdict);
const char *keep_request_name(enum keep_request keep); /* "true", "false", "null" */

#define ACTION_KINDS(X)                                                                                                        \
	X(PROMPT, "prompt")                                                                                                    \
	X(POST, "post") /* POST /free */                                                                                       \
	X(SOFT_EMPTY, "soft_empty") /* direct soft_empty_cache(force) */                                                       \
	X(FREE_MEMORY, "free_memory") /* direct free_memory */                                                                 \
	X(HOLD, "hold") /* a foreign strong reference is taken */                                                              \
	X(DROP_HOLD, "drop_hold")                                                                                              \
	X(SETTLE, "settle") /* time passes */                                                                                  \
	X(QUEUE, "queue") /* several prompts, before the worker runs */                                                        \
	X(POST_RUNNING, "post_running") /* POST /free, to come while the next prompt runs */                                   \
	X(POST_UNHEARD, "post_unheard") /* POST /free that wakes nobody */                                                     \
	X(BEFALL, "befall") /* the next prompt will be interrupted, or fail */                                                 \
	X(FOREIGN_UNLOAD, "foreign_unload") /* a foreign patch of unload_all_models */                                         \
	X(LOAD_FOREIGN, "load_foreign") /* another pack loads a model */                                                       \
	X(MOVE_FOREIGN, "move_foreign") /* another pack moves a model's blocks */                                              \
	X(OUTSIDE, "outside") /* memory past the manager is taken */                                                           \
	X(OUTSIDE_DROP, "outside_drop")                                                                                        \
	X(CPU_MEMORY, "cpu_memory") /* of main memory, how much is in use */

enum action_kind {
#define ACTION_ENUM(name, text) ACTION_##name,
	ACTION_KINDS(ACTION_ENUM)
#undef ACTION_ENUM
		ACTION_KIND_COUNT
};

const char *action_kind_name(enum action_kind kind);

/* What an action means for requests to free. */
struct action_meaning {
	bool is_request; /* sets flags, where it asks */
	bool is_served_later; /* a request that the worker takes during an action that follows */
	bool serves_requests; /* the worker takes, at its end at the latest, what was set before */
};
const struct action_meaning *action_kind_meaning(enum action_kind kind);

#endif
