#include "probes/live/live_records.h"

#include <jansson.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"

/* ---- lines ---- */

static size_t line_length(const char *text, size_t length)
{
	const char *end = memchr(text, '\n', length);

	return end ? (size_t)(end - text) : length;
}

static bool read_head(const char *text, size_t length, struct live_batch *batch, struct error *e)
{
	const char *where = "the probe's answer";
	json_t *head = json_parse(text, line_length(text, length), where, true, e);
	const char *session = NULL;
	int64_t first = 0;
	int64_t count = 0;
	int64_t dropped = 0;
	int64_t failures = 0;
	bool fine = head && json_get_string(head, "session", where, &session, e) &&
		    json_get_integer(head, "first", where, &first, e) && json_get_integer(head, "count", where, &count, e) &&
		    json_get_integer(head, "dropped", where, &dropped, e) &&
		    json_get_integer_or(head, "failures", where, 0, &failures, e) &&
		    json_get_bool_or(head, "idle", where, false, &batch->idle, e) &&
		    json_get_bool_or(head, "worker_alive", where, true, &batch->worker_alive, e) &&
		    json_get_bool_or(head, "held", where, false, &batch->held, e);

	if (fine && (first < 0 || count < 0 || dropped < 0 || failures < 0))
		fine = error_set(e, ERROR_FORMAT, "%s: a number in its head is below 0", where);
	if (fine) {
		record_text(batch->session, sizeof(batch->session), session);
		batch->first = (uint64_t)first;
		batch->count = (size_t)count;
		batch->dropped = (uint64_t)dropped;
		batch->failures = (uint64_t)failures;
	}
	json_decref(head);
	return fine;
}

bool live_batch_is_whole(const char *text, size_t length)
{
	struct live_batch batch;
	size_t lines = 0;

	if (length == 0 || text[length - 1] != '\n' || !read_head(text, length, &batch, NULL))
		return false;
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines == batch.count + 1;
}

/* ---- one record ---- */

struct line {
	const json_t *json;
	struct live_translation *to;
	struct error *e;
	bool fine;
};

/* Members that are missing or wrong leave fine false. */
static int64_t number(struct line *line, const char *key, int64_t least, int64_t most)
{
	int64_t value = 0;

	if (!line->fine || !json_get_integer(line->json, key, "a record", &value, line->e))
		line->fine = false;
	else if (value < least || value > most)
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: %s is %lld", key, (long long)value);
	return line->fine ? value : least;
}

static uint32_t small(struct line *line, const char *key)
{
	return (uint32_t)number(line, key, 0, INT32_MAX);
}

static uint64_t size(struct line *line, const char *key)
{
	return (uint64_t)number(line, key, 0, INT64_MAX);
}

static bool boolean(struct line *line, const char *key)
{
	bool value = false;

	line->fine = line->fine && json_get_bool_or(line->json, key, "a record", false, &value, line->e);
	return value;
}

static const char *string(struct line *line, const char *key)
{
	const char *value = "";

	line->fine = line->fine && json_get_string(line->json, key, "a record", &value, line->e);
	return line->fine ? value : "";
}

/* An object that was told of, or none: a judge takes no other. */
static uint32_t object(struct line *line)
{
	return (uint32_t)number(line, "model", 1, line->to->object_count);
}

/* A snapshot that was told of. */
static uint32_t snapshot(struct line *line)
{
	return (uint32_t)number(line, "snapshot", 1, line->to->snapshot_count);
}

static int32_t device(struct line *line, const char *key)
{
	const char *name = string(line, key);
	int found = topology_find(line->to->topology, name);

	if (found < 0 && strncmp(name, "cpu", 3) == 0)
		found = topology_find(line->to->topology, "cpu");
	return found;
}

static void put(struct line *line, enum record_type type, const void *record, size_t size_bytes)
{
	if (line->fine)
		record_put(line->to->sink, type, record, (uint32_t)size_bytes);
}

static void put_model(struct line *line)
{
	struct record_model record = { .cell = line->to->cell,
				       .model = (uint32_t)number(line, "model", 1, (int64_t)line->to->object_count + 1),
				       .generation = small(line, "generation"),
				       .inner = (uint32_t)number(line, "inner", 1, (int64_t)line->to->object_count + 1),
				       .size_bytes = size(line, "size_bytes"),
				       .block_count = small(line, "block_count") };
	const json_t *keep = json_object_get(line->json, "keep");

	record_text(record.name, sizeof(record.name), string(line, "name"));
	record_text(record.kind, sizeof(record.kind), string(line, "kind"));
	record.keep = json_is_boolean(keep) ? (json_is_true(keep) ? KEEP_YES : KEEP_NO) : KEEP_NONE;
	if (line->to->keep)
		line->to->keep(line->to->context, record.name, &record.keep);
	if (line->fine && record.model > line->to->object_count)
		line->to->object_count = record.model;
	put(line, RECORD_MODEL, &record, sizeof(record));
}

