/* trace.c - a query for each kind of lane, whose rows are written out as events in the order of time.
 *
 * Process and thread ids are computed: a cell is a process; models, links and samplers have ranges of thread ids.
 * Slices that overlap on one lane would nest in the viewer, so copies and steps go to the first lane that is free at
 * their start.
 */
#include "reports/trace/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/partial.h"
#include "core/base/strbuf.h"
#include "core/base/utf8.h"
#include "db/store.h"
#include "db/query.h"

/* Lanes of a cell, as thread ids. Copies and steps that overlap get lanes of their own beside the first. */
#define LANE_ACTIONS 1
#define LANE_STAGES 2
#define LANE_MODELS 1000
#define LANES_BESIDE 8
/* The queries number the others: 1000 + model, 1000000 + 8 * link, 2000000000 + 8 * sampler. */

#define PIECE_SIZE_BYTES 65536u

struct trace_writer {
	struct store *store;
	const char *run;
	struct partial partial;
	struct strbuf text;
	uint64_t event_count;
	struct error *error;
};

static void append_text(struct strbuf *b, const char *text)
{
	size_t left = strlen(text);

	strbuf_append_char(b, '"');
	while (left) {
		unsigned char c = (unsigned char)*text;
		size_t length = utf8_length((const unsigned char *)text, left);

		if (length == 0)
			strbuf_append_char(b, '?');
		else if (c == '"' || c == '\\')
			strbuf_printf(b, "\\%c", c);
		else if (c < ' ')
			strbuf_printf(b, "\\u%04x", c);
		else
			strbuf_append_n(b, text, length);
		length += length == 0;
		text += length;
		left -= length;
	}
	strbuf_append_char(b, '"');
}

static bool flush(struct trace_writer *trace)
{
	if (!strbuf_ok(&trace->text))
		return error_no_memory(trace->error);
	if (trace->text.length && !partial_write(&trace->partial, trace->text.text, trace->text.length, trace->error))
		return false;
	strbuf_clear(&trace->text);
	return true;
}

static void append_time(struct strbuf *b, const char *key, int64_t time_ns)
{
	strbuf_printf(b, ",\"%s\":%" PRId64 ".%03d", key, time_ns / 1000, (int)(time_ns % 1000));
}

/* The members that every event has; the caller adds its own and ends it. */
static void begin_event(struct trace_writer *trace, const char *phase, const char *category, const char *name, int64_t cell,
			int64_t lane)
{
	strbuf_append(&trace->text, trace->event_count++ ? ",\n" : "\n");
	strbuf_printf(&trace->text, "{\"ph\":\"%s\",\"pid\":%" PRId64 ",\"tid\":%" PRId64 ",\"cat\":\"%s\",\"name\":", phase,
		      cell, lane, category);
	append_text(&trace->text, name);
}

static bool end_event(struct trace_writer *trace)
{
	strbuf_append_char(&trace->text, '}');
	return trace->text.length < PIECE_SIZE_BYTES || flush(trace);
}

static bool put_name(struct trace_writer *trace, const char *what, int64_t cell, int64_t lane, const char *name)
{
	begin_event(trace, "M", "__metadata", what, cell, lane);
	strbuf_append(&trace->text, ",\"ts\":0,\"args\":{\"name\":");
	append_text(&trace->text, name);
	strbuf_append_char(&trace->text, '}');
	return end_event(trace);
}

/* Rows of sql, whose ?1 is the run, one after the other into put; false where one fails. */
static bool each_row(struct trace_writer *trace, const char *sql,
		     bool (*put)(struct trace_writer *trace, const struct query *q))
{
	struct query q;
	bool fine = true;

	query_begin(&q, trace->store, sql, trace->run, 0, trace->error);
	while (fine && query_next(&q))
		fine = put(trace, &q);
	return query_end(&q) && fine;
}

/* ---- names ---- */

