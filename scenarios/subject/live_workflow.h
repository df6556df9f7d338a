/* live_workflow.h - a workflow in API format made to fit a server.
 *
 * Scenarios name a model "A" and say what matters to them. A server has files ("A.safetensors"), inputs that must be there
 * (a CLIP's type), a ComfyUI-MultiGPU of some generation (with the keep flag of that, core/base/keep_flag.h), or none: then the stock
 * loader takes the place of the DisTorch2 one, as in a workflow of a user who never had it.
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

/* Adds to requests (an object: file name without folder and ending -> boolean) what the workflow's loaders ask to be kept. On a
 * server where they cannot say it, `names` (an array of files' names) are the ones to keep; else NULL. `classes` says which flag
 * counts where a loader gives several; NULL: the server is not known, the newest counts. */
bool live_keep_read(const json_t *workflow, const json_t *names, const struct live_classes *classes, json_t *requests,
		    struct error *e);

/* All of them have ended. */
bool live_keep_end(json_t *requests, struct error *e);

/* What is asked for a record's name, of a clone what is asked for its base. False, and *keep untouched, where nothing is, or where
 * files that the cut name may mean are asked for differently. */
bool live_keep_find(const json_t *requests, const char *name, enum keep_request *keep);

#endif
