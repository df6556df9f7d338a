/* live_now.c - one reader for each object of the answer, all sharing a now_reader.
 *
 * The reader keeps the first error; after it every getter returns a fallback, so the functions need no checks of their
 * own. Texts are decoded to code points and cut at a whole one. Lists are bounded before anything is allocated.
 */
#include "probes/live/live_now.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/utf8.h"

/* A member that is missing or wrong is told once and leaves fine false; what is read afterwards is empty. */
struct now_reader {
	struct error *e;
	bool fine;
	char where[64];
};

/* ---- texts ---- */

static bool is_harmless(uint32_t c)
{
	return !(c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		 (c >= 0x2060 && c <= 0x206f) || c == 0xfeff);
}

static void put_text(char *to, size_t room, const char *from)
{
	const unsigned char *p = (const unsigned char *)from;
	size_t left = strlen(from);
	size_t length = 0;

	while (left > 0) {
		size_t size = utf8_length(p, left);
		bool shows = size > 0 && is_harmless(utf8_code_point(p, size));

		size = size ? size : 1;
		if (length + (shows ? size : 1) >= room)
			break;
		if (shows)
			memcpy(to + length, p, size);
		else
			to[length] = '?';
		length += shows ? size : 1;
		p += size;
		left -= size;
	}
	to[length] = '\0';
}

/* ---- members ---- */

static bool fail(struct now_reader *r, const json_t *value, const char *key, const char *wanted)
{
	r->fine = error_set(r->e, ERROR_FORMAT, "the probe's answer: %s%s%s is %s; it must be %s", r->where,
			    r->where[0] ? "." : "", key, json_type_words(value), wanted);
	return false;
}

static void text(struct now_reader *r, const json_t *object, const char *key, char *to, size_t room)
{
	const json_t *value = json_object_get(object, key);

	to[0] = '\0';
	if (!r->fine || !value || json_is_null(value))
		return;
	if (json_is_string(value))
		put_text(to, room, json_string_value(value));
	else
		fail(r, value, key, "a string");
}

static void name(struct now_reader *r, const json_t *object, const char *key, char *to, size_t room)
{
	text(r, object, key, to, room);
	if (r->fine && !to[0])
		fail(r, json_object_get(object, key), key, "a string that is not empty");
}

/* Absent or null: UNKNOWN_U64. */
static uint64_t size(struct now_reader *r, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!r->fine || !value || json_is_null(value))
		return UNKNOWN_U64;
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		fail(r, value, key, "a whole number of at least 0");
		return UNKNOWN_U64;
	}
	return (uint64_t)json_integer_value(value);
}

static uint64_t number(struct now_reader *r, const json_t *object, const char *key)
{
	uint64_t value = size(r, object, key);

	if (r->fine && value == UNKNOWN_U64)
		fail(r, json_object_get(object, key), key, "a whole number");
	return r->fine ? value : 0;
}

static bool boolean(struct now_reader *r, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (r->fine && !json_is_boolean(value))
		fail(r, value, key, "a boolean");
	return r->fine && json_is_true(value);
}

static enum keep_request keep(struct now_reader *r, const json_t *object)
{
	const json_t *value = json_object_get(object, "keep");

	if (!r->fine || !value || json_is_null(value))
		return KEEP_NONE;
	return boolean(r, object, "keep") ? KEEP_YES : KEEP_NO;
}

/* The length of a list, `most` at most; 0 where it is absent. */
static size_t list(struct now_reader *r, const json_t *object, const char *key, const json_t **out, size_t most)
{
	const json_t *value = json_object_get(object, key);

	*out = value;
	if (!r->fine || !value || json_is_null(value))
		return 0;
	if (!json_is_array(value)) {
		fail(r, value, key, "a list");
		return 0;
	}
	return json_array_size(value) < most ? json_array_size(value) : most;
}

