/* prompt_check.h - one node of a prompt is validated, and first what it links to. Private to core/workflow/prompt.
 *
 * One thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_CHECK_H
#define RESIDENCY_WORKFLOW_PROMPT_CHECK_H

#include "core/workflow/prompt/prompt_class.h"

struct prompt_validation {
	const struct prompt_classes *classes;
	struct py *prompt;
	struct py *memory; /* map of ids to the list of their errors; None for a valid one */
	unsigned depth, depth_most;
};

/* Upstream's own recursion, one frame a node. False with what it raised; otherwise the answer is remembered. */
bool prompt_check_node(struct prompt_validation *v, const struct py *id, bool *valid, struct py_raised *raised);

/* Remembers the errors of a node. Takes them over. */
bool prompt_remember(struct prompt_validation *v, const struct py *id, struct py *errors, struct py_raised *raised);

#endif
