#include "tests/cli/trace_check.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"

#define ROUNDING_US 0.0005

/* One event that has a time, as far as order and nesting go. */
struct event {
	json_int_t pid, tid;
	char phase;
	const char *name;
	double ts, end;
	size_t at;
};

struct checker {
	struct event *events;
	size_t count, capacity;
	struct trace_counts *counts;
	struct error *error;
};

static bool broken(struct checker *c, size_t at, const char *what)
{
	return error_set(c->error, ERROR_FORMAT, "event %zu: %s", at, what);
}

static bool is_time(const json_t *value)
{
	return json_is_number(value) && isfinite(json_number_value(value)) && json_number_value(value) >= 0;
}

static bool is_id(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= INT32_MAX;
}

static bool check_counter(struct checker *c, const json_t *event, size_t at)
{
	json_t *args = json_object_get(event, "args");
	const char *key;
	json_t *value;

	if (!json_object_size(args))
		return broken(c, at, "a counter without args");
	json_object_foreach(args, key, value)
	{
		if (!json_is_number(value))
			return broken(c, at, "a counter's value is no number");
	}
	c->counts->counters++;
	return true;
}

static bool check_name(struct checker *c, const json_t *event, size_t at)
{
	static const char *const known[] = { "process_name", "process_labels", "process_sort_index", "thread_name",
					     "thread_sort_index" };
	const char *name = json_string_value(json_object_get(event, "name"));

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i]) != 0)
			continue;
		c->counts->names++;
		return json_object_size(json_object_get(event, "args")) ? true : broken(c, at, "metadata without args");
	}
	return broken(c, at, "metadata of an unknown name");
}

static bool check_instant(struct checker *c, const json_t *event, size_t at)
{
	const char *scope = json_string_value(json_object_get(event, "s"));

	c->counts->instants++;
	return scope && strlen(scope) == 1 && strchr("gpt", scope[0]) ? true : broken(c, at, "an instant's scope is g, p or t");
}

static bool check_slice(struct checker *c, const json_t *event, size_t at)
{
	c->counts->slices++;
	return is_time(json_object_get(event, "dur")) ? true : broken(c, at, "a slice's dur is no time");
}

static bool check_event(struct checker *c, const json_t *event, size_t at)
{
	static const struct {
		char phase;
		bool (*check)(struct checker *c, const json_t *event, size_t at);
	} phases[] = { { 'M', check_name }, { 'X', check_slice }, { 'i', check_instant }, { 'C', check_counter } };
	const char *phase = json_string_value(json_object_get(event, "ph"));
	const char *name = json_string_value(json_object_get(event, "name"));
	const json_t *pid = json_object_get(event, "pid");
	const json_t *tid = json_object_get(event, "tid");
	double ts = json_number_value(json_object_get(event, "ts"));
	size_t kind = 0;

	while (kind < ARRAY_SIZE(phases) && (!phase || phase[0] != phases[kind].phase || phase[1]))
		kind++;
	if (kind == ARRAY_SIZE(phases))
		return broken(c, at, "the phase is none of M, X, i, C");
	if (!name || !*name || !is_id(pid) || !is_id(tid))
		return broken(c, at, "name, pid or tid is missing");
	if (phase[0] != 'M' && !is_time(json_object_get(event, "ts")))
		return broken(c, at, "ts is no time");
	if (!phases[kind].check(c, event, at))
		return false;
	if (phase[0] == 'M')
		return true;
	if (!array_reserve(&c->events, &c->capacity, c->count + 1, sizeof(*c->events), c->error))
		return false;
	c->events[c->count++] = (struct event) { .pid = json_integer_value(pid),
						 .tid = json_integer_value(tid),
						 .phase = phase[0],
						 .name = name,
						 .ts = ts,
						 .end = ts + json_number_value(json_object_get(event, "dur")),
						 .at = at };
	return true;
}

/* Lane by lane, phase by phase, as they stand in the file. */
static int compare_lanes(const struct event *a, const struct event *b)
{
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	if (a->phase != b->phase)
		return a->phase < b->phase ? -1 : 1;
	return a->phase == 'C' ? strcmp(a->name, b->name) : 0;
}

static int compare_events(const void *left, const void *right)
{
	const struct event *a = left;
	const struct event *b = right;
	int lanes = compare_lanes(a, b);

	return lanes ? lanes : a->at < b->at ? -1 : a->at > b->at;
}

/* Slices of a lane are in order, so that those around one are the ones that have not ended. Two that begin together nest either
 * way, so only the time of the outermost is kept. */
static bool check_lanes(struct checker *c)
{
	double end = 0;

	qsort(c->events, c->count, sizeof(*c->events), compare_events);
	for (size_t i = 0; i < c->count; i++) {
		const struct event *event = &c->events[i];
		bool same = i && compare_lanes(event - 1, event) == 0;

		if (same && event->ts < event[-1].ts)
			return broken(c, event->at, "its time is before that of the event before it: out of order");
		if (event->phase != 'X')
			continue;
		if (!same || event->ts + ROUNDING_US >= end)
			end = event->end;
		else if (event->end > end + ROUNDING_US)
			return broken(c, event->at, "it sticks out of the slice around it");
	}
	return true;
}

bool trace_check(const char *path, struct trace_counts *counts, struct error *e)
{
	struct checker c = { .counts = counts, .error = e };
	json_t *trace = json_parse_file(path, e);
	json_t *events = json_object_get(trace, "traceEvents");
	bool fine = trace != NULL;
	json_t *event;
	size_t at;

	*counts = (struct trace_counts) { .names = 0 };
	if (fine && !json_is_array(events))
		fine = error_set(e, ERROR_FORMAT, "%s: there is no list traceEvents", path);
	json_array_foreach(events, at, event)
	{
		if (!fine)
			break;
		fine = check_event(&c, event, at);
	}
	fine = fine && check_lanes(&c);
	free(c.events);
	json_decref(trace);
	return fine;
}
