/* live_now_json.c - the answer of live_now.h as one JSON object, for --json.
 *
 * Members follow the order of the struct. A failed allocation is remembered in the writer and checked once at the end.
 */
#include "probes/live/live_now.h"

/* What has no memory is left out, and fine says so: everything that was made is attached, and freed with the whole. */
struct now_writer {
	bool fine;
};

/* Takes the value. */
static void put(struct now_writer *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		w->fine = false;
}

static void append(struct now_writer *w, json_t *items, json_t *item)
{
	if (json_array_append_new(items, item) != 0)
		w->fine = false;
}

static void put_text(struct now_writer *w, json_t *object, const char *key, const char *text)
{
	put(w, object, key, json_string(text));
}

static void put_number(struct now_writer *w, json_t *object, const char *key, uint64_t value)
{
	put(w, object, key, json_integer((json_int_t)value));
}

static void put_size(struct now_writer *w, json_t *object, const char *key, uint64_t size_bytes)
{
	put(w, object, key, size_bytes == UNKNOWN_U64 ? json_null() : json_integer((json_int_t)size_bytes));
}

static void put_keep(struct now_writer *w, json_t *object, enum keep_request keep)
{
	put(w, object, "keep", keep == KEEP_NONE ? json_null() : json_boolean(keep == KEEP_YES));
}

/* ---- devices and models ---- */

static json_t *devices(struct now_writer *w, const struct live_now *now)
{
	json_t *items = json_array();

	for (size_t i = 0; i < now->device_count; i++) {
		const struct live_now_device *device = &now->devices[i];
		json_t *item = json_object();

		put_text(w, item, "name", device->name);
		put_size(w, item, "total_bytes", device->total_bytes);
		put_size(w, item, "free_bytes", device->free_bytes);
		put_size(w, item, "weights_bytes", device->weights_bytes);
		put_size(w, item, "other_bytes", device->other_bytes);
		put_size(w, item, "cache_bytes", device->cache_bytes);
		put_size(w, item, "unattributed_bytes", device->unattributed_bytes);
		append(w, items, item);
	}
	return items;
}

static json_t *places(struct now_writer *w, const struct live_now_model *model)
{
	json_t *bytes = json_object();

	for (size_t i = 0; i < model->place_count; i++) {
		if (model->places[i].size_bytes != UNKNOWN_U64)
			put_number(w, bytes, model->places[i].device, model->places[i].size_bytes);
	}
	return bytes;
}

static json_t *blocks(struct now_writer *w, const struct live_now_model *model)
{
	json_t *items = json_array();

	for (size_t i = 0; i < model->run_count; i++) {
		json_t *run = json_array();

		append(w, run, json_string(model->places[model->runs[i].place].device));
		append(w, run, json_integer(model->runs[i].block_count));
		append(w, items, run);
	}
	return items;
}

static json_t *holders(struct now_writer *w, const struct live_now_model *model)
{
	json_t *items = json_array();

	for (size_t i = 0; i < model->holder_count; i++) {
		json_t *item = json_object();

		put_text(w, item, "label", model->holders[i].label);
		put_text(w, item, "kind", model->holders[i].kind);
		put(w, item, "strong", json_boolean(model->holders[i].strong));
		append(w, items, item);
	}
	return items;
}

static json_t *models(struct now_writer *w, const struct live_now *now)
{
	json_t *items = json_array();

	for (size_t i = 0; i < now->model_count; i++) {
		const struct live_now_model *model = &now->models[i];
		json_t *item = json_object();

		put_number(w, item, "model", model->number);
		put_text(w, item, "name", model->name);
		put_text(w, item, "kind", model->kind);
		put_keep(w, item, model->keep);
		put_text(w, item, "state", model->state);
		put(w, item, "listed", json_integer(model->listed));
		put_text(w, item, "device", model->device);
		put(w, item, "bytes", model->bytes_are_known ? places(w, model) : json_null());
		put(w, item, "blocks", blocks(w, model));
		put(w, item, "holders", holders(w, model));
		append(w, items, item);
	}
	return items;
}

