/* keep_flag.h - the flags by which ComfyUI-MultiGPU is asked to keep a model through a free: one table for all who read them.
 *
 * A flag is an input of a loader (in a workflow), an attribute of a model (in a server's memory) or a key in a row of a log. Each
 * generation of upstream has one of each kind. The Python of probes/comfyui repeats what it needs; tests/scenarios/test_keep_flags.c
 * compares it with this table.
 *
 * Precedence, where a workflow gives both inputs: ComfyUI hands a loader only the inputs that it declares, so each version reads its
 * own: keep_loaded up to v2.5.0, eject_models from v2.5.1 on. The version is known from a policy of the engine, or from what a
 * server says of its class. Where it is not known, the newest flag comes first. A version's own flag is followed by the other one:
 * a workflow saved for another generation still says what its author wants.
 *
 * Tables are constant and end with a row without a name; any thread may read them.
 */
#ifndef RESIDENCY_BASE_KEEP_FLAG_H
#define RESIDENCY_BASE_KEEP_FLAG_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/event.h"

struct keep_flag {
	const char *name;
	bool true_keeps; /* whether true, or false, asks to keep */
	bool only_true_speaks; /* false says nothing */
	const char *versions; /* of upstream that have it */
	const char *set_on; /* the kinds of models that get it */
};

/* Each table is newest first. */
extern const struct keep_flag keep_inputs[];
extern const struct keep_flag keep_attributes[];
extern const struct keep_flag keep_log_keys[];

/* The row of that name in one of the tables; NULL if not found. */
const struct keep_flag *keep_flag_find(const struct keep_flag *table, const char *name);

/* What a flag of that value asks for; KEEP_NONE where it says nothing. */
enum keep_request keep_flag_asks(const struct keep_flag *flag, bool value);

/* The value that asks a loader with this input to keep a model, or not to. */
bool keep_flag_value(const struct keep_flag *flag, bool keep);

/* What the inputs of a loader ask for. `given` says whether a loader has that input, and which value; `own` is the input that the
 * version reads, NULL where the version is not known. KEEP_NONE where no flag is given. */
enum keep_request keep_inputs_ask(const struct keep_flag *own,
				  bool (*given)(const void *context, const char *input, bool *value), const void *context);

/* The same of a node's "inputs" in a workflow in API format. NULL is allowed: no flag. */
enum keep_request keep_inputs_ask_json(const struct keep_flag *own, const json_t *inputs);

#endif
