/* live_records.c - a live server's lines, read into records.
 *
 * An answer is a head and numbered lines of JSON, one a record. What a line carries stands in the record's list of fields
 * (db/records/fields_*.h): read_field() reads one member by its wire form into the struct, so that a field added there is read here.
 * Two records change what later lines may say: a new object raises the count of objects, and a snapshot that of snapshots, and of
 * cycles with its stage. The first member that is wrong ends the line with its error, and nothing of it is put.
 */
#include "probes/live/live_records.h"

#include <jansson.h>
#include <string.h>

#include "core/base/json.h"
#include "db/records/layout.h"

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

struct record_line {
	const json_t *json;
	struct live_translation *to;
	struct error *e;
	bool fine;
	bool skipped; /* it is about a device that the topology does not have */
};

/* Members that are missing or wrong leave fine false. */
static int64_t number(struct record_line *line, const char *key, int64_t least, int64_t most)
{
	int64_t value = 0;

	if (!line->fine || !json_get_integer(line->json, key, "a record", &value, line->e))
		line->fine = false;
	else if (value < least || value > most)
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: %s is %lld", key, (long long)value);
	return line->fine ? value : least;
}

static bool boolean(struct record_line *line, const char *key)
{
	bool value = false;

	line->fine = line->fine && json_get_bool_or(line->json, key, "a record", false, &value, line->e);
	return value;
}

static const char *string(struct record_line *line, const char *key)
{
	const char *value = "";

	line->fine = line->fine && json_get_string(line->json, key, "a record", &value, line->e);
	return line->fine ? value : "";
}

static int32_t device(struct record_line *line, const char *key)
{
	const char *name = string(line, key);
	int found = topology_find(line->to->topology, name);

	if (found < 0 && strncmp(name, "cpu", 3) == 0)
		found = topology_find(line->to->topology, "cpu");
	return found;
}

static enum residency_state state(struct record_line *line, const char *key)
{
	const char *name = string(line, key);

	for (unsigned i = 0; i < STATE_COUNT; i++) {
		if (strcmp(record_residency_state_name((enum residency_state)i), name) == 0)
			return (enum residency_state)i;
	}
	if (line->fine)
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: there is no state \"%.40s\"", name);
	return STATE_DEAD;
}

static enum stage stage(struct record_line *line, const char *key)
{
	const char *name = string(line, key);
	enum stage value = 0;

	if (line->fine && !event_stage_from_name(name, &value))
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: there is no stage \"%.40s\"", name);
	return value;
}

static enum reason reason(struct record_line *line, const char *key)
{
	const char *name = string(line, key);
	enum reason value = 0;

	if (line->fine && !event_reason_from_name(name, &value))
		line->fine = error_set(line->e, ERROR_FORMAT, "a record: there is no reason \"%.40s\"", name);
	return value;
}

static enum keep_request keep(const struct record_line *line, const char *key)
{
	const json_t *value = json_object_get(line->json, key);

	return json_is_boolean(value) ? (json_is_true(value) ? KEEP_YES : KEEP_NO) : KEEP_NONE;
}

static uint32_t known_device(struct record_line *line, const char *key)
{
	int32_t index = device(line, key);

	line->skipped |= index < 0;
	return index < 0 ? 0 : (uint32_t)index;
}

/* Whole numbers, by the range that each may be in. */
static void read_number(struct record_line *line, const struct record_field *field, void *at)
{
	const struct live_translation *to = line->to;
	const char *key = field->name;

	switch (field->wire) {
	case WIRE_COUNT:
		*(uint32_t *)at = (uint32_t)number(line, key, 0, INT32_MAX);
		return;
	case WIRE_SIZE:
		*(uint64_t *)at = (uint64_t)number(line, key, 0, INT64_MAX);
		return;
	case WIRE_INDEX:
		*(int32_t *)at = (int32_t)number(line, key, -1, INT32_MAX);
		return;
	case WIRE_INDEX8:
		*(int8_t *)at = (int8_t)number(line, key, -1, 1);
		return;
	case WIRE_OBJECT:
		*(uint32_t *)at = (uint32_t)number(line, key, 1, to->object_count);
		return;
	case WIRE_NEW_OBJECT:
		*(uint32_t *)at = (uint32_t)number(line, key, 1, (int64_t)to->object_count + 1);
		return;
	case WIRE_SNAPSHOT:
		*(uint32_t *)at = (uint32_t)number(line, key, 1, to->snapshot_count);
		return;
	default: /* WIRE_NEW_SNAPSHOT */
		*(uint32_t *)at = (uint32_t)number(line, key, (int64_t)to->snapshot_count + 1, (int64_t)to->snapshot_count + 1);
	}
}

