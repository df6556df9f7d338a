/* log_import.c - from lines of a log to what they say, one kind of line at a time.
 *
 * Bytes are gathered to lines, a line is a record of a JSONL or text, and its kind (log_kind.h) names the function that reads it:
 * here, or in the file of its subject (log_lists.c, log_memory.c, log_tables.c). What a line says is kept in struct log_import
 * (log_state.h); cells, stages and records are log_cell.c's. Past lines are not kept, so that memory does not grow with the log.
 */
#include "probes/log/log_import.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/json.h"
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
		log_memory_point(import, rest);
		break;
	case LOG_MEMORY_PROBE:
		log_memory_probe(import, rest);
		break;
	case LOG_LIST_BEGINS:
		log_list_begin(import, &import->list, rest);
		break;
	case LOG_LIST_ROW:
		log_list_row(import, rest);
		break;
	case LOG_UNLOAD_BEGINS:
		log_cell_unload_begins(import);
		log_list_begin(import, &import->list, rest);
		break;
	case LOG_KEEPS:
		log_list_keeps(import, rest);
		break;
	case LOG_UNLOAD_DELEGATED:
		log_list_delegated(import);
		break;
	case LOG_UNLOAD_ENDS:
		log_list_unload_ends(import, rest);
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
