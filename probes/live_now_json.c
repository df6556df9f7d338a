#include "probes/live_now.h"

/* Members that had no memory are told at the end: the object is then NULL, or shorter than it must be. */
static json_t *size_or_null(uint64_t size_bytes)
{
	return size_bytes == UNKNOWN_U64 ? json_null() : json_integer((json_int_t)size_bytes);
}

static json_t *wish(enum keep_wish keep)
{
	return keep == KEEP_NONE ? json_null() : json_boolean(keep == KEEP_YES);
}

/* Takes the item. */
static void append(json_t **items, json_t *item)
{
	if (*items && (!item || json_array_append_new(*items, item) != 0)) {
		json_decref(*items);
		*items = NULL;
	}
}

static json_t *devices_json(const struct live_now *now)
{
	json_t *items = json_array();

	for (size_t i = 0; i < now->device_count; i++) {
		const struct live_now_device *d = &now->devices[i];

		append(&items,
		       json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", d->name, "total_bytes",
				 size_or_null(d->total_bytes), "free_bytes", size_or_null(d->free_bytes), "weights_bytes",
				 size_or_null(d->weights_bytes), "other_bytes", size_or_null(d->other_bytes), "cache_bytes",
				 size_or_null(d->cache_bytes), "unattributed_bytes", size_or_null(d->unattributed_bytes)));
	}
	return items;
}

static json_t *bytes_json(const struct live_now_model *model)
{
	json_t *bytes;

	if (!model->bytes_are_known)
		return json_null();
	bytes = json_object();
	for (size_t i = 0; i < model->place_count && bytes; i++) {
		const struct live_now_place *place = &model->places[i];

		if (place->size_bytes != UNKNOWN_U64 &&
		    json_object_set_new(bytes, place->device, json_integer((json_int_t)place->size_bytes)) != 0) {
			json_decref(bytes);
			bytes = NULL;
		}
	}
	return bytes;
}

static json_t *model_json(const struct live_now_model *model)
{
	json_t *blocks = json_array();
	json_t *holders = json_array();

	for (size_t i = 0; i < model->run_count; i++)
		append(&blocks,
		       json_pack("[s, i]", model->places[model->runs[i].place].device, (int)model->runs[i].block_count));
	for (size_t i = 0; i < model->holder_count; i++)
		append(&holders, json_pack("{s:s, s:s, s:b}", "label", model->holders[i].label, "kind", model->holders[i].kind,
					   "strong", model->holders[i].strong));
	return json_pack("{s:I, s:s, s:s, s:o, s:s, s:i, s:s, s:o, s:o, s:o}", "model", (json_int_t)model->number, "name",
			 model->name, "kind", model->kind, "keep", wish(model->keep), "state", model->state, "listed",
			 (int)model->listed, "device", model->device, "bytes", bytes_json(model), "blocks", blocks, "holders",
			 holders);
}

static json_t *models_json(const struct live_now *now)
{
	json_t *items = json_array();

	for (size_t i = 0; i < now->model_count; i++)
		append(&items, model_json(&now->models[i]));
	return items;
}

static json_t *left_json(const struct live_now *now)
{
	json_t *items = json_array();

	for (size_t i = 0; i < now->left_count; i++) {
		const struct live_now_left *left = &now->left[i];

		append(&items, json_pack("{s:I, s:s, s:s, s:o, s:s, s:s, s:I}", "model", (json_int_t)left->model, "name",
					 left->name, "kind", left->kind, "keep", wish(left->keep), "reason", left->reason,
					 "action", left->action, "time_ns", (json_int_t)left->time_ns));
	}
	return items;
}

static json_t *change_json(const struct live_now_change *change)
{
	static const char *const words[] = { "came", "left", "died", "moved" };

	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", change->name, "what", words[change->what], "reason",
			 change->reason, "before_bytes", size_or_null(change->before_bytes), "after_bytes",
			 size_or_null(change->after_bytes));
}

static json_t *calls_json(const struct live_now_call *calls, size_t count)
{
	json_t *items = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *changes = json_array();

		for (size_t c = 0; c < calls[i].change_count; c++)
			append(&changes, change_json(&calls[i].changes[c]));
		append(&items,
		       json_pack("{s:s, s:s, s:I, s:o, s:I, s:s, s:o}", "action", calls[i].action, "inside", calls[i].inside,
				 "began_ns", (json_int_t)calls[i].began_ns, "duration_ns", size_or_null(calls[i].duration_ns),
				 "count", (json_int_t)calls[i].count, "exception", calls[i].exception, "changes", changes));
	}
	return items;
}

static json_t *flags_json(const char *flags)
{
	json_t *items = json_array();

	if (flags[0])
		append(&items, json_string(flags));
	return items;
}

static json_t *queue_json(const struct live_now *now)
{
	return json_pack("{s:I, s:I, s:o, s:s, s:s}", "running", (json_int_t)now->prompts_running, "pending",
			 (json_int_t)now->prompts_pending, "flags", flags_json(now->flags), "node", now->node, "class",
			 now->node_class);
}

json_t *live_now_json(const struct live_now *now, struct error *e)
{
	json_t *json = now->has_probe ? json_pack("{s:i, s:s, s:s, s:b, s:I, s:I, s:I, s:s, s:s, s:{s:s, s:s}}", "layout",
						  LIVE_NOW_LAYOUT, "probe", now->probe, "session", now->session, "on",
						  now->is_on, "failures", (json_int_t)now->failures, "time_ns",
						  (json_int_t)now->time_ns, "looked_ns", (json_int_t)now->looked_ns, "cache",
						  now->cache, "comfyui", now->comfyui, "multigpu", "version",
						  now->multigpu_version, "generation", now->multigpu_policy)
				      : json_pack("{s:n, s:s}", "probe", "comfyui", now->comfyui);
	bool fine = json && json_object_set_new(json, "devices", devices_json(now)) == 0 &&
		    json_object_set_new(json, "queue", queue_json(now)) == 0;

	if (fine && now->has_probe)
		fine = json_object_set_new(json, "models", models_json(now)) == 0 &&
		       json_object_set_new(json, "left", left_json(now)) == 0 &&
		       json_object_set_new(json, "actions", calls_json(now->calls, now->call_count)) == 0 &&
		       json_object_set_new(json, "running", calls_json(now->running, now->running_count)) == 0;
	if (fine)
		return json;
	error_no_memory(e);
	json_decref(json);
	return NULL;
}