/* The same, with room for as many items. */
static void *list_new(struct now_reader *r, const json_t *object, const char *key, const json_t **out, size_t most,
		      size_t *count, size_t item_size_bytes)
{
	void *items;

	*count = list(r, object, key, out, most);
	items = array_new(*count ? *count : 1, item_size_bytes, r->e);
	if (!items) {
		r->fine = false;
		*count = 0;
	}
	return items;
}

static const json_t *item(struct now_reader *r, const json_t *items, size_t index, const char *what)
{
	const json_t *value = json_array_get(items, index);

	snprintf(r->where, sizeof(r->where), "%s[%zu]", what, index);
	if (r->fine && !json_is_object(value))
		r->fine = error_set(r->e, ERROR_FORMAT, "the probe's answer: %s is %s; it must be an object", r->where,
				    json_type_words(value));
	return value;
}

/* ---- devices and models ---- */

static void read_device(struct now_reader *r, const json_t *json, struct live_now_device *device)
{
	name(r, json, "name", device->name, sizeof(device->name));
	device->total_bytes = size(r, json, "total_bytes");
	device->free_bytes = size(r, json, "free_bytes");
	device->weights_bytes = size(r, json, "weights_bytes");
	device->other_bytes = size(r, json, "other_bytes");
	device->cache_bytes = size(r, json, "cache_bytes");
	device->unattributed_bytes = size(r, json, "unattributed_bytes");
}

/* The index of a device among a model's places, which it joins; LIVE_NOW_PLACES_MAX when they are full. */
static size_t place_of(struct live_now_model *model, const char *device)
{
	struct live_now_place *place = &model->places[model->place_count];

	for (size_t i = 0; i < model->place_count; i++) {
		if (strcmp(model->places[i].device, device) == 0)
			return i;
	}
	if (model->place_count == LIVE_NOW_PLACES_MAX)
		return LIVE_NOW_PLACES_MAX;
	put_text(place->device, sizeof(place->device), device);
	place->size_bytes = UNKNOWN_U64;
	return model->place_count++;
}

static void read_places(struct now_reader *r, const json_t *json, struct live_now_model *model)
{
	json_t *bytes = json_object_get(json, "bytes");
	const char *device;
	json_t *value;

	model->bytes_are_known = json_is_object(bytes);
	if (r->fine && bytes && !json_is_object(bytes) && !json_is_null(bytes))
		fail(r, bytes, "bytes", "an object of sizes by device");
	json_object_foreach(bytes, device, value)
	{
		char shown[LIVE_NOW_WORD_MAX];
		size_t place;

		put_text(shown, sizeof(shown), device);
		place = place_of(model, shown);
		if (r->fine && (!json_is_integer(value) || json_integer_value(value) < 0))
			fail(r, value, "bytes", "sizes of at least 0");
		if (r->fine && place < LIVE_NOW_PLACES_MAX)
			model->places[place].size_bytes = (uint64_t)json_integer_value(value);
	}
}

static void read_runs(struct now_reader *r, const json_t *json, struct live_now_model *model)
{
	const json_t *runs;
	size_t count = list(r, json, "blocks", &runs, LIVE_NOW_RUNS_MAX);

	for (size_t i = 0; i < count && r->fine; i++) {
		const json_t *run = json_array_get(runs, i);
		const char *device = json_string_value(json_array_get(run, 0));
		const json_t *blocks = json_array_get(run, 1);
		char shown[LIVE_NOW_WORD_MAX];
		size_t place;

		if (!device || !json_is_integer(blocks) || json_integer_value(blocks) < 1 ||
		    json_integer_value(blocks) > INT32_MAX) {
			fail(r, run, "blocks", "pairs of device and number of blocks");
			return;
		}
		put_text(shown, sizeof(shown), device);
		place = place_of(model, shown);
		if (place == LIVE_NOW_PLACES_MAX)
			return;
		model->runs[model->run_count].place = (uint8_t)place;
		model->runs[model->run_count++].block_count = (uint32_t)json_integer_value(blocks);
	}
}

