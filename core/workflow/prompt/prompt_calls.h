/* prompt_calls.h - what a node's function is given, and how often it is called. Private to core/workflow/prompt.
 *
 * Each input is a list of values. There are as many calls as the longest list has values; a shorter one repeats its last. One
 * thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_CALLS_H
#define RESIDENCY_WORKFLOW_PROMPT_CALLS_H

#include "core/workflow/prompt/prompt_class.h"

/* Where values come from. NULL members: links are null and missing, hidden inputs are what IS_CHANGED gets. */
struct prompt_sources {
	/* The lists of a node's slots, borrowed; NULL where it has none. */
	const struct py *(*outputs)(void *context, const struct py *node_id);
	void *context;
	const struct py *prompt; /* for the hidden PROMPT; NULL: {} */
	const struct py *extra_data; /* for the hidden EXTRA_PNGINFO; NULL: null */
};

/* Makes *data, a map of names to lists, and *missing, a map of the names whose value is not there. The caller drops both, also
 * after a failure. */
bool prompt_collect(const struct prompt_class *class, const struct py *node_id, const struct py *inputs,
		    const struct prompt_sources *sources, struct py **data, struct py **missing, struct py_raised *raised);

/* What one call gave. */
struct prompt_result {
	struct py *value; /* NULL: it raised */
	struct py_raised raised;
	bool suspends;
	uint64_t ready_ms; /* when a suspended one is done */
};

struct prompt_mapping {
	struct prompt_call call; /* class, node_id, object, progress: as each call gets them */
	const struct py *data;
	struct py *(*function)(struct prompt_call *call, struct py_raised *raised);
	uint64_t now_ms;
	/* Before each call: false ends the mapping with what it raised. NULL: nothing. */
	bool (*before)(void *context, struct py_raised *raised);
	/* An argument is a blocker: its place in the results, a reference. NULL: the blocker itself. */
	struct py *(*blocked)(void *context, const struct py *blocker, struct py_raised *raised);
	void (*suspended)(void *context); /* an async call that starts gives others the time to end; NULL: nothing */
	void *context;
	struct prompt_result *results; /* owned: prompt_mapping_free() */
	size_t result_count, result_capacity;
	bool waits; /* its node waits for calls that are suspended */
};

/* False where a call raised at once. */
bool prompt_map_calls(struct prompt_mapping *mapping, struct py_raised *raised);
void prompt_mapping_free(struct prompt_mapping *mapping);

#endif
