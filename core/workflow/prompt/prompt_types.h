/* prompt_types.h - whether an output's type may be linked to an input. Private to core/workflow/prompt.
 *
 * No state, so any thread may call it.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_TYPES_H
#define RESIDENCY_WORKFLOW_PROMPT_TYPES_H

#include "core/workflow/python/py.h"

/* Neither is ANY, which the caller has seen to: types match where they are equal, or where two texts name a type in common, each a
 * list parted by commas. */
bool prompt_types_match(const struct py *received, const struct py *wanted);

#endif