static bool put_cell_name(struct trace_writer *trace, const struct query *q)
{
	return put_name(trace, "process_name", query_integer(q, 0), 0, query_text(q, 1)) &&
	       put_name(trace, "thread_name", query_integer(q, 0), LANE_ACTIONS, "actions") &&
	       put_name(trace, "thread_name", query_integer(q, 0), LANE_STAGES, "stages");
}

static bool put_model_name(struct trace_writer *trace, const struct query *q)
{
	return put_name(trace, "thread_name", query_integer(q, 0), LANE_MODELS + query_integer(q, 1), query_text(q, 2));
}

static bool put_names(struct trace_writer *trace)
{
	return each_row(trace,
			"SELECT cell, 'cell ' || cell || ': ' || replace(replace(replace(trim(subject || ' ' || policy || ' ' "
			"|| matrix ||"
			" ' ' || flow || ' ' || cache || ' ' || workflow), '  ', ' '), '  ', ' '), '  ', ' ') || ' ' || verdict"
			" FROM v_cells WHERE run = ?1 ORDER BY cell",
			put_cell_name) &&
	       each_row(trace,
			"SELECT cell, model, 'model ' || name || CASE WHEN generation > 1 THEN '#' || generation ELSE '' END"
			" FROM v_objects WHERE run = ?1 ORDER BY cell, model",
			put_model_name);
}

/* ---- instants ---- */

/* Columns: cell, lane, time, name, category; the rest are texts for args, under the names of their columns. */
static bool put_instant(struct trace_writer *trace, const struct query *q)
{
	const char *comma = "";

	begin_event(trace, "i", query_text(q, 4), query_text(q, 3), query_integer(q, 0), query_integer(q, 1));
	append_time(&trace->text, "ts", query_integer(q, 2));
	strbuf_append(&trace->text, ",\"s\":\"t\",\"args\":{");
	for (int i = 5; i < sqlite3_column_count(q->statement); i++) {
		if (!query_text(q, i)[0])
			continue;
		strbuf_append(&trace->text, comma);
		append_text(&trace->text, sqlite3_column_name(q->statement, i));
		strbuf_append_char(&trace->text, ':');
		append_text(&trace->text, query_text(q, i));
		comma = ",";
	}
	strbuf_append_char(&trace->text, '}');
	return end_event(trace);
}

/* An action has no time of its own: it follows the stages of the cycle before it. */
static bool put_instants(struct trace_writer *trace)
{
	return each_row(trace,
			"SELECT a.cell, 1, coalesce((SELECT max(s.time_ns) FROM v_stages s WHERE s.run = a.run AND s.cell = "
			"a.cell"
			" AND s.cycle < a.cycle), 0) AS at, a.kind, 'action', a.detail AS detail, 'c' || a.cycle AS cycle"
			" FROM v_actions a WHERE a.run = ?1 AND a.cell > 0 ORDER BY a.cell, at, a.number",
			put_instant) &&
	       each_row(trace,
			"SELECT cell, 2, time_ns, name, 'stage', exception AS exception, listed_count AS listed FROM v_stages"
			" WHERE run = ?1 AND time_ns IS NOT NULL ORDER BY cell, time_ns, snapshot",
			put_instant) &&
	       each_row(trace,
			"SELECT cell, 1000 + model, time_ns, 'left: ' || reason, 'departure', name AS model FROM v_departures"
			" WHERE run = ?1 AND time_ns IS NOT NULL ORDER BY cell, model, time_ns, number",
			put_instant);
}

/* ---- models ---- */

/* The state a model has been in, until a row tells another. */
struct stay {
	int64_t cell, model, since_ns, until_ns;
	char state[24], device[64];
	int64_t bytes; /* on the compute device; -1: unknown */
};

static bool put_stay(struct trace_writer *trace, const struct stay *stay)
{
	begin_event(trace, "X", "residency", stay->state, stay->cell, LANE_MODELS + stay->model);
	append_time(&trace->text, "ts", stay->since_ns);
	append_time(&trace->text, "dur", stay->until_ns - stay->since_ns);
	strbuf_append(&trace->text, ",\"args\":{\"device\":");
	append_text(&trace->text, stay->device);
	if (stay->bytes >= 0)
		strbuf_printf(&trace->text, ",\"bytes_on_compute\":%" PRId64, stay->bytes);
	strbuf_append_char(&trace->text, '}');
	return end_event(trace);
}

