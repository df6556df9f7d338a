/* prompt_validate.h - whether ComfyUI's server takes a prompt, and its exact answer.
 *
 * Literals are cast in place, as the server casts them: what an output needs is an int, a float, a text or a boolean afterwards, also
 * where the prompt is refused. Rules: ../shared/reference/executor.md section 8, measured on 0.3.64. One thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_VALIDATE_H
#define RESIDENCY_WORKFLOW_PROMPT_VALIDATE_H

#include "core/workflow/prompt/prompt_class.h"

/* Nodes that a chain may have before the server's Python reaches its recursion limit: the host's limit, not a promise. */
#define PROMPT_DEPTH_DIRECT 983
#define PROMPT_DEPTH_HTTP 970

struct prompt_answer {
	bool accepted;
	struct py *error; /* {type, message, details, extra_info}; NULL where accepted */
	struct py *good; /* list of the outputs that may run, in prompt order */
	struct py *node_errors; /* map of ids to {errors, dependent_outputs, class_type} */
};

/* `targets` are the outputs to run; NULL or None: all. False where the server would end with an exception (status 500), which is
 * raised. Free the answer with prompt_answer_free(), after a failure too. */
bool prompt_validate(const struct prompt_classes *classes, struct py *prompt, const struct py *targets, unsigned depth_most,
		     struct prompt_answer *answer, struct py_raised *raised);
void prompt_answer_free(struct prompt_answer *answer);

#endif
