/* comfyui_state.h - a server as a subject: what is known of it and of the cell that runs. Private to scenarios/subject.
 *
 * One thread. What returns bool, or a pointer, fills the error where it is false or NULL.
 */
#ifndef RESIDENCY_SCENARIOS_COMFYUI_STATE_H
#define RESIDENCY_SCENARIOS_COMFYUI_STATE_H

#include "probes/live/live_records.h"
#include "scenarios/subject/live_greeting.h"
#include "scenarios/subject/subject_comfyui.h"

struct comfyui_subject {
	struct subject subject;
	struct live_client *client;
	struct live_wait wait;
	const struct log_sink *log;
	struct live_greeting server; /* what it is */
	bool everybody; /* is asked who refers to a leak */
	json_t *classes; /* what the server said of them in this cell */
	json_t *keep_requests; /* of this cell's workflows */
	json_t *submitted; /* ids of prompts whose outcome was not asked for yet */
	json_t *while_held; /* what to post, once the probe holds a prompt in its middle; NULL: nothing */
	const char *while_held_path;
	struct record_sink sink;
	struct live_translation translation;
	uint64_t next_line, dropped;
	enum device_mode device_mode;
	unsigned prompt_count;
	bool begun;
	bool fault_is_due; /* to the next prompt: that it fails is what was asked for */
};

/* What the server says of a class, {} where it does not know it. `context` is the subject, which owns what is returned, for the
 * length of a cell. */
const json_t *comfyui_describe_class(void *context, const char *class_type, struct error *e);

/* Sends a workflow in the API's format; `where` is for errors. */
bool comfyui_prompt(struct comfyui_subject *s, const json_t *workflow, const char *where, struct error *e);

/* How what was submitted ended: false where a prompt failed and was not meant to. */
bool comfyui_look_at_prompts(struct comfyui_subject *s, struct error *e);

#endif
