/* log_import.c - from lines of a log to what they say, one kind of line at a time.
 *
 * Bytes are gathered to lines, a line is a record of a JSONL or text, and its kind (log_kind.h) names the function that reads it.
 * A list of models is complete when as many rows have come as its title promised; only then it says who has left. What a line says
 * is kept in struct log_import (log_state.h); cells, stages and records are log_cell.c's. Past lines are not kept, so that memory
 * does not grow with the log.
 */
#include "probes/log/log_import.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/keep_flag.h"
#include "core/base/units.h"
#include "probes/log/log_kind.h"
#include "probes/log/log_line.h"
#include "probes/log/log_state.h"

struct log_import *log_import_new(const struct record_sink *sink, struct error *e)
{
	struct log_import *import = array_new(1, sizeof(*import), e);

	if (!import)
		return NULL;
	import->sink = *sink;
	import->text = array_new(LOG_LINE_MAX + 1, 1, e);
	import->judge = import->text ? judge_new(e) : NULL;
	if (!import->judge) {
		log_import_free(import);
		return NULL;
	}
	import->tee = (struct record_tee) { .first = judge_sink(import->judge), .second = *sink };
	import->out = record_tee_sink(&import->tee);
	return import;
}

void log_import_free(struct log_import *import)
{
	if (!import)
		return;
	judge_free(import->judge);
	free(import->text);
	free(import);
}

void log_complain(struct log_import *import, const char *what, const char *text)
{
	struct log_complaint *complaint = &import->summary.complaints[import->summary.complaint_count];

	import->summary.malformed_lines++;
	if (import->summary.complaint_count == LOG_COMPLAINTS_MAX)
		return;
	import->summary.complaint_count++;
	memcpy(complaint->file, import->file, sizeof(complaint->file));
	complaint->line = import->line;
	record_text(complaint->what, sizeof(complaint->what), what);
	record_text(complaint->text, sizeof(complaint->text), text);
}

/* The value behind a key in "0: Flux, keep_loaded=False, hash=d78780cf"; cut at the comma. false if the key is not there. */
static bool read_pair(const char *text, const char *key, char *value, size_t value_size_bytes)
{
	const char *found = strstr(text, key);
	size_t length;

	value[0] = '\0';
	if (!found)
		return false;
	found += strlen(key);
	length = strcspn(found, ", ");
	if (length >= value_size_bytes)
		length = value_size_bytes - 1;
	memcpy(value, found, length);
	value[length] = '\0';
	return true;
}

/* ---- lists of models ---- */

static void begin_list(struct log_import *import, struct log_list *list, const char *text)
{
	double count;

	list->open = false;
	list->count = 0;
	text += strspn(text, " ");
	if (!isdigit((unsigned char)*text)) {
		log_complain(import, "a list of models without their number", text);
		return;
	}
	count = strtod(text, NULL);
	if (!(count <= LOG_MODELS_MAX)) {
		import->over_limit = true;
		return;
	}
	list->wanted = (size_t)count;
	list->open = list->wanted > 0;
	if (!list->open)
		log_cell_listed(import, list);
}

/* A flag that says "keep" is the loader's own, and what an unload has shown to be kept outweighs a false. One that says "unload"
 * holds for the next unload. */
static void take_keep_flag(struct log_model *model, const struct keep_flag *flag, bool value)
{
	enum keep_request asked = keep_flag_asks(flag, value);

	if (flag->true_keeps) {
		model->is_flagged = true;
		if (asked == KEEP_YES || !model->kept)
			model->keep = asked;
		return;
	}
	model->ejects = asked == KEEP_NO;
	if (model->ejects)
		model->keep = KEEP_NO;
}

static void read_flags(struct log_model *model, const char *text)
{
	char value[8];

	if (read_pair(text, "in_store=", value, sizeof(value)) && strcmp(value, "True") == 0)
		model->is_distributed = true;
	for (const struct keep_flag *flag = keep_log_keys; flag->name; flag++) {
		char key[64];

		snprintf(key, sizeof(key), "%s=", flag->name);
		if (!read_pair(text, key, value, sizeof(value)))
			continue;
		take_keep_flag(model, flag, strcmp(value, "True") == 0);
		return;
	}
}

