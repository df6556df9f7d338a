/* subject_comfyui.c - drives a ComfyUI with the probe node as a subject of scenarios, over HTTP.
 *
 * An action is a request to the server, or to the probe for what a user cannot do (holds, faults, direct calls); prompts are
 * comfyui_prompts.c's. After it the worker is waited for and the probe's lines are drained into the cell's sink, so that records
 * arrive in the order in which things happened. When the server's session changes, the cell cannot go on: what its models were is
 * lost with the process.
 */
#include "scenarios/subject/subject_comfyui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/manager/policy.h"
#include "scenarios/subject/comfyui_state.h"
#include "scenarios/subject/live_workflow.h"

#define IDLE_MS 600000
#define POLL_LEAST_MS 10
#define POLL_MOST_MS 250

static struct comfyui_subject *from(const struct subject *subject)
{
	return (struct comfyui_subject *)(uintptr_t)subject;
}

static bool unsupported(const char *what, struct error *e)
{
	return error_set(e, ERROR_UNSUPPORTED, "only the engine can have %s", what);
}

/* ---- records ---- */

static bool find_keep_request(const void *context, const char *name, enum keep_request *keep)
{
	const struct comfyui_subject *s = context;

	return live_keep_find(s->keep_requests, name, keep);
}

static bool check_session(const struct comfyui_subject *s, const struct live_batch *batch, struct error *e)
{
	if (strcmp(batch->session, s->server.session) == 0)
		return true;
	return error_set(e, ERROR_ABSENT, "%s was restarted while cell %u ran: what its models were is gone with it",
			 live_client_url(s->client), s->translation.cell);
}

/* Takes what the probe has; *batch says how things stand. */
static bool drain(struct comfyui_subject *s, struct live_batch *batch, struct error *e)
{
	char path[64];
	size_t length = 0;
	char *text;
	bool fine;

	snprintf(path, sizeof(path), "/residency/records?from=%llu", (unsigned long long)s->next_line);
	text = live_client_get_text(s->client, path, live_batch_is_whole, &length, e);
	fine = text && live_batch_read(text, length, s->begun ? s->next_line : UINT64_MAX, &s->translation, batch, e) &&
	       check_session(s, batch, e);
	free(text);
	if (!fine)
		return false;
	s->dropped = batch->dropped + batch->failures;
	if (batch->first > s->next_line)
		s->dropped += batch->first - s->next_line;
	s->next_line = batch->first + batch->count;
	return true;
}

/* What was submitted is not left to run when it is no longer waited for. */
static void take_back(struct comfyui_subject *s)
{
	json_t *body = json_pack("{sO}", "delete", s->submitted);
	json_t *empty = json_object();

	live_client_finish_up(s->client);
	json_decref(body ? live_client_post(s->client, "/queue", body, NULL) : NULL);
	json_decref(empty ? live_client_post(s->client, "/interrupt", empty, NULL) : NULL);
	json_decref(body);
	json_decref(empty);
}

static bool ask(struct comfyui_subject *s, const char *action, const char *name, unsigned step, struct error *e)
{
	json_t *body = json_pack("{ss ss si}", "action", action, "name", name, "step", (int)step);
	json_t *answer = body ? live_client_post(s->client, "/residency/act", body, e) : NULL;

	if (!body)
		error_no_memory(e);
	json_decref(body);
	json_decref(answer);
	return answer != NULL;
}

/* POST /free can end all keep requests; only a guard acts on that. */
static bool post_free(struct comfyui_subject *s, const char *path, const json_t *body, struct error *e)
{
	json_t *answer = live_client_post(s->client, path, body, e);

	json_decref(answer);
	if (!answer || !s->server.guarded || !json_is_true(json_object_get(body, "release_kept")))
		return answer != NULL;
	return live_keep_end(s->keep_requests, e);
}

/* At the moment that was waited for: the prompt runs, and does not go on before it is released. */
static bool post_while_held(struct comfyui_subject *s, struct error *e)
{
	bool posted;

	if (!s->while_held)
		return true; /* released already, and not yet back at work */
	posted = post_free(s, s->while_held_path, s->while_held, e);
	json_decref(s->while_held);
	s->while_held = NULL;
	return ask(s, "release", "", 0, posted ? e : NULL) && posted;
}