static void read_holders(struct now_reader *r, const json_t *json, struct live_now_model *model)
{
	const json_t *holders;
	size_t count = list(r, json, "holders", &holders, LIVE_NOW_HOLDERS_MAX);

	for (size_t i = 0; i < count && r->fine; i++) {
		const json_t *holder = json_array_get(holders, i);
		struct live_now_holder *to = &model->holders[model->holder_count++];

		name(r, holder, "label", to->label, sizeof(to->label));
		text(r, holder, "kind", to->kind, sizeof(to->kind));
		to->strong = boolean(r, holder, "strong");
	}
	if (r->fine)
		model->holders_left_out = json_array_size(holders) - count;
}

static void read_model(struct now_reader *r, const json_t *json, struct live_now_model *model)
{
	const json_t *listed = json_object_get(json, "listed");

	model->number = number(r, json, "model");
	name(r, json, "name", model->name, sizeof(model->name));
	text(r, json, "kind", model->kind, sizeof(model->kind));
	model->keep = keep(r, json);
	name(r, json, "state", model->state, sizeof(model->state));
	text(r, json, "device", model->device, sizeof(model->device));
	model->listed = -1;
	if (r->fine && (!json_is_integer(listed) || json_integer_value(listed) < -1 || json_integer_value(listed) > INT32_MAX))
		fail(r, listed, "listed", "a place in the list, or -1");
	else if (r->fine)
		model->listed = (int32_t)json_integer_value(listed);
	read_places(r, json, model);
	read_runs(r, json, model);
	read_holders(r, json, model);
}

static void read_left(struct now_reader *r, const json_t *json, struct live_now_left *left)
{
	left->model = number(r, json, "model");
	name(r, json, "name", left->name, sizeof(left->name));
	text(r, json, "kind", left->kind, sizeof(left->kind));
	left->keep = keep(r, json);
	name(r, json, "reason", left->reason, sizeof(left->reason));
	text(r, json, "action", left->action, sizeof(left->action));
	left->time_ns = number(r, json, "time_ns");
}

/* ---- calls ---- */

static void read_change(struct now_reader *r, const json_t *json, struct live_now_change *change)
{
	static const char *const words[] = { "came", "left", "died", "moved" };
	char what[LIVE_NOW_WORD_MAX];
	size_t i = 0;

	name(r, json, "name", change->name, sizeof(change->name));
	text(r, json, "what", what, sizeof(what));
	text(r, json, "reason", change->reason, sizeof(change->reason));
	change->before_bytes = size(r, json, "before_bytes");
	change->after_bytes = size(r, json, "after_bytes");
	while (i < ARRAY_SIZE(words) && strcmp(what, words[i]) != 0)
		i++;
	if (i < ARRAY_SIZE(words))
		change->what = (enum live_now_what)i;
	else if (r->fine)
		fail(r, json_object_get(json, "what"), "changes.what", "came, left, died or moved");
}

static void read_call(struct now_reader *r, const json_t *json, struct live_now_call *call)
{
	const json_t *changes;

	text(r, json, "action", call->action, sizeof(call->action));
	text(r, json, "inside", call->inside, sizeof(call->inside));
	text(r, json, "exception", call->exception, sizeof(call->exception));
	call->began_ns = number(r, json, "began_ns");
	call->duration_ns = size(r, json, "duration_ns");
	call->count = size(r, json, "count");
	if (call->count == UNKNOWN_U64)
		call->count = 1;
	call->changes =
		list_new(r, json, "changes", &changes, LIVE_NOW_CHANGES_MAX, &call->change_count, sizeof(*call->changes));
	for (size_t i = 0; i < call->change_count && r->fine; i++)
		read_change(r, json_array_get(changes, i), &call->changes[i]);
}

static struct live_now_call *read_calls(struct now_reader *r, const json_t *answer, const char *key, size_t *count)
{
	const json_t *items;
	struct live_now_call *calls = list_new(r, answer, key, &items, LIVE_NOW_CALLS_MAX, count, sizeof(*calls));