static void take_list_row(struct log_import *import, const char *text)
{
	struct log_list *list = &import->list;
	char class_name[RECORD_NAME_MAX];
	char number[RECORD_NAME_MAX];
	struct log_model *model;
	char hash[17];

	snprintf(number, sizeof(number), "%.10s", text);
	number[strspn(number, "0123456789")] = '\0';
	if (!number[0] || text[strlen(number)] != ':' || !read_pair(text, ": ", class_name, sizeof(class_name)) ||
	    !class_name[0]) {
		log_complain(import, "a row of a list of models without number or class", text);
		list->open = false;
		return;
	}
	if (!list->open)
		return;
	if (strtoul(number, NULL, 10) != list->count) { /* a row is missing: the list says nothing of who left */
		list->open = false;
		log_complain(import, "a row of a list of models out of its order", text);
		return;
	}
	read_pair(text, "hash=", hash, sizeof(hash));
	model = log_cell_model(import, class_name, hash, list);
	if (!model || list->count == LOG_MODELS_MAX) {
		list->open = false;
		return;
	}
	list->models[list->count++] = (uint32_t)(model - import->models);
	read_flags(model, text);
	if (list->count == list->wanted) {
		list->open = false;
		log_cell_listed(import, list);
	}
}

/* It survives an unload by a flag. A stock loader's model does so because it has none; no user asked for it. */
static void mark_kept(struct log_model *model)
{
	if (!model->is_flagged && !model->is_distributed)
		return;
	model->keep = KEEP_YES;
	model->kept = true;
}

/* Names the class only: the first such in the list that is not flagged to go. */
static void take_kept(struct log_import *import, const char *class_name)
{
	struct log_list *list = &import->list;

	for (size_t i = 0; i < list->count; i++) {
		struct log_model *model = &import->models[list->models[i]];
		bool taken = false;

		for (size_t k = 0; k < import->kept.count; k++)
			taken |= import->kept.models[k] == list->models[i];
		if (taken || model->ejects || strcmp(model->class_name, class_name) != 0)
			continue;
		mark_kept(model);
		import->kept.models[import->kept.count++] = list->models[i];
		return;
	}
}

static void take_unload_end(struct log_import *import, const char *text)
{
	size_t count = strtoul(text, NULL, 10);

	log_cell_stage_later(import, STAGE_AFTER_UNLOAD);
	if (isdigit((unsigned char)text[0]) && count == import->kept.count)
		log_cell_listed(import, &import->kept);
}

/* All are flagged to stay, and the original function, which knows no flags, is called. */
static void take_delegated(struct log_import *import)
{
	for (size_t i = 0; i < import->list.count; i++) {
		struct log_model *model = &import->models[import->list.models[i]];

		if (!model->ejects)
			mark_kept(model);
	}
	log_cell_stage_later(import, STAGE_AFTER_UNLOAD);
	import->core_empties = import->list.count > 0;
	import->cause = REASON_UNLOADED_BY_CORE;
}

/* ---- memory ---- */

