/* live_workflow.h - a workflow in API format made to fit a server.
 *
 * Scenarios name a model "A" and say what matters to them. A server has files ("A.safetensors"), inputs that must be there
 * (a CLIP's type), a ComfyUI-MultiGPU of some generation (keep_loaded, or eject_models in its place), or none: then the stock
 * loader stands for the DisTorch2 one, as in a workflow of a user who never had it.
 */
#ifndef RESIDENCY_SCENARIOS_LIVE_WORKFLOW_H
#define RESIDENCY_SCENARIOS_LIVE_WORKFLOW_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/event.h"

/* What a server says of a node's class: GET /object_info/CLASS, or an empty object. Borrowed; NULL on error. */
struct live_classes {
	void *context;
	const json_t *(*describe)(void *context, const char *class_type, struct error *e);
};

/* The workflow for that server; the caller owns it. */
json_t *live_workflow(const json_t *workflow, const struct live_classes *classes, struct error *e);

/* Adds to wishes (an object: file name without folder and ending -> boolean) what the workflow's loaders say of keeping. On a server
 * where they cannot say it, `names` (an array of files' names) are the ones to keep; else NULL. */
bool live_workflow_wishes(const json_t *workflow, const json_t *names, json_t *wishes, struct error *e);

/* All of them have ended. */
bool live_wishes_end(json_t *wishes, struct error *e);

/* The wish for a name, that of a clone being its base's; leaves *keep where there is none. */
bool live_wish(const json_t *wishes, const char *name, enum keep_wish *keep);

#endif