static struct stay read_stay(const struct query *q)
{
	struct stay stay = { .cell = query_integer(q, 0),
			     .model = query_integer(q, 1),
			     .since_ns = query_integer(q, 2),
			     .until_ns = query_integer(q, 2),
			     .bytes = query_is_null(q, 5) ? -1 : query_integer(q, 5) };

	snprintf(stay.state, sizeof(stay.state), "%s", query_text(q, 3));
	snprintf(stay.device, sizeof(stay.device), "%s", query_text(q, 4));
	return stay;
}

static bool put_stays(struct trace_writer *trace)
{
	struct stay now = { .cell = -1 };
	struct query q;
	bool fine = true;

	query_begin(&q, trace->store,
		    "SELECT cell, model, time_ns, state, coalesce(device_name, ''), bytes_on_compute FROM v_timeline"
		    " WHERE run = ?1 AND time_ns IS NOT NULL ORDER BY cell, model, time_ns, snapshot",
		    trace->run, 0, trace->error);
	while (fine && query_next(&q)) {
		struct stay next = read_stay(&q);
		bool same_model = next.cell == now.cell && next.model == now.model;

		if (same_model)
			now.until_ns = next.since_ns;
		if (same_model && next.bytes == now.bytes && strcmp(next.state, now.state) == 0 &&
		    strcmp(next.device, now.device) == 0)
			continue;
		fine = now.cell < 0 || put_stay(trace, &now);
		now = next;
	}
	fine = query_end(&q) && fine;
	return fine && (now.cell < 0 || put_stay(trace, &now));
}

/* ---- copies and steps ---- */

/* Lanes of one link or sampler: what overlaps what is there goes into the next. */
struct lanes {
	int64_t cell, base;
	int64_t ends_ns[LANES_BESIDE];
	unsigned named; /* so many have their name */
};

static unsigned take_lane(struct lanes *lanes, int64_t cell, int64_t base, int64_t start_ns, int64_t end_ns)
{
	unsigned lane = 0;

	if (lanes->cell != cell || lanes->base != base) {
		*lanes = (struct lanes) { .cell = cell, .base = base };
		for (unsigned i = 0; i < LANES_BESIDE; i++)
			lanes->ends_ns[i] = INT64_MIN;
	}
	while (lane < LANES_BESIDE && lanes->ends_ns[lane] > start_ns)
		lane++;
	if (lane < LANES_BESIDE)
		lanes->ends_ns[lane] = end_ns;
	return lane;
}

/* Columns: cell, lane, start, end, name, bytes, name of the lane. What overlaps more than the lanes there are is left out. */
static bool put_slices(struct trace_writer *trace, const char *category, const char *sql)
{
	struct lanes lanes = { .cell = -1 };
	struct query q;
	bool fine = true;

	query_begin(&q, trace->store, sql, trace->run, 0, trace->error);
	while (fine && query_next(&q)) {
		int64_t cell = query_integer(&q, 0);
		int64_t start_ns = query_integer(&q, 2);
		int64_t end_ns = query_integer(&q, 3);
		unsigned lane = take_lane(&lanes, cell, query_integer(&q, 1), start_ns, end_ns);

		if (lane == LANES_BESIDE)
			continue;
		if (lane >= lanes.named) {
			lanes.named = lane + 1;
			fine = put_name(trace, "thread_name", cell, lanes.base + lane, query_text(&q, 6));
		}
		begin_event(trace, "X", category, query_text(&q, 4), cell, lanes.base + lane);
		append_time(&trace->text, "ts", start_ns);
		append_time(&trace->text, "dur", end_ns - start_ns);
		strbuf_append(&trace->text, ",\"args\":{");
		if (!query_is_null(&q, 5))
			strbuf_printf(&trace->text, "\"bytes\":%" PRId64, query_integer(&q, 5));
		strbuf_append_char(&trace->text, '}');
		fine = fine && end_event(trace);
	}
	return query_end(&q) && fine;
}

