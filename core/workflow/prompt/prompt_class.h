/* prompt_class.h - node classes as ComfyUI's server knows them: what a class takes, what it gives, and what it does.
 *
 * A class is declared as GET /object_info declares it. What it does is a table of functions (struct prompt_code); validation needs
 * none of them but `validate`, execution needs `run`. Classes are read-only once made, so threads may share them as far as the
 * functions behind them allow.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_CLASS_H
#define RESIDENCY_WORKFLOW_PROMPT_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/workflow/python/py.h"

#define PROMPT_INTERRUPT "comfy.model_management.InterruptProcessingException" /* raised by a node that sees the flag */

struct prompt_class;

struct prompt_input {
	const char *name; /* borrowed from the declaration */
	const struct py *type; /* a text, or the list of a combo */
	const struct py *config; /* a map, perhaps empty */
	struct py *info; /* [type, config] as answers quote it */
	bool is_required;
	bool is_any; /* the class names the type by ComfyUI's ANY, which equals every type; a plain "*" does not */
	bool is_lazy;
	bool is_raw_link; /* the link itself is the value */
};

struct prompt_hidden {
	const char *name;
	const char *kind; /* "PROMPT", "UNIQUE_ID", ... */
};

/* One call of a node's function. */
struct prompt_call {
	const struct prompt_class *class;
	const struct py *node_id; /* a text */
	const struct py *arguments; /* a map of names to values, or to lists for a class that takes lists */
	int64_t index; /* which of the calls; -1 where the node has no inputs */
	struct py *object; /* the node's object, borrowed; NULL for is_changed and validate */
	bool (*progress)(void *context, double value, double most, struct py_raised *raised); /* NULL: not reported */
	const bool *interrupted; /* NULL: never interrupted */
	void *context; /* of progress */
	/* Filled by an async run that suspends: its result counts after so many milliseconds. */
	bool suspends;
	uint64_t delay_ms;
};

/* What a class does. Each gives a value to its caller, or NULL with an exception raised. A result is what Python's function would
 * return: a list for a tuple, a map with "ui", "result" and "expand", a blocker; of a V3 class such a map only, perhaps with
 * "block_execution". */
struct prompt_code {
	struct py *(*construct)(struct prompt_call *call, struct py_raised *raised); /* NULL: an object without state */
	struct py *(*run)(struct prompt_call *call, struct py_raised *raised);
	struct py *(*check_lazy)(struct prompt_call *call, struct py_raised *raised);
	struct py *(*is_changed)(struct prompt_call *call, struct py_raised *raised);
	struct py *(*validate)(struct prompt_call *call, struct py_raised *raised);
};

struct prompt_class {
	const char *name;
	struct py *declaration; /* held: names are borrowed from it */
	struct prompt_input *inputs;
	size_t input_count;
	struct prompt_hidden *hidden;
	size_t hidden_count;
	const struct py *output_types; /* a list */
	bool *output_is_any, *output_is_list;
	size_t output_count;
	bool declares_output_is_list;
	bool is_output, is_v3, is_async, takes_lists, not_idempotent, id_in_key;
	bool has_check_lazy, has_is_changed;
	const struct py *validated; /* a list of the names that its validator takes; NULL: it has none */
	bool validates_all; /* the validator takes any name */
	const struct prompt_code *code; /* NULL for a class that is only declared */
	void *context; /* of the code */
};

struct prompt_classes {
	struct prompt_class *items;
	size_t count, capacity;
	struct py *places; /* map of names to places */
};

/* Reads classes declared as in object_info: a map of names. Beyond object_info's own members it heeds those that object_info cannot
 * tell: any_inputs, any_outputs, declares_output_is_list, v3, is_async, has_check_lazy, has_is_changed, validate_args,
 * validate_kwargs, not_idempotent, id_in_key. Where any_inputs is missing each "*" counts as ANY. Free with
 * prompt_classes_free(), after a failure too. */
bool prompt_classes_read(struct prompt_classes *classes, const struct py *declarations, struct py_raised *raised);
void prompt_classes_free(struct prompt_classes *classes);

const struct prompt_class *prompt_class_find(const struct prompt_classes *classes, const struct py *name);
const struct prompt_input *prompt_class_input(const struct prompt_class *class, const char *name);
/* Whether the validator takes this name as a parameter of its own. */
bool prompt_class_validates(const struct prompt_class *class, const char *name);

#endif
