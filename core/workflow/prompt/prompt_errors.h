/* prompt_errors.h - the entries of a validation answer. Private to core/workflow/prompt.
 *
 * Each adds one entry to a list; false without memory. One thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_ERRORS_H
#define RESIDENCY_WORKFLOW_PROMPT_ERRORS_H

#include "core/workflow/prompt/prompt_class.h"

/* {"type", "message", "details", "extra_info"}. Takes details and extra over. */
struct py *prompt_error(const char *type, const char *message, struct py *details, struct py *extra);

/* The input that is at fault, and what was received for it. */
struct prompt_fault {
	const struct prompt_input *input;
	const struct py *received;
};

bool prompt_error_missing(struct py *errors, const char *name);
bool prompt_error_bad_link(struct py *errors, const struct prompt_fault *fault);
bool prompt_error_types(struct py *errors, const struct prompt_fault *fault, const struct py *received_type);
bool prompt_error_cast(struct py *errors, const struct prompt_fault *fault, const struct py_raised *thrown);
bool prompt_error_limit(struct py *errors, const struct prompt_fault *fault, bool is_min, const struct py *limit);
bool prompt_error_not_in_list(struct py *errors, const struct prompt_fault *fault);
/* The validator's answer: False, or a text. */
bool prompt_error_custom(struct py *errors, const char *name, const struct py *answer);
/* An exception while a node was validated: by the consumer that links to it, or of an output itself (fault NULL). */
bool prompt_error_exception(struct py *errors, const struct prompt_fault *fault, const struct py_raised *thrown);

#endif
