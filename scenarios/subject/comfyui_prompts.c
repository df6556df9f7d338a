/* comfyui_prompts.c - workflows as prompts of a server, and how they ended.
 *
 * A workflow is fitted to the classes that the server has (live_workflow.h). What its loaders ask to be kept is noted at each
 * prompt, as not every version marks its models. A lost answer says nothing of its prompt: the server is asked whether it has it,
 * and it is sent again only if not. How prompts ended is read from the server's history, once the worker is idle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "scenarios/subject/comfyui_state.h"
#include "scenarios/subject/live_workflow.h"

#define CLEANUP_CLASS "FullCleanupMultiGPU"
#define SENDS_MAX 3 /* of a prompt whose answer got lost */

const json_t *comfyui_describe_class(void *context, const char *class_type, struct error *e)
{
	struct comfyui_subject *s = context;
	json_t *known = json_object_get(s->classes, class_type);
	char path[256];

	if (known)
		return known;
	if (strspn(class_type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != strlen(class_type)) {
		known = json_object(); /* would need escaping; the server says by itself whether it knows it */
	} else {
		snprintf(path, sizeof(path), "/object_info/%.200s", class_type);
		known = live_client_get(s->client, path, e);
	}
	if (!known)
		return NULL;
	if (json_object_set_new(s->classes, class_type, known) != 0) {
		error_no_memory(e);
		return NULL;
	}
	return known;
}

/* Whether the server has a prompt, be it waiting, running or done. */
static bool has_prompt(struct comfyui_subject *s, const char *id, bool *there, struct error *e)
{
	char path[128];
	json_t *history;
	json_t *queue;
	char *text;

	snprintf(path, sizeof(path), "/history/%s", id);
	history = live_client_get(s->client, path, e);
	queue = history ? live_client_get(s->client, "/queue", e) : NULL;
	text = queue ? json_dumps(queue, JSON_COMPACT) : NULL;
	*there = json_object_size(history) > 0 || (text && strstr(text, id));
	free(text);
	json_decref(queue);
	json_decref(history);
	return queue != NULL;
}

/* An answer that got lost says nothing of the prompt: the server is asked, and it is sent again only where it never came. */
static bool send_prompt(struct comfyui_subject *s, const json_t *body, const char *id, struct error *e)
{
	for (unsigned i = 1;; i++) {
		struct error why = ERROR_INIT;
		json_t *answer = live_client_post(s->client, "/prompt", body, &why);
		bool there = false;

		json_decref(answer);
		if (answer)
			return true;
		if (why.kind == ERROR_ABSENT || why.kind == ERROR_FORMAT) {
			if (!has_prompt(s, id, &there, e))
				return false;
			if (there)
				return true;
		}
		if (why.kind != ERROR_ABSENT || i == SENDS_MAX)
			return error_set(e, why.kind, "%s", why.text);
		log_say(s->log, LOG_WARNING, "the prompt did not arrive, and is sent again: %s", why.text);
	}
}

/* A full cleanup node ends what loaders of its own workflow have said, too. */
static bool note_keep_requests(struct comfyui_subject *s, const json_t *workflow, const struct live_classes *classes,
			       struct error *e)
{
	const char *id;
	json_t *node;

	if (!live_keep_read(workflow, s->server.named, classes, s->keep_requests, e))
		return false;
	json_object_foreach((json_t *)(uintptr_t)workflow, id, node)
	{
		const char *class_type = json_string_value(json_object_get(node, "class_type"));

		if (s->server.guarded && class_type && strcmp(class_type, CLEANUP_CLASS) == 0)
			return live_keep_end(s->keep_requests, e);
	}
	return true;
}

bool comfyui_prompt(struct comfyui_subject *s, const json_t *workflow, const char *where, struct error *e)
{
	const struct live_classes classes = { .context = s, .describe = comfyui_describe_class };
	json_t *fitted;
	json_t *body;
	char id[64];
	bool fine;

	if (json_object_get(workflow, "nodes"))
		return error_set(e, ERROR_UNSUPPORTED, "%s is in the UI's format; a server takes the API's (\"Export (API)\")",
				 where);
	snprintf(id, sizeof(id), "residency-%ld-%llx-%u", (long)getpid(), (unsigned long long)clock_wall_ns(),
		 ++s->prompt_count);
	fitted = note_keep_requests(s, workflow, &classes, e) ? live_workflow(workflow, &classes, e) : NULL;
	body = fitted ? json_pack("{sO ss ss}", "prompt", fitted, "prompt_id", id, "client_id", "residency") : NULL;
	if (fitted && !body)
		error_no_memory(e);
	fine = body && send_prompt(s, body, id, e);
	if (fine && json_array_append_new(s->submitted, json_string(id)) != 0)
		fine = error_no_memory(e);
	json_decref(body);
	json_decref(fitted);
	return fine || error_context(e, "%s", where);
}

/* The message of the event that ended a prompt: "node 3 (KSampler): RuntimeError: ...". */
static bool tell_failed_prompt(const json_t *status, struct error *e)
{
	const json_t *messages = json_object_get(status, "messages");

	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *message = json_array_get(messages, i);
		const char *event = json_string_value(json_array_get(message, 0));
		const json_t *data = json_array_get(message, 1);
		const char *node = json_string_value(json_object_get(data, "node_id"));
		const char *class_type = json_string_value(json_object_get(data, "node_type"));
		const char *type = json_string_value(json_object_get(data, "exception_type"));
		const char *text = json_string_value(json_object_get(data, "exception_message"));

		if (event && strcmp(event, "execution_error") == 0)
			return error_set(e, ERROR_NODE, "node %.20s (%.60s): %.60s: %.300s", node ? node : "?",
					 class_type ? class_type : "?", type ? type : "?", text ? text : "?");
	}
	return error_set(e, ERROR_NODE, "a prompt ended in an error, and the server does not say which");
}

bool comfyui_look_at_prompts(struct comfyui_subject *s, struct error *e)
{
	bool fine = true;

	for (size_t i = 0; fine && i < json_array_size(s->submitted); i++) {
		const char *id = json_string_value(json_array_get(s->submitted, i));
		char path[128];
		json_t *history;
		const json_t *status;
		const char *text;

		snprintf(path, sizeof(path), "/history/%s", id);
		history = live_client_get(s->client, path, e);
		status = json_object_get(json_object_get(history, id), "status");
		text = json_string_value(json_object_get(status, "status_str"));
		if (!history)
			fine = false;
		else if (text && strcmp(text, "success") != 0 && !s->fault_is_due)
			fine = tell_failed_prompt(status, e);
		json_decref(history);
		s->fault_is_due = false;
	}
	json_array_clear(s->submitted);
	return fine;
}
