/* prompt_shapes.h - indexing and `in`, as Python does them to whatever a malformed prompt holds. Private to core/workflow/prompt.
 *
 * No state, so any thread may call these.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_SHAPES_H
#define RESIDENCY_WORKFLOW_PROMPT_SHAPES_H

#include "core/workflow/python/py.h"

/* container[key], where the container should be a map. Borrowed; NULL with an exception. */
struct py *prompt_member(const struct py *container, const char *key, struct py_raised *raised);

/* `text in container`. False with an exception where the container is of no kind that can hold anything. */
bool prompt_contains(const struct py *container, const struct py *text, struct py_raised *raised);
bool prompt_contains_word(const struct py *container, const char *word, struct py_raised *raised);

/* What a map without such a key raises, or one that cannot hash it. Always false. */
bool prompt_raise_key(struct py_raised *raised, const struct py *key);

#endif