/* What the tag of a memory point says of stages and loads. */
static void take_tag(struct log_import *import, const char *tag)
{
	const char *colon = strchr(tag, ':');

	if (strstr(tag, "_pre-load") && strncmp(tag, "patched", 7) != 0 && colon) {
		log_cell_prompt(import);
		snprintf(import->loading, sizeof(import->loading), "%.*s", (int)strcspn(colon + 1, "_ "), colon + 1);
	} else if (strstr(tag, "_post-load") && import->loading[0]) {
		struct log_model *model = log_cell_loading(import);

		if (model)
			log_cell_loaded(import, model);
		import->loading[0] = import->requested[0] = '\0';
	} else if (strncmp(tag, "patched_load_models_gpu_post-original-call", 42) == 0) {
		log_cell_prompt(import);
		log_cell_stage(import, STAGE_AFTER_FREE_MEMORY);
	} else if (strncmp(tag, "patched_load_models_gpu", 23) == 0) {
		log_cell_prompt(import);
	} else if (strncmp(tag, "patched_soft_empty_start", 24) == 0) {
		if (import->mode == MODE_BETWEEN && !import->core_empties)
			log_cell_stage_later(import, STAGE_AFTER_GC); /* the worker collects garbage just before */
	} else if (strncmp(tag, "patched_soft_empty_end", 22) == 0) {
		bool by_worker = import->mode == MODE_BETWEEN && !import->core_empties;

		log_cell_stage(import, by_worker ? STAGE_AFTER_EMPTY_CACHE : STAGE_AFTER_DIRECT_SOFT_EMPTY);
		import->core_empties = false;
	} else if (strncmp(tag, "executor_reset_post-trigger", 27) == 0 && import->mode == MODE_BETWEEN) {
		log_cell_stage(import, STAGE_AFTER_RESET);
	}
}

/* "cpu|45.38 cuda:0|19.83 cuda:1|19.08"; with "=" and "/" as a probe writes it. GiB. */
static bool read_memory(struct log_import *import, const char *text, const char *between, const char *separators)
{
	uint64_t sizes[LOG_DEVICES_MAX];
	uint32_t seen = 0;

	while (*text) {
		size_t length = strcspn(text, between);
		int32_t device = text[length] ? log_device_index(import, text, length) : -1;
		char *end;
		double used;

		if (device < 0 || !isdigit((unsigned char)text[length + 1]))
			return false;
		used = strtod(text + length + 1, &end);
		if (!(used < 1e9))
			return false;
		sizes[device] = (uint64_t)(used * (double)GIB);
		seen |= UINT32_C(1) << device;
		text = end + strcspn(end, separators);
		text += strspn(text, separators);
	}
	for (size_t i = 0; i < LOG_DEVICES_MAX; i++) {
		if (seen & UINT32_C(1) << i)
			import->memory_bytes[i] = sizes[i];
	}
	return seen != 0;
}

static void take_memory_point(struct log_import *import, const char *text)
{
	const char *tag;
	const char *memory = NULL;
	int64_t wall_ns;

	tag = log_line_time(text, &wall_ns);
	for (const char *at = tag; at && (at = strstr(at, " cpu|")); at++)
		memory = at;
	if (!tag || !memory) {
		log_complain(import, tag ? "a memory point without memory" : "a memory point without a time", text);
		return;
	}
	if (import->in_summary && wall_ns <= import->wall_ns) { /* a summary prints points again */
		import->summary.repeated_points++;
		return;
	}
	if (!read_memory(import, memory + 1, "|", " ")) {
		log_complain(import, "a memory point whose numbers cannot be read", text);
		return;
	}
	import->summary.memory_points++;
	log_cell_time(import, wall_ns);
	take_tag(import, tag + strspn(tag, " "));
}

/* "tag=pre-model-load:demo|cpu=1.74/23.54|cuda:0=4.06/23.56": used and total. */
static void take_memory_probe(struct log_import *import, const char *text)
{
	const char *memory = strstr(text, "|cpu=");

	if (!memory || !read_memory(import, memory + 1, "=", "|")) {
		log_complain(import, "a memory probe whose numbers cannot be read", text);
		return;
	}
	import->summary.memory_points++;
}

/* ---- steps, prompts, exceptions ---- */

static void put_steps(struct log_import *import, uint32_t done, uint64_t elapsed_ns)
{
	uint64_t from_ns = import->bar_ns;
	uint32_t count = done - import->bar_done;
	uint64_t share_ns;

	if (elapsed_ns < from_ns)
		elapsed_ns = from_ns;
	share_ns = count ? (elapsed_ns - from_ns) / count : 0;
	for (uint32_t i = 0; i < count && import->steps < LOG_STEPS_MAX; i++, import->steps++, import->summary.steps++) {
		struct record_step step = { .cell = import->result.cell,
					    .node = import->bar,
					    .step = import->bar_done + i,
					    .pass_count = 1,
					    .moved_bytes = UNKNOWN_U64 };

		step.start_ns = import->bar_start_ns + from_ns + share_ns * i;
		step.end_ns = step.start_ns + share_ns;
		record_put(&import->out, RECORD_STEP, &step, sizeof(step));
	}
	import->bar_done = done;
	import->bar_ns = elapsed_ns;
}