static bool put_all_slices(struct trace_writer *trace)
{
	return put_slices(
		       trace, "transfer",
		       "SELECT cell, 1000000 + (from_device * 256 + to_device) * 8, start_ns, end_ns, 'copy', size_bytes,"
		       " 'link ' || coalesce(from_name, from_device) || ' -> ' || coalesce(to_name, to_device) FROM v_transfers"
		       " WHERE run = ?1 AND start_ns IS NOT NULL AND end_ns >= start_ns ORDER BY 1, 2, 3, 4") &&
	       put_slices(
		       trace, "step",
		       "SELECT cell, 2000000000 + node * 8, start_ns, end_ns, 'step ' || step, moved_bytes, 'sampler ' || node"
		       " FROM v_steps WHERE run = ?1 AND start_ns IS NOT NULL AND end_ns >= start_ns ORDER BY 1, 2, 3, 4");
}

/* ---- memory ---- */

/* One counter a device and snapshot: its lines are rows that follow each other. What may be noise is no memory. */
static bool put_counters(struct trace_writer *trace)
{
	int64_t cell = -1;
	int64_t snapshot = -1;
	int64_t device = -1;
	struct query q;
	bool fine = true;

	query_begin(
		&q, trace->store,
		"SELECT m.cell, m.snapshot, m.device, 'memory ' || coalesce(m.device_name, 'device ' || m.device), s.time_ns, "
		"m.line,"
		" m.size_bytes FROM v_memory m JOIN v_stages s ON s.run = m.run AND s.cell = m.cell AND s.snapshot = m.snapshot"
		" WHERE m.run = ?1 AND s.time_ns IS NOT NULL AND m.size_bytes IS NOT NULL AND m.line <> 'noise'"
		" ORDER BY m.cell, m.device, s.time_ns, m.snapshot, m.line",
		trace->run, 0, trace->error);
	while (fine && query_next(&q)) {
		bool same = cell == query_integer(&q, 0) && snapshot == query_integer(&q, 1) && device == query_integer(&q, 2);

		if (!same && cell >= 0) {
			strbuf_append_char(&trace->text, '}');
			fine = end_event(trace);
		}
		if (!same) {
			cell = query_integer(&q, 0);
			snapshot = query_integer(&q, 1);
			device = query_integer(&q, 2);
			begin_event(trace, "C", "memory", query_text(&q, 3), cell, 0);
			append_time(&trace->text, "ts", query_integer(&q, 4));
			strbuf_append(&trace->text, ",\"args\":{");
		} else {
			strbuf_append_char(&trace->text, ',');
		}
		append_text(&trace->text, query_text(&q, 5));
		strbuf_printf(&trace->text, ":%" PRId64, query_integer(&q, 6));
	}
	if (cell >= 0) {
		strbuf_append_char(&trace->text, '}');
		fine = end_event(trace) && fine;
	}
	return query_end(&q) && fine;
}

bool trace_write(struct store *store, const char *run, const char *path, uint64_t *event_count, struct error *e)
{
	struct trace_writer trace = { .store = store, .run = run, .error = e };
	bool fine = partial_open(&trace.partial, path, e);

	strbuf_append(&trace.text, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"run\":");
	append_text(&trace.text, run);
	strbuf_append(&trace.text, "},\"traceEvents\":[");
	fine = fine && put_names(&trace) && put_instants(&trace) && put_stays(&trace) && put_all_slices(&trace) &&
	       put_counters(&trace);
	strbuf_append(&trace.text, "\n]}\n");
	fine = fine && flush(&trace) && partial_finish(&trace.partial, e);
	partial_abandon(&trace.partial);
	strbuf_free(&trace.text);
	*event_count = trace.event_count;
	return fine;
}