/* The next prompt is held (faults.py says where) until `body`, which is taken, has been posted. */
static bool arm(struct comfyui_subject *s, const char *where, unsigned step, const char *path, json_t *body, struct error *e)
{
	json_decref(s->while_held);
	s->while_held = body;
	s->while_held_path = path;
	if (!body)
		return error_no_memory(e);
	return ask(s, "arm", where, step, e);
}

static bool wait_for_worker(struct comfyui_subject *s, struct error *e)
{
	unsigned limit_ms = s->wait.idle_ms ? s->wait.idle_ms : IDLE_MS;
	uint64_t begun_ns = clock_now_ns();
	unsigned pause_ms = POLL_LEAST_MS;
	struct live_batch batch;

	while (drain(s, &batch, e)) {
		if (batch.idle || !batch.worker_alive)
			return true;
		if (batch.held && !post_while_held(s, e))
			break;
		if (clock_now_ns() - begun_ns > limit_ms * NS_PER_MS) {
			error_set(e, ERROR_ABSENT, "%s: its worker was busy for more than %g s", live_client_url(s->client),
				  limit_ms / 1000.0);
			break;
		}
		if (!live_client_pause(s->client, pause_ms, e))
			break;
		pause_ms = pause_ms * 2 > POLL_MOST_MS ? POLL_MOST_MS : pause_ms * 2;
	}
	if (s->begun && json_array_size(s->submitted))
		take_back(s);
	return false;
}

/* ---- a cell ---- */

static bool check_setup(const struct comfyui_subject *s, const struct subject_setup *setup, struct error *e)
{
	const char *url = live_client_url(s->client);

	if (setup->policy && s->server.policy && setup->policy != s->server.policy)
		return error_set(e, ERROR_UNSUPPORTED, "%s does what policy %s does, and not %s", url, s->server.policy->name,
				 setup->policy->name);
	if (setup->cache != s->server.cache)
		return error_set(e, ERROR_UNSUPPORTED, "%s was started with cache %s, and not %s", url,
				 cache_kind_name(s->server.cache), cache_kind_name(setup->cache));
	if (setup->device_mode == DEVICE_MODE_SAME && s->server.topology->device_count > 1)
		return error_set(e, ERROR_UNSUPPORTED, "%s has a GPU: its models do not run where they wait; --cpu makes them",
				 url);
	return true;
}

/* Everything that the server does by itself to forget goes first; the probe does the rest, and restarts the worker, be it alive
 * or dead. */
static bool clean(struct comfyui_subject *s, struct error *e)
{
	json_t *body = json_pack("{sb sb}", "unload_models", 1, "free_memory", 1);
	json_t *answer = body ? live_client_post(s->client, "/free", body, e) : NULL;
	bool fine = answer && wait_for_worker(s, e);

	json_decref(body);
	json_decref(answer);
	return fine;
}

static bool begin(struct subject *subject, const struct subject_setup *setup, const struct record_sink *sink, struct error *e)
{
	struct comfyui_subject *s = from(subject);
	json_t *body;
	json_t *answer = NULL;

	s->begun = s->fault_is_due = false;
	s->next_line = 0;
	s->sink = *sink;
	s->device_mode = setup->device_mode;
	s->translation = (struct live_translation) { .sink = &s->sink,
						     .topology = s->server.topology,
						     .cell = setup->cell,
						     .keep = find_keep_request,
						     .context = s,
						     .load_device = s->server.topology->device_count > 1 ? 1 : 0 };
	json_object_clear(s->classes);
	json_object_clear(s->keep_requests);
	json_array_clear(s->submitted);
	json_decref(s->while_held);
	s->while_held = NULL;
	if (!check_setup(s, setup, e) || !live_greet_again(&s->server, s->client, e))
		return false;
	if (!wait_for_worker(s, e) || !clean(s, e)) /* who does not wait yet may not hear */
		return false;
	body = json_pack("{si si ss ss ss sb}", "schema", RECORD_SCHEMA, "cell", (int)setup->cell, "device_mode",
			 subject_device_mode_name(setup->device_mode), "node_flags", subject_node_flags_name(setup->node_flags),
			 "tool", RESIDENCY_VERSION, "deep", s->everybody);
	if (body)
		answer = live_client_post(s->client, "/residency/begin", body, e);
	else
		error_no_memory(e);
	json_decref(body);
	s->begun = answer != NULL;
	json_decref(answer);
	s->next_line = 0;
	s->dropped = 0;
	return s->begun;
}