/* "15%|#5        | 3/20 [00:02<00:11,  1.5it/s]": three done, in two seconds. Whole seconds, so steps share what passed. */
static void take_progress(struct log_import *import, const char *text)
{
	const char *bracket = strrchr(text, '[');
	const char *count = strrchr(text, '|');
	unsigned done;
	unsigned total;
	unsigned part[3] = { 0, 0, 0 };
	int parts;
	uint64_t elapsed_ns;

	if (!bracket || !count || sscanf(count + 1, "%6u/%6u", &done, &total) != 2 || done > total ||
	    (parts = sscanf(bracket + 1, "%5u:%5u:%5u", &part[0], &part[1], &part[2])) < 2) {
		log_complain(import, "a progress bar without steps and time", text);
		return;
	}
	elapsed_ns =
		(parts == 3 ? part[0] * UINT64_C(3600) + part[1] * UINT64_C(60) + part[2] : part[0] * UINT64_C(60) + part[1]) *
		NS_PER_S;
	log_cell_prompt(import);
	if (total != import->bar_total || done < import->bar_done) {
		import->bar++;
		import->bar_total = total;
		import->bar_done = 0;
		import->bar_ns = 0;
		import->bar_start_ns = import->now_ns;
	}
	put_steps(import, done, elapsed_ns);
	if (done == total) {
		log_cell_pass(import, import->bar_start_ns + elapsed_ns);
		import->bar_total = 0;
	}
}

/* Of older versions "loaded completely 179.03 159.55 True", of newer ones "loaded completely; 179.03 MB usable, 159.55 MB loaded,
 * full load: True": the second number is what was loaded. With a hash the point after the load says it again. */
static void take_loaded(struct log_import *import, const char *text)
{
	struct log_model *model;
	double sizes[2];

	log_cell_prompt(import);
	if (!import->requested[0] || import->loading[0] || !(model = log_cell_loading(import)))
		return;
	for (unsigned i = 0; i < 2; i++) {
		text += strcspn(text, "0123456789");
		sizes[i] = strtod(text, NULL);
		text += strspn(text, "0123456789.e+");
	}
	if (sizes[1] > 0 && sizes[1] < 1e9 && model->row_count == 0)
		model->size_bytes = (uint64_t)(sizes[1] * (double)MIB);
	log_cell_loaded(import, model);
	import->requested[0] = '\0';
}

static void take_prompt_end(struct log_import *import, const char *text)
{
	double seconds = strtod(text, NULL);
	unsigned part[3];

	if (sscanf(text, "%4u:%2u:%2u", &part[0], &part[1], &part[2]) == 3)
		seconds = part[0] * 3600.0 + part[1] * 60.0 + part[2];
	if (!isdigit((unsigned char)text[0]) || !(seconds < 1e7)) {
		log_complain(import, "a prompt's end without its time", text);
		return;
	}
	import->summary.prompt_seconds += seconds;
	if (!import->first_wall_ns) /* no clock in this log: prompts are all the time that passes */
		log_cell_pass(import, import->now_ns + (uint64_t)(seconds * 1e9));
	log_cell_prompt_ends(import);
}

static void take_exception(struct log_import *import, const char *text)
{
	import->summary.exceptions++;
	if (!import->exception[0])
		record_text(import->exception, sizeof(import->exception), text);
}

/* Frames are indented; the first line that is not says what was thrown. */
static bool take_traceback_line(struct log_import *import, const char *text)
{
	if (text[0] == ' ' || text[0] == '\0')
		return true;
	import->in_traceback = false;
	take_exception(import, text);
	return true;
}

