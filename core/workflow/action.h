/* action.h - what a scenario can do to a server or to an engine, as data: one action, and the one table of all kinds.
 *
 * A row says everything about a kind: how flow files spell it and what follows the word there, how records call it, what it asks
 * and which stages it leads to (judge and explorer read these), how often the explorer chooses it, what the probe of a live server
 * calls it, and how the engine does it. Flows, explorer, records, judge, live servers and the engine read the row; a new action is
 * a member here, a row in action.c, and for a live server what the probe node does (probes/comfyui/hooks.py).
 *
 * Rows are constant and live as long as the program; any thread may read them.
 */
#ifndef RESIDENCY_WORKFLOW_ACTION_H
#define RESIDENCY_WORKFLOW_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct engine;
struct json_t;

/* What the explorer makes of a seed depends on this order: a new kind goes to the end. */
enum action_kind {
	ACTION_PROMPT, /* the workflow of the flow's models, else of the matrix's */
	ACTION_PROMPT_CHANGED, /* the same with another seed: consumers run again */
	ACTION_PROMPT_OTHER, /* another workflow: one stock unet S */
	ACTION_PROMPT_MODELS, /* the workflow of these models */
	ACTION_POST, /* POST /free */
	ACTION_SOFT_EMPTY, /* direct soft_empty_cache(force) */
	ACTION_FREE_MEMORY, /* direct free_memory of the load device, for all memory */
	ACTION_HOLD_PATCHER, /* a foreign reference to the newest object of a model's name */
	ACTION_HOLD_MODEL,
	ACTION_DROP_HOLDS,
	ACTION_SETTLE, /* time passes: by default, beyond the interval between collections */
	ACTION_QUEUE, /* prompts with seeds from 1 on, all queued before the worker runs */
	ACTION_POST_RUNNING, /* POST /free that comes while the next prompt runs */
	ACTION_POST_WITHOUT_WAKE, /* POST /free whose wake-up is lost */
	ACTION_INTERRUPT, /* the next prompt, in the middle of sampling */
	ACTION_FAIL, /* the same, by an error */
	ACTION_OUT_OF_MEMORY, /* the same, out of memory */
	ACTION_FOREIGN_UNLOAD, /* a foreign patch of unload_all_models throws, or is taken away */
	ACTION_LOAD_FOREIGN, /* another pack loads a model, and holds it */
	ACTION_MOVE_FOREIGN, /* another pack's memory manager moves a model's blocks */
	ACTION_OUTSIDE, /* another pack takes memory past the manager */
	ACTION_OUTSIDE_DROP,
	ACTION_CPU_MEMORY, /* how much of main memory is in use */
	ACTION_FULL_CLEANUP, /* the prompt with a full cleanup node in it */
	ACTION_KIND_COUNT
};

/* Borrows what it points to. */
struct action {
	enum action_kind kind;
	uint64_t number; /* what it counts, in the unit of its row */
	const char *name; /* a model's or a device's, "throw" or "none"; of a prompt, what messages call the workflow */
	const struct json_t *body; /* of a prompt, its workflow; of a queue, a list of them; of a request, its body */
};

/* What follows the word in a flow file. */
enum action_takes {
	TAKES_NOTHING,
	TAKES_TAG, /* may be absent */
	TAKES_NUMBER,
	TAKES_BODY, /* of a request to free */
	TAKES_TARGET, /* a model */
	TAKES_MODELS, /* and a tag */
	TAKES_OPTIONAL_NUMBER,
	TAKES_PATCH, /* throw or none */
	TAKES_DEVICE /* and a number */
};

/* Whose models an action prompts. */
enum action_prompts { PROMPTS_NOTHING, PROMPTS_FLOW_MODELS, PROMPTS_OTHER_MODEL, PROMPTS_OWN_MODELS };

enum action_asks {
	ASKS_NOTHING,
	ASKS_NOW, /* what its body says; the worker serves it at once */
	ASKS_LATER, /* what its body says; the worker serves it during an action that follows */
	ASKS_FOR_ALL /* a direct call: everything on the device is to go */
};

#define ACTION_NUMBERS 4

struct action_row {
	/* Flow files, and the explorer's lines. */
	const char *word;
	enum action_takes takes;
	uint64_t least, most; /* of a number */
	const char *unit; /* of a number, for messages: "a seed" */
	uint64_t otherwise; /* of an optional number, where none is given */

	/* Records. */
	const char *record; /* NULL: as `word` */
	const char *detail; /* before the number, where it takes one; NULL: the number is not told */

	/* What it does. */
	enum action_prompts prompts;
	enum action_asks asks;
	uint32_t stages; /* a bit each: those it must lead to. A prompt leads to `loaded` or `next_prompt`. */
	bool waits; /* the worker has something to do, and is waited for */

	/* The explorer. */
	unsigned weight; /* how often it is chosen; 0: as 1 */
	uint64_t numbers[ACTION_NUMBERS]; /* to choose from, where the least are not worth trying; the last is not 0 */

	/* A live server. */
	const char *wire; /* what its probe calls it; NULL: it goes by the server's own requests, or not at all */
	const char *node; /* the class of node that the server must have; NULL: none */
	const char *engine_only; /* what no server can have, in words; NULL: one can */

	/* The engine. */
	bool (*act)(struct engine *engine, const struct action *action, struct error *e);
};

const struct action_row *action_row(enum action_kind kind);

/* "hold_inner": in flow files. */
const char *action_word(enum action_kind kind);

/* "hold": in records. Kinds that share it mean the same to a judge. */
const char *action_record_word(enum action_kind kind);

/* Whether models are asked to go: unload_models or free_memory is true in the body, or the kind always asks. */
bool action_asks(const struct action *action);

/* Whether an action of this kind that asks is a request that is served at once. */
bool action_is_request_now(enum action_kind kind, bool asks);

/* Whether the worker takes, at the action's end at the latest, the requests that came before it. */
bool action_serves_requests(enum action_kind kind);

/* Does it. A queue's worker does not run, and a prompt's neither: engine_run_until_idle. Errors are those of the engine's call. */
bool action_perform(struct engine *engine, const struct action *action, struct error *e);

#endif