/* ---- actions ---- */

static bool submit(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	return comfyui_prompt(s, action->body, action->name, e);
}

static bool queue(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	for (size_t i = 0; i < json_array_size(action->body); i++) {
		if (!comfyui_prompt(s, json_array_get(action->body, i), action->name, e))
			return false;
	}
	return true;
}

static bool post(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	live_begin_action(&s->translation);
	return post_free(s, "/free", action->body, e);
}

static bool post_running(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	return arm(s, "running", 0, "/free", json_deep_copy(action->body), e);
}

static bool post_without_wake(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	char names[64];

	live_begin_action(&s->translation);
	snprintf(names, sizeof(names), "%s %s",
		 json_is_true(json_object_get(action->body, "unload_models")) ? "unload_models" : "",
		 json_is_true(json_object_get(action->body, "free_memory")) ? "free_memory" : "");
	return ask(s, action_row(action->kind)->wire, names, 0, e);
}

static bool interrupt(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	s->fault_is_due = true;
	return arm(s, action_row(action->kind)->wire, (unsigned)action->number, "/interrupt", json_object(), e);
}

static bool fail(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	s->fault_is_due = true;
	return ask(s, "arm", action_row(action->kind)->wire, (unsigned)action->number, e);
}

static bool patch_unload(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	return ask(s, action_row(action->kind)->wire, action->name, 0, e);
}

/* Time passes here as it does there. */
static bool settle(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	live_begin_action(&s->translation);
	return live_client_pause(s->client, (unsigned)action->number * 1000, e) && wait_for_worker(s, e);
}

static bool ask_and_drain(struct comfyui_subject *s, const char *action, const char *name, unsigned number, struct error *e)
{
	struct live_batch batch;

	return ask(s, action, name, number, e) && drain(s, &batch, e);
}

/* By what its row says alone: the probe is asked to do it, and what it then has to tell is taken. One with a stage is a cycle. */
static bool act_by_row(struct comfyui_subject *s, const struct action *action, struct error *e)
{
	const struct action_row *row = action_row(action->kind);

	if (row->engine_only)
		return unsupported(row->engine_only, e);
	if (row->stages)
		live_begin_action(&s->translation);
	return ask_and_drain(s, row->wire, action->name ? action->name : "", (unsigned)action->number, e);
}

/* Actions that go by the server's own requests, or that the probe only prepares. */
static bool (*const acts[ACTION_KIND_COUNT])(struct comfyui_subject *s, const struct action *action, struct error *e) = {
	[ACTION_POST] = post,	       [ACTION_POST_RUNNING] = post_running,   [ACTION_POST_WITHOUT_WAKE] = post_without_wake,
	[ACTION_QUEUE] = queue,	       [ACTION_INTERRUPT] = interrupt,	       [ACTION_FAIL] = fail,
	[ACTION_OUT_OF_MEMORY] = fail, [ACTION_FOREIGN_UNLOAD] = patch_unload, [ACTION_SETTLE] = settle,
};

static bool act(struct subject *subject, const struct action *action, struct error *e)
{
	if (acts[action->kind])
		return acts[action->kind](from(subject), action, e);
	if (action_row(action->kind)->prompts)
		return submit(from(subject), action, e);
	return act_by_row(from(subject), action, e);
}

static bool can(struct subject *subject, enum action_kind kind, struct error *why)
{
	const struct action_row *row = action_row(kind);
	const json_t *described;

	if (row->engine_only)
		return unsupported(row->engine_only, why);
	if (!row->node)
		return true;
	described = comfyui_describe_class(from(subject), row->node, why);
	if (described && json_object_size(described) == 0)
		error_set(why, ERROR_UNSUPPORTED, "the server has no node %s", row->node);
	return json_object_size(described) > 0;
}