/* ---- lines ---- */

static void take_allocation(struct log_import *import, const char *text)
{
	record_text(import->allocation, sizeof(import->allocation), text + strspn(text, " "));
}

static void take_server_start(struct log_import *import, struct error *e)
{
	if (import->result.snapshots == 0 && import->model_count == 0 && import->mode == MODE_IDLE)
		return;
	if (import->summary.cell_count + 1 < LOG_CELLS_MAX && log_cell_close(import, e))
		log_cell_open(import);
}

static void take_known(struct log_import *import, enum log_kind kind, const char *rest, const char *text, struct error *e)
{
	switch (kind) {
	case LOG_SERVER_STARTS:
		take_server_start(import, e);
		break;
	case LOG_PROMPT_ENDS:
		take_prompt_end(import, rest);
		break;
	case LOG_REQUESTED:
		log_cell_prompt(import);
		record_text(import->requested, sizeof(import->requested), rest);
		break;
	case LOG_LOADED:
		take_loaded(import, rest);
		break;
	case LOG_LOADED_PARTLY:
		take_loaded(import, "");
		break;
	case LOG_PROGRESS:
		take_progress(import, rest);
		break;
	case LOG_EXCEPTION:
		log_cell_prompt(import);
		break;
	case LOG_TRACEBACK:
		import->in_traceback = true;
		break;
	case LOG_MEMORY_POINT:
		take_memory_point(import, rest);
		break;
	case LOG_MEMORY_PROBE:
		take_memory_probe(import, rest);
		break;
	case LOG_LIST_BEGINS:
		begin_list(import, &import->list, rest);
		break;
	case LOG_LIST_ROW:
		take_list_row(import, rest);
		break;
	case LOG_UNLOAD_BEGINS:
		log_cell_unload_begins(import);
		begin_list(import, &import->list, rest);
		break;
	case LOG_KEEPS:
		take_kept(import, rest);
		break;
	case LOG_UNLOAD_DELEGATED:
		take_delegated(import);
		break;
	case LOG_UNLOAD_ENDS:
		take_unload_end(import, rest);
		break;
	case LOG_TABLE:
		log_table_begin(import, rest, text);
		break;
	case LOG_TABLE_HEADER:
		log_table_header(import, text);
		break;
	case LOG_ALLOCATION_TITLE:
		import->allocation_follows = true;
		break;
	case LOG_ALLOCATION:
		take_allocation(import, rest);
		break;
	default:
		break;
	}
}

static void take_line(struct log_import *import, const char *text, struct error *e)
{
	const char *rest;
	enum log_kind kind;

	if (import->in_traceback && take_traceback_line(import, text)) {
		import->line_is_known = true;
		return;
	}
	if (!*text)
		return;
	kind = log_kind_of(text, &rest);
	if (import->allocation_follows) {
		import->allocation_follows = false;
		if (kind == LOG_OTHER) {
			take_allocation(import, text);
			kind = LOG_ALLOCATION;
		}
	} else if (kind == LOG_OTHER && log_table_row(import, text)) {
		kind = LOG_TABLE_HEADER;
	} else if (import->table != TABLE_NONE && kind != LOG_TABLE_HEADER && (kind != LOG_RULE || import->row_count)) {
		log_table_end(import);
	}
	if (kind != LOG_MEMORY_POINT)
		import->in_summary = kind == LOG_MEMORY_SUMMARY;
	if (kind == LOG_OTHER)
		return;
	import->line_is_known = true;
	import->knows_lines = true;
	take_known(import, kind, rest, text, e);
}