static void read_field(struct record_line *line, const struct record_field *field, void *at)
{
	switch (field->wire) {
	case WIRE_NONE:
	case WIRE_CYCLE:
		return; /* left 0 */
	case WIRE_CELL:
		*(uint32_t *)at = line->to->cell;
		return;
	case WIRE_LOAD_DEVICE:
		*(int32_t *)at = line->to->load_device;
		return;
	case WIRE_BOOL:
		*(bool *)at = boolean(line, field->name);
		return;
	case WIRE_TEXT:
		record_text(at, field->size_bytes, string(line, field->name));
		return;
	case WIRE_KEEP:
		*(enum keep_request *)at = keep(line, field->name);
		return;
	case WIRE_DEVICE:
		*(int32_t *)at = device(line, field->name);
		return;
	case WIRE_KNOWN_DEVICE:
		*(uint32_t *)at = known_device(line, field->name);
		return;
	case WIRE_STATE:
		*(enum residency_state *)at = state(line, field->name);
		return;
	case WIRE_STAGE:
		*(enum stage *)at = stage(line, field->name);
		return;
	case WIRE_REASON:
		*(enum reason *)at = reason(line, field->name);
		return;
	default:
		read_number(line, field, at);
	}
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

/* `name` is whole, unlike the record's. */
static void note_model(struct live_translation *to, struct record_model *record, const char *name)
{
	record->identity = record_identity(name, record->kind);
	if (to->keep)
		to->keep(to->context, name, &record->keep);
	if (record->model > to->object_count)
		to->object_count = record->model;
}

/* Any record that comes by wire. */
union wire_record {
#define MEMBER(type, name, table, has_cell, numbering, suffix) struct record_##name name;
	RECORDS(MEMBER)
#undef MEMBER
};

static void put_record(struct record_line *line, enum record_type type)
{
	const struct record_layout *layout = &record_layouts[type];
	union wire_record record;

	memset(&record, 0, sizeof(record));
	for (size_t i = 0; i < layout->field_count && line->fine; i++)
		read_field(line, &layout->fields[i], (char *)&record + layout->fields[i].offset);
	if (!line->fine || line->skipped)
		return;
	if (type == RECORD_MODEL)
		note_model(line->to, &record.model, string(line, "name"));
	if (type == RECORD_ALLOCATION)
		record.allocation.differs = strcmp(string(line, "own"), string(line, "used")) != 0;
	if (type == RECORD_SNAPSHOT)
		record.snapshot.cycle = count_stage(line->to, record.snapshot.stage);
	record_put(line->to->sink, type, &record, layout->size_bytes);
}

static enum record_type type_of(const char *name)
{
	unsigned type = 0;

	while (type < RECORD_TYPE_COUNT && !(record_layouts[type].on_wire && strcmp(record_layouts[type].name, name) == 0))
		type++;
	return (enum record_type)type;
}

static bool put_line(const char *text, size_t length, struct live_translation *to, struct error *e)
{
	json_t *json = json_parse(text, length, "a record", true, e);
	struct record_line line = { .json = json, .to = to, .e = e, .fine = json != NULL };
	const char *name = string(&line, "record");
	enum record_type type = type_of(name);

	if (line.fine && type == RECORD_TYPE_COUNT)
		line.fine = error_set(e, ERROR_FORMAT, "there is no record \"%.40s\"", name);
	if (line.fine)
		put_record(&line, type);
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