static bool can_size(struct subject *subject, struct error *why)
{
	(void)subject;
	return unsupported("models of many GB", why);
}

static bool wait_until_idle(struct subject *subject, struct error *e)
{
	struct comfyui_subject *s = from(subject);

	return wait_for_worker(s, e) && comfyui_look_at_prompts(s, e);
}

static bool worker_died(const struct subject *subject)
{
	return from(subject)->translation.worker_died;
}

static uint32_t cycle(const struct subject *subject)
{
	const struct live_translation *translation = &from(subject)->translation;

	return translation->cycle + translation->staged;
}

static const char *compute_device(const struct subject *subject)
{
	const struct comfyui_subject *s = from(subject);

	if (s->server.topology->device_count > 1)
		return s->server.topology->devices[1].name;
	return s->device_mode == DEVICE_MODE_SPLIT ? "cpu:0" : "cpu"; /* the probe makes the first of them */
}

static bool has_device(const struct subject *subject, const char *name)
{
	return topology_find(from(subject)->server.topology, name) >= 0;
}

/* A probe that failed at something has not told of it, either. */
static uint64_t dropped(const struct subject *subject)
{
	return from(subject)->dropped;
}

static const char *lacks(const struct subject *subject)
{
	return from(subject)->server.lacks[0] ? from(subject)->server.lacks : NULL;
}

static bool end(struct subject *subject, struct error *e)
{
	struct comfyui_subject *s = from(subject);

	if (!s->begun)
		return true;
	live_begin_action(&s->translation);
	if (!ask_and_drain(s, "end", "", 0, e))
		return false;
	s->begun = false;
	return true;
}

static void close_subject(struct subject *subject)
{
	struct comfyui_subject *s = from(subject);

	live_client_close(s->client);
	live_greeting_end(&s->server);
	json_decref(s->classes);
	json_decref(s->keep_requests);
	json_decref(s->submitted);
	json_decref(s->while_held);
	free(s);
}

static const struct subject_operations operations = {
	.kind = "comfyui",
	.begin = begin,
	.act = act,
	.can = can,
	.can_size = can_size,
	.wait_until_idle = wait_until_idle,
	.worker_died = worker_died,
	.cycle = cycle,
	.compute_device = compute_device,
	.has_device = has_device,
	.dropped = dropped,
	.lacks = lacks,
	.end = end,
	.close = close_subject,
};

struct subject *subject_comfyui_open(const char *url, const struct live_wait *wait, const struct log_sink *log,
				     const bool *interrupted, struct error *e)
{
	struct comfyui_subject *s = array_new(1, sizeof(*s), e);

	if (!s)
		return NULL;
	s->subject.operations = &operations;
	s->log = log;
	s->wait = wait ? *wait : (struct live_wait) { .idle_ms = IDLE_MS };
	s->classes = json_object();
	s->keep_requests = json_object();
	s->submitted = json_array();
	s->client = live_client_open(url, &s->wait.limits, interrupted, e);
	if (s->client && (!s->classes || !s->keep_requests || !s->submitted))
		error_no_memory(e);
	else if (s->client && live_greet(&s->server, s->client, log, e))
		return &s->subject;
	close_subject(&s->subject);
	return NULL;
}

/* ---- questions ---- */

void subject_comfyui_ask_everybody(struct subject *subject, bool everybody)
{
	from(subject)->everybody = everybody;
}

const struct topology *subject_comfyui_topology(const struct subject *subject)
{
	return from(subject)->server.topology;
}

const struct policy *subject_comfyui_policy(const struct subject *subject)
{
	return from(subject)->server.policy;
}

const char *subject_comfyui_probe(const struct subject *subject)
{
	return from(subject)->server.probe;
}

const char *subject_comfyui_version(const struct subject *subject)
{
	return from(subject)->server.version;
}

enum cache_kind subject_comfyui_cache(const struct subject *subject)
{
	return from(subject)->server.cache;
}
