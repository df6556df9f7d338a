/* flow_file.h - flows and scenarios as files: one layout for everything that is a sequence of actions.
 *
 *	{
 *	"name": "cached-outputs", "alias": "", "summary": "...", "help": "...", "reports": ["CC#4655"], "class": 3,
 *	"policy": "strict", "cache": "classic", "device_mode": "split", "node_flags": "real", "seed": 1,
 *	"models": [{"name": "A", "kind": "unet", "keep": false}, {"name": "B", "kind": "clip", "keep": true}],
 *	"actions": [["prompt"], ["post", {"unload_models": true}], ["hold_inner", "B"], ["settle"]]
 *	}
 *
 * A file holds one, or a list of them. Only "actions" must be there. Without "models" it runs over a matrix; "matrix" may name the one it is meant for. A model's
 * members: name, kind (unet, clip, vae), keep (null or absent: a stock loader), lora (only, base_then_clone, clone_then_base),
 * strength, preview, size_mb, device (of a loader with a keep flag: where it runs, if there is
 * such a device). The rows of the measured cases are such files
 * too: their "flow" is a name, "suppress_node_flags": true means "node_flags": "suppressed", and "id", and a model's "file", are
 * read over.
 *
 * Actions are lists of a word and what it takes; the rows of core/workflow/action.c say which words there are:
 *	nothing
 *	[tag]				may be absent
 *	[number]			in the row's unit and between its limits
 *	[number?]			may be absent: `settle` without one is 11 s
 *	[{unload_models, free_memory, release_kept}]	of a request to free
 *	[model]				by name, or by number, from 1
 *	[models, tag?]			the workflow of these models
 *	["throw" or "none"]
 *	[device, number]		a device's name, or "compute"
 *
 * Files are hostile until read: lengths, counts and numbers have limits, and a message names the file, the action, what was found
 * and what is wanted. Members that are not known are refused.
 */
#ifndef RESIDENCY_SCENARIOS_FLOW_FILE_H
#define RESIDENCY_SCENARIOS_FLOW_FILE_H

#include <jansson.h>

#include "scenarios/flow/flow.h"

#define FLOW_STEPS_MAX 10000
#define FLOW_MODELS_MAX 64
#define FLOW_REPORTS_MAX 16

/* The caller frees with flow_free(). `where` names the text in messages; without a name in it, the flow is called so. */
struct flow *flow_parse(const char *text, size_t length, const char *where, struct error *e);

/* Of JSON that is read already; keeps it. */
struct flow *flow_from_json(json_t *json, const char *where, struct error *e);

/* Of a flow made by these two. */
void flow_free(struct flow *flow);

/* Whether this is the JSON of a flow, and not of a workflow. */
bool flow_is_json(const json_t *json);

/* The file's text, one action a line, ending in a newline; flow_parse reads the same flow from it. The caller frees. */
char *flow_to_text(const struct flow *flow, struct error *e);

#endif