	for (size_t i = 0; i < *count; i++)
		read_call(r, item(r, items, i, key), &calls[i]);
	r->where[0] = '\0';
	return calls;
}

/* ---- the rest ---- */

/* Parts of a text that is cut where its room ends. */
static void add_word(char *to, size_t room, const char *word)
{
	size_t length = strlen(to);

	put_text(to + length, room - length, length ? ", " : "");
	length = strlen(to);
	put_text(to + length, room - length, word);
}

static void read_queue(struct now_reader *r, const json_t *answer, struct live_now *now)
{
	const json_t *queue = json_object_get(answer, "queue");
	const json_t *flags;
	size_t count;

	if (r->fine && !json_is_object(queue))
		fail(r, queue, "queue", "an object");
	snprintf(r->where, sizeof(r->where), "queue");
	now->prompts_running = number(r, queue, "running");
	now->prompts_pending = number(r, queue, "pending");
	text(r, queue, "node", now->node, sizeof(now->node));
	text(r, queue, "class", now->node_class, sizeof(now->node_class));
	count = list(r, queue, "flags", &flags, 8);
	for (size_t i = 0; i < count; i++) {
		const char *flag = json_string_value(json_array_get(flags, i));

		if (flag)
			add_word(now->flags, sizeof(now->flags), flag);
		else
			fail(r, json_array_get(flags, i), "flags", "strings");
	}
	r->where[0] = '\0';
}

static void read_head(struct now_reader *r, const json_t *answer, struct live_now *now)
{
	const json_t *multigpu = json_object_get(answer, "multigpu");

	text(r, answer, "probe", now->probe, sizeof(now->probe));
	name(r, answer, "session", now->session, sizeof(now->session));
	text(r, answer, "comfyui", now->comfyui, sizeof(now->comfyui));
	text(r, answer, "cache", now->cache, sizeof(now->cache));
	text(r, multigpu, "version", now->multigpu_version, sizeof(now->multigpu_version));
	text(r, multigpu, "generation", now->multigpu_policy, sizeof(now->multigpu_policy));
	now->is_on = boolean(r, answer, "on");
	now->failures = number(r, answer, "failures");
	now->time_ns = number(r, answer, "time_ns");
	now->looked_ns = number(r, answer, "looked_ns");
	now->stale_entries = size(r, answer, "stale");
	if (now->stale_entries == UNKNOWN_U64)
		now->stale_entries = 0;
}

static void read_lists(struct now_reader *r, const json_t *answer, struct live_now *now)
{
	const json_t *items;

	now->devices = list_new(r, answer, "devices", &items, LIVE_NOW_DEVICES_MAX, &now->device_count, sizeof(*now->devices));
	for (size_t i = 0; i < now->device_count; i++)
		read_device(r, item(r, items, i, "devices"), &now->devices[i]);
	r->where[0] = '\0';
	now->models = list_new(r, answer, "models", &items, LIVE_NOW_MODELS_MAX, &now->model_count, sizeof(*now->models));
	now->models_left_out = json_array_size(items) - now->model_count;
	for (size_t i = 0; i < now->model_count; i++)
		read_model(r, item(r, items, i, "models"), &now->models[i]);
	r->where[0] = '\0';
	now->left = list_new(r, answer, "left", &items, LIVE_NOW_LEFT_MAX, &now->left_count, sizeof(*now->left));
	for (size_t i = 0; i < now->left_count; i++)
		read_left(r, item(r, items, i, "left"), &now->left[i]);
	r->where[0] = '\0';
	now->calls = read_calls(r, answer, "actions", &now->call_count);
	now->running = read_calls(r, answer, "running", &now->running_count);
}

struct live_now *live_now_parse(const json_t *answer, struct error *e)
{
	const json_t *layout = json_object_get(answer, "layout");
	struct now_reader r = { .e = e, .fine = true };
	struct live_now *now;

