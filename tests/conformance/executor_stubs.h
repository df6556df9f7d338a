/* executor_stubs.h - the node classes of the executor's cases: declared in stubs.json, their behaviour here by name.
 *
 * A world holds what lasts for a case: the classes, counters, and the calls that were made, in order. One thread.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_STUBS_H
#define RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_STUBS_H

#include "core/workflow/prompt/prompt_class.h"

struct stub;

struct stub_world {
	struct prompt_classes classes;
	struct stub_use {
		struct stub_world *world;
		const struct stub *stub;
	} * uses; /* one a class */
	bool with_arguments; /* calls are noted with what they were given */
	struct py *calls; /* list of [what, node, index, arguments, asked] */
	struct py *ticks; /* map of node ids to how often IS_CHANGED was called */
	struct py *one_nan;
	/* A TGate is reached: the world outside acts while it is held. NULL: it is open. */
	void (*gate)(void *context, const char *name);
	void *context;
};

bool stub_world_init(struct stub_world *world, const struct py *declarations, struct py_raised *raised);
void stub_world_free(struct stub_world *world);
/* Forgets calls. */
bool stub_world_clear_calls(struct stub_world *world);
/* Forgets everything but the classes: another case begins. */
bool stub_world_begin(struct stub_world *world, bool with_arguments);

/* A copy in the data's words: {"__nan__": 1}, {"__inf__": -1}, {"__blocker__": message}. And the way back. */
struct py *stub_encode(const struct py *value);
struct py *stub_decode(const struct py *value);

struct stub {
	const char *name;
	struct prompt_code code; /* NULL members: the class has none */
};

/* The behaviours. executor_behaviours.c */
const struct stub *stub_find(const char *name);
struct stub_world *stub_world_of(const struct prompt_call *call);

#endif