static json_t *left(struct now_writer *w, const struct live_now *now)
{
	json_t *items = json_array();

	for (size_t i = 0; i < now->left_count; i++) {
		const struct live_now_left *one = &now->left[i];
		json_t *item = json_object();

		put_number(w, item, "model", one->model);
		put_text(w, item, "name", one->name);
		put_text(w, item, "kind", one->kind);
		put_keep(w, item, one->keep);
		put_text(w, item, "reason", one->reason);
		put_text(w, item, "action", one->action);
		put_number(w, item, "time_ns", one->time_ns);
		append(w, items, item);
	}
	return items;
}

/* ---- calls ---- */

static json_t *changes(struct now_writer *w, const struct live_now_call *call)
{
	static const char *const words[] = { "came", "left", "died", "moved" };
	json_t *items = json_array();

	for (size_t i = 0; i < call->change_count; i++) {
		const struct live_now_change *change = &call->changes[i];
		json_t *item = json_object();

		put_text(w, item, "name", change->name);
		put_text(w, item, "what", words[change->what]);
		put_text(w, item, "reason", change->reason);
		put_size(w, item, "before_bytes", change->before_bytes);
		put_size(w, item, "after_bytes", change->after_bytes);
		append(w, items, item);
	}
	return items;
}

static json_t *calls(struct now_writer *w, const struct live_now_call *all, size_t count)
{
	json_t *items = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *item = json_object();

		put_text(w, item, "action", all[i].action);
		put_text(w, item, "inside", all[i].inside);
		put_number(w, item, "began_ns", all[i].began_ns);
		put_size(w, item, "duration_ns", all[i].duration_ns);
		put_number(w, item, "count", all[i].count);
		put_text(w, item, "exception", all[i].exception);
		put(w, item, "changes", changes(w, &all[i]));
		append(w, items, item);
	}
	return items;
}

/* ---- the whole ---- */

static json_t *queue(struct now_writer *w, const struct live_now *now)
{
	json_t *object = json_object();
	json_t *flags = json_array();

	put_number(w, object, "running", now->prompts_running);
	put_number(w, object, "pending", now->prompts_pending);
	if (now->flags[0])
		append(w, flags, json_string(now->flags));
	put(w, object, "flags", flags);
	put_text(w, object, "node", now->node);
	put_text(w, object, "class", now->node_class);
	return object;
}

static json_t *multigpu(struct now_writer *w, const struct live_now *now)
{
	json_t *object = json_object();

	put_text(w, object, "version", now->multigpu_version);
	put_text(w, object, "generation", now->multigpu_policy);
	return object;
}

static void put_probe(struct now_writer *w, json_t *json, const struct live_now *now)
{
	put(w, json, "layout", json_integer(LIVE_NOW_LAYOUT));
	put_text(w, json, "probe", now->probe);
	put_text(w, json, "session", now->session);
	put(w, json, "on", json_boolean(now->is_on));
	put_number(w, json, "failures", now->failures);
	put_number(w, json, "time_ns", now->time_ns);
	put_number(w, json, "looked_ns", now->looked_ns);
	put_text(w, json, "cache", now->cache);
	put(w, json, "multigpu", now->multigpu_version[0] || now->multigpu_policy[0] ? multigpu(w, now) : json_null());
	put(w, json, "models", models(w, now));
	put_number(w, json, "stale", now->stale_entries);
	put(w, json, "left", left(w, now));
	put(w, json, "actions", calls(w, now->calls, now->call_count));
	put(w, json, "running", calls(w, now->running, now->running_count));
}

json_t *live_now_json(const struct live_now *now, struct error *e)
{
	struct now_writer w = { .fine = true };
	json_t *json = json_object();

	put_text(&w, json, "comfyui", now->comfyui);
	put(&w, json, "devices", devices(&w, now));
	put(&w, json, "queue", queue(&w, now));
	if (now->has_probe)
		put_probe(&w, json, now);
	else
		put(&w, json, "probe", json_null());
	if (w.fine)
		return json;
	json_decref(json);
	error_no_memory(e);
	return NULL;
}