static void put_load(struct line *line)
{
	struct record_load record = { .cell = line->to->cell,
				      .model = object(line),
				      .after_snapshot = small(line, "after_snapshot"),
				      .from_disk = boolean(line, "from_disk"),
				      .time_ns = size(line, "time_ns") };

	put(line, RECORD_LOAD, &record, sizeof(record));
}

static void put_request(struct line *line)
{
	struct record_request record = { .cell = line->to->cell,
					 .after_snapshot = small(line, "after_snapshot"),
					 .unload_models = boolean(line, "unload_models"),
					 .free_memory = boolean(line, "free_memory") };

	put(line, RECORD_REQUEST, &record, sizeof(record));
}

/* A queued prompt begins a cycle of its own; what a direct soft_empty asks of the worker is one, too. Returns the stage's cycle. */
static uint32_t count_stage(struct live_translation *to, enum stage stage)
{
	uint32_t cycle;

	if (stage == STAGE_LOADED || stage == STAGE_NEXT_PROMPT)
		live_begin_action(to);
	cycle = to->cycle;
	to->snapshot_count++;
	to->staged = true;
	to->worker_died |= stage == STAGE_WORKER_DIED;
	if (stage == STAGE_AFTER_DIRECT_SOFT_EMPTY)
		live_begin_action(to);
	return cycle;
}

static void put_snapshot(struct line *line)
{
	struct record_snapshot record = { .cell = line->to->cell,
					  .snapshot = (uint32_t)number(line, "snapshot", line->to->snapshot_count + 1,
								       line->to->snapshot_count + 1),
					  .time_ns = size(line, "time_ns"),
					  .anchor_count = (int32_t)number(line, "anchor_count", -1, INT32_MAX),
					  .listed_count = small(line, "listed_count"),
					  .load_device = line->to->load_device,
					  .current_device = device(line, "current_device") };
	const char *stage = string(line, "stage");

	if (line->fine && !stage_from_name(stage, &record.stage))
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: there is no stage \"%.40s\"", stage);
	record_text(record.exception, sizeof(record.exception), string(line, "exception"));
	if (line->fine)
		record.cycle = count_stage(line->to, record.stage);
	put(line, RECORD_SNAPSHOT, &record, sizeof(record));
}

static enum residency_state state(struct line *line)
{
	const char *name = string(line, "state");

	for (unsigned i = 0; i < STATE_COUNT; i++) {
		if (strcmp(residency_state_name((enum residency_state)i), name) == 0)
			return (enum residency_state)i;
	}
	if (line->fine)
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: there is no state \"%.40s\"", name);
	return STATE_DEAD;
}

static void put_residency(struct line *line)
{
	struct record_residency record = { .cell = line->to->cell,
					   .snapshot = snapshot(line),
					   .model = object(line),
					   .state = state(line),
					   .listed = (int32_t)number(line, "listed", -1, INT32_MAX),
					   .patcher_alive = boolean(line, "patcher_alive"),
					   .model_alive = boolean(line, "model_alive"),
					   .anchored = (int8_t)number(line, "anchored", -1, 1),
					   .device = device(line, "device"),
					   .foreign_patches = boolean(line, "foreign_patches"),
					   .bytes_on_compute = size(line, "bytes_on_compute"),
					   .bytes_elsewhere = size(line, "bytes_elsewhere") };

	put(line, RECORD_RESIDENCY, &record, sizeof(record));
}

static void put_holder(struct line *line)
{
	struct record_holder record = {
		.cell = line->to->cell, .snapshot = snapshot(line), .model = object(line), .strong = boolean(line, "strong")
	};

	record_text(record.label, sizeof(record.label), string(line, "label"));
	record_text(record.kind, sizeof(record.kind), string(line, "kind"));
	put(line, RECORD_HOLDER, &record, sizeof(record));
}

