/* workflow_find.h - from what the user wrote to the text of a workflow, or of a flow. */
#ifndef RESIDENCY_CLI_WORKFLOW_FIND_H
#define RESIDENCY_CLI_WORKFLOW_FIND_H

#include <stddef.h>

#include "core/base/error.h"

struct workflow_text {
	char *text; /* owned; a NUL follows */
	size_t length;
	char name[64]; /* "flux-all-kept": the file's name without folder and ending */
};

/* A file of that name if there is one, else the built-in workflow so called, else the built-in flow. ERROR_MISSING names what
 * there is. */
bool workflow_find_named(const char *name_or_file, struct workflow_text *workflow, struct error *e);
void workflow_text_free(struct workflow_text *workflow);

#endif