	if (!json_is_object(answer) || !json_is_integer(layout)) {
		error_set(e, ERROR_FORMAT, "the probe's answer is %s without a layout", json_type_words(answer));
		return NULL;
	}
	if (json_integer_value(layout) != LIVE_NOW_LAYOUT) {
		error_set(e, ERROR_UNSUPPORTED,
			  "the probe answers in layout %lld, this tool reads %d: the older of the two wants an update",
			  (long long)json_integer_value(layout), LIVE_NOW_LAYOUT);
		return NULL;
	}
	now = array_new(1, sizeof(*now), e);
	if (!now)
		return NULL;
	now->has_probe = true;
	read_head(&r, answer, now);
	read_lists(&r, answer, now);
	read_queue(&r, answer, now);
	if (r.fine)
		return now;
	live_now_free(now);
	return NULL;
}

/* ---- without a probe ---- */

static void set_unknown(struct live_now_device *device)
{
	device->weights_bytes = device->other_bytes = device->cache_bytes = device->unattributed_bytes = UNKNOWN_U64;
}

static void read_server_device(struct now_reader *r, const json_t *json, struct live_now *now)
{
	struct live_now_device *device = &now->devices[now->device_count];
	char type[LIVE_NOW_WORD_MAX - 8];
	uint64_t index = size(r, json, "index");

	name(r, json, "type", type, sizeof(type));
	if (!r->fine || strcmp(type, "cpu") == 0)
		return;
	if (index < 1000)
		snprintf(device->name, sizeof(device->name), "%s:%u", type, (unsigned)index);
	else
		snprintf(device->name, sizeof(device->name), "%s", type);
	device->total_bytes = size(r, json, "vram_total");
	device->free_bytes = size(r, json, "vram_free");
	set_unknown(device);
	now->device_count++;
}

static void read_stats(struct now_reader *r, const json_t *stats, struct live_now *now)
{
	const json_t *system = json_object_get(stats, "system");
	const json_t *devices;
	size_t count = list(r, stats, "devices", &devices, LIVE_NOW_DEVICES_MAX - 1);

	now->devices = array_new(count + 1, sizeof(*now->devices), r->e);
	if (!now->devices) {
		r->fine = false;
		return;
	}
	text(r, system, "comfyui_version", now->comfyui, sizeof(now->comfyui));
	put_text(now->devices[0].name, sizeof(now->devices[0].name), "cpu");
	now->devices[0].total_bytes = size(r, system, "ram_total");
	now->devices[0].free_bytes = size(r, system, "ram_free");
	set_unknown(&now->devices[0]);
	now->device_count = 1;
	for (size_t i = 0; i < count && r->fine; i++)
		read_server_device(r, item(r, devices, i, "devices"), now);
	r->where[0] = '\0';
}

struct live_now *live_now_from_server(const json_t *stats, const json_t *queue, struct error *e)
{
	struct now_reader r = { .e = e, .fine = true };
	struct live_now *now;
	const json_t *items;

	if (!json_is_object(stats) || !json_is_object(queue)) {
		error_set(e, ERROR_FORMAT,
			  "the server's answers to /system_stats and /queue are %s and %s; they must be objects",
			  json_type_words(stats), json_type_words(queue));
		return NULL;
	}
	now = array_new(1, sizeof(*now), e);
	if (!now)
		return NULL;
	read_stats(&r, stats, now);
	now->prompts_running = list(&r, queue, "queue_running", &items, SIZE_MAX);
	now->prompts_pending = list(&r, queue, "queue_pending", &items, SIZE_MAX);
	if (r.fine)
		return now;
	live_now_free(now);
	return NULL;
}

static void free_calls(struct live_now_call *calls, size_t count)
{
	for (size_t i = 0; calls && i < count; i++)
		free(calls[i].changes);
	free(calls);
}

void live_now_free(struct live_now *now)
{
	if (!now)
		return;
	free_calls(now->calls, now->call_count);
	free_calls(now->running, now->running_count);
	free(now->left);
	free(now->models);
	free(now->devices);
	free(now);
}