/* A record of the JSONL: its message may have several lines. */
static bool take_json(struct log_import *import, char *text, size_t length, struct error *e)
{
	struct error why = ERROR_INIT;
	json_t *record = json_parse(text, length, "line", true, &why);
	const char *message = json_string_value(json_object_get(record, "message"));
	const char *time = json_string_value(json_object_get(record, "timestamp"));
	int64_t wall_ns;

	if (!record && why.kind == ERROR_MEMORY)
		return error_no_memory(e);
	import->summary.json_lines++;
	if (!message || !time || !log_line_time(time, &wall_ns)) {
		log_complain(import, record ? "a record without message and timestamp" : "no whole JSON record", text);
		json_decref(record);
		return true;
	}
	log_cell_time(import, wall_ns);
	while (*message) { /* text is free again: the record holds copies, no longer than it */
		size_t part = strcspn(message, "\n");

		memcpy(text, message, part);
		log_line_clean(text, part);
		take_line(import, text, e);
		message += part + (message[part] == '\n');
	}
	json_decref(record);
	return !error_is_set(e);
}

static bool take_text(struct log_import *import, char *text, size_t length, struct error *e)
{
	int64_t wall_ns = 0;
	char *words;

	length = log_line_clean(text, length);
	words = log_line_skip_prefix(text, &wall_ns);
	if (*words == '{' && strncmp(words + strspn(words, "{ "), "\"timestamp\"", 11) == 0)
		return take_json(import, words, length - (size_t)(words - text), e);
	log_cell_time(import, wall_ns);
	take_line(import, words, e);
	return !error_is_set(e);
}

/* A bar draws over itself with carriage returns: each drawing is a line. */
static bool take_whole_line(struct log_import *import, struct error *e)
{
	char *text = import->text;
	char *end = text + import->length;

	import->line++;
	import->summary.lines++;
	if (import->too_long) {
		import->summary.long_lines++;
		*end = '\0';
		log_line_clean(text, import->length < 90 ? import->length : 90);
		log_complain(import, "a line longer than what is looked at (64 KiB)", text);
	} else {
		while (text <= end) {
			char *part_end = memchr(text, '\r', (size_t)(end - text));

			if (!part_end)
				part_end = end;
			if (part_end < end || part_end > text || text == import->text) {
				if (!take_text(import, text, (size_t)(part_end - text), e))
					return false;
			}
			text = part_end + 1;
		}
	}
	import->summary.known_lines += import->line_is_known;
	import->line_is_known = false;
	import->length = 0;
	import->too_long = false;
	return true;
}

bool log_import_begin(struct log_import *import, const char *name, struct error *e)
{
	record_text(import->file, sizeof(import->file), name);
	import->line = 0;
	import->length = 0;
	import->too_long = false;
	if (import->summary.cell_count == LOG_CELLS_MAX)
		return error_set(e, ERROR_USAGE, "%d logs are enough for one import", LOG_CELLS_MAX);
	log_cell_open(import);
	return true;
}

bool log_import_feed(struct log_import *import, const char *bytes, size_t length, struct error *e)
{
	while (length) {
		const char *newline = memchr(bytes, '\n', length);
		size_t part = newline ? (size_t)(newline - bytes) : length;
		size_t room = LOG_LINE_MAX - import->length;
		size_t taken = part < room ? part : room;

		memcpy(import->text + import->length, bytes, taken);
		import->length += taken;
		import->too_long |= taken < part;
		if (newline && !take_whole_line(import, e))
			return false;
		bytes += part + (newline != NULL);
		length -= part + (newline != NULL);
	}
	return true;
}

bool log_import_end(struct log_import *import, struct error *e)
{
	if (import->length && !take_whole_line(import, e))
		return false;
	return log_cell_close(import, e);
}

const struct log_summary *log_import_finish(struct log_import *import)
{
	for (size_t i = 0; i < import->device_count; i++) {
		struct record_device device = { .topology = LOG_TOPOLOGY,
						.index = (uint32_t)i,
						.capacity_bytes = import->devices[i].capacity_bytes };

		memcpy(device.name, import->devices[i].name, sizeof(device.name));
		snprintf(device.kind, sizeof(device.kind), "%.*s", (int)strcspn(device.name, ":"), device.name);
		record_put(&import->sink, RECORD_DEVICE, &device, sizeof(device));
	}
	import->device_count = 0;
	return &import->summary;
}