static void put_departure(struct line *line)
{
	struct record_departure record = { .cell = line->to->cell,
					   .model = object(line),
					   .after_snapshot = small(line, "after_snapshot"),
					   .time_ns = size(line, "time_ns") };
	const char *reason = string(line, "reason");

	if (line->fine && !reason_from_name(reason, &record.reason))
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: there is no reason \"%.40s\"", reason);
	put(line, RECORD_DEPARTURE, &record, sizeof(record));
}

static void put_placement(struct line *line)
{
	struct record_placement record = { .cell = line->to->cell,
					   .snapshot = snapshot(line),
					   .model = object(line),
					   .first = small(line, "first"),
					   .count = small(line, "count") };
	int32_t on = device(line, "device");

	if (on < 0)
		return; /* a device that is in no list: its blocks are nowhere that we know */
	record.device = (uint32_t)on;
	put(line, RECORD_PLACEMENT, &record, sizeof(record));
}

static void put_planned(struct line *line)
{
	struct record_planned record = { .cell = line->to->cell,
					 .snapshot = snapshot(line),
					 .model = object(line),
					 .first = small(line, "first"),
					 .count = small(line, "count") };
	int32_t on = device(line, "device");

	if (on < 0)
		return; /* no device that this machine has */
	record.device = (uint32_t)on;
	put(line, RECORD_PLANNED, &record, sizeof(record));
}

static void put_block(struct line *line)
{
	struct record_block record = { .cell = line->to->cell,
				       .model = object(line),
				       .first = small(line, "first"),
				       .count = small(line, "count"),
				       .size_bytes = size(line, "size_bytes") };

	put(line, RECORD_BLOCK, &record, sizeof(record));
}

static void put_allocation(struct line *line)
{
	struct record_allocation record = { .cell = line->to->cell, .snapshot = snapshot(line), .model = object(line) };

	record_text(record.own, sizeof(record.own), string(line, "own"));
	record_text(record.used, sizeof(record.used), string(line, "used"));
	put(line, RECORD_ALLOCATION, &record, sizeof(record));
}

static void put_path(struct line *line)
{
	struct record_path record = {
		.cell = line->to->cell, .snapshot = snapshot(line), .model = object(line), .length = small(line, "length")
	};

	record_text(record.path, sizeof(record.path), string(line, "path"));
	put(line, RECORD_PATH, &record, sizeof(record));
}

static void put_memory(struct line *line)
{
	struct record_memory record = { .cell = line->to->cell,
					.snapshot = snapshot(line),
					.size_bytes = size(line, "size_bytes") };
	int32_t of = device(line, "device");

	record_text(record.line, sizeof(record.line), string(line, "line"));
	if (of < 0)
		return;
	record.device = (uint32_t)of;
	put(line, RECORD_MEMORY, &record, sizeof(record));
}

static const struct {
	const char *name;
	void (*put)(struct line *line);
} records[] = {
	{ "model", put_model },		  { "load", put_load },
	{ "request", put_request },	  { "snapshot", put_snapshot },
	{ "residency", put_residency },	  { "holder", put_holder },
	{ "departure", put_departure },	  { "placement", put_placement },
	{ "planned", put_planned },	  { "block", put_block },
	{ "allocation", put_allocation }, { "path", put_path },
	{ "memory", put_memory },
};

static bool put_line(const char *text, size_t length, struct live_translation *to, struct error *e)
{
	json_t *json = json_parse(text, length, "a record", true, e);
	struct line line = { .json = json, .to = to, .e = e, .fine = json != NULL };
	const char *name = string(&line, "record");
	size_t i = 0;

	while (line.fine && i < ARRAY_SIZE(records) && strcmp(records[i].name, name) != 0)
		i++;
	if (line.fine && i == ARRAY_SIZE(records))
		line.fine = error_set(e, ERROR_FORMAT, "there is no record \"%.40s\"", name);
	if (line.fine)
		records[i].put(&line);
	json_decref(json);
	return line.fine;
}

bool live_batch_read(const char *text, size_t length, uint64_t next, struct live_translation *translation,
		     struct live_batch *batch, struct error *e)
{
	size_t at;
	uint64_t line_number;

	if (!read_head(text, length, batch, e))
		return false;
	at = line_length(text, length) + 1;
	line_number = batch->first;
	while (at < length) {
		size_t this_length = line_length(text + at, length - at);

		if (line_number >= next && !put_line(text + at, this_length, translation, e))
			return error_context(e, "the probe's line %llu", (unsigned long long)line_number);
		line_number++;
		at += this_length + 1;
	}
	return true;
}
