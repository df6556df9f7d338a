/* executor_timelines.c - what the worker does, and when: flags posted while it is idle or runs, and collections.
 *
 * The clock is the test's: before each prompt it is set so that the wait that the row then names is right if, and only if, the worker
 * subtracts the time since the last collection from its ten seconds.
 */
#include <math.h>
#include <string.h>

#include "core/workflow/python/py_json.h"
#include "tests/conformance/executor_prompts.h"

#define BEGIN_MS 1000000
#define INTERVAL_S 10.0

/* What is posted while the gate holds, or before and after prompts, by row. */
static const struct timeline_script {
	const char *row;
	const char *before; /* POST /free before the first prompt */
	const char *during[4]; /* POST /free while the gate of the first prompt holds */
	bool interrupts;
	const char *prompts[2]; /* the second is pending while the first runs, unless `after` */
	const char *after; /* POST /free between the two */
	bool wakes; /* at the end the worker has waited long enough */
} scripts[] = {
	{ .row = "free_running", .prompts = { "r1" }, .during = { "{\"unload_models\": true, \"free_memory\": true}" } },
	{ .row = "free_between", .prompts = { "r1", "r2" }, .during = { "{\"unload_models\": true, \"free_memory\": true}" } },
	{ .row = "free_before", .prompts = { "r1" }, .before = "{\"unload_models\": true, \"free_memory\": true}" },
	{ .row = "free_after", .prompts = { "r1", "r2" }, .after = "{\"free_memory\": true}" },
	{ .row = "free_interrupted", .prompts = { "r1" }, .during = { "{\"unload_models\": true}" }, .interrupts = true },
	{ .row = "free_thrice",
	  .prompts = { "r1" },
	  .during = { "{\"unload_models\": true}", "{\"free_memory\": true}",
		      "{\"unload_models\": true, \"free_memory\": true}" } },
	{ .row = "gc_interval", .prompts = { "g1", "g2" }, .after = "{}", .wakes = true },
};

struct timeline_run {
	const struct timeline_script *script;
	const struct py *timeline;
};

/* Sets the clock for the wait that the timeline names after a prompt. */
static void set_clock(struct executor_server *s, const struct py *timeline, const char *prompt)
{
	bool begun = false;

	for (size_t i = 0; i < py_count(timeline); i++) {
		const struct py *entry = py_at(timeline, i);
		double wait_s;

		begun = begun || (py_is_text(py_get(entry, "ev"), "execute_begin") && py_is_text(py_get(entry, "id"), prompt));
		if (!begun || !py_is_text(py_get(entry, "ev"), "wait"))
			continue;
		wait_s = py_number_value(py_get(entry, "timeout"));
		if (wait_s < INTERVAL_S)
			s->now_ms = s->last_collect_ms + (uint64_t)llround((INTERVAL_S - wait_s) * 1000);
		return;
	}
}

static void act(struct executor_server *s, const char *name)
{
	const struct timeline_run *run = s->context;

	if (run && run->script->prompts[1] && strcmp(name, run->script->prompts[1]) == 0)
		set_clock(s, run->timeline, name); /* a collection may have come since it was posted */
	if (!run || strcmp(name, run->script->prompts[0]) != 0)
		return;
	for (size_t i = 0; i < 4 && run->script->during[i]; i++)
		py_drop(executor_post_text(s, "/free", run->script->during[i]));
	if (run->script->interrupts)
		py_drop(executor_post_text(s, "/interrupt", "{}"));
	if (run->script->prompts[1] && !run->script->after)
		executor_post_quietly(s, "/prompt", executor_hold_body(run->script->prompts[1]));
}

static void run_script(struct executor_server *s, const struct timeline_run *run)
{
	const struct timeline_script *script = run->script;

	if (script->before)
		py_drop(executor_post_text(s, "/free", script->before));
	set_clock(s, run->timeline, script->prompts[0]);
	executor_post_quietly(s, "/prompt", executor_hold_body(script->prompts[0]));
	executor_work(s);
	if (!script->after)
		return;
	py_drop(executor_post_text(s, "/free", script->after));
	executor_work(s);
	executor_post_quietly(s, "/prompt", executor_hold_body(script->prompts[1]));
	executor_work(s);
	if (script->wakes) {
		s->now_ms = s->last_collect_ms + (uint64_t)(INTERVAL_S * 1000) + 1;
		prompt_server_wake(s->server, NULL);
	}
}

/* "POST /free {...} while idle" */
static void run_idle(struct executor_server *s, const char *note)
{
	static const char begin[] = "POST /free ";
	const char *body = strstr(note, begin);
	const char *end = strstr(note, " while idle");
	struct py *text;

	if (!body || !end)
		return;
	body += strlen(begin);
	text = py_text_n(body, (size_t)(end - body));
	py_drop(executor_post_text(s, "/free", text->text.bytes));
	py_drop(text);
	executor_work(s);
}

/* When a collection came is another machine's. */
static struct py *without_times(const struct py *timeline)
{
	struct py *made = py_deep_copy(timeline);

	for (size_t i = 0; i < py_count(made); i++)
		py_remove(py_at(made, i), "t");
	return made;
}

static const struct timeline_script *script_of(const struct py *id)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		if (py_is_text(id, scripts[i].row))
			return &scripts[i];
	}
	return NULL;
}

void executor_timeline(struct executor_reader *reader, const struct py *row)
{
	struct timeline_run run = { .script = script_of(py_get(row, "id")), .timeline = py_get(row, "timeline") };
	struct py *alternatives = py_list();
	struct executor_server s;

	executor_server_open(&s, reader->world);
	s.now_ms = BEGIN_MS;
	py_drop(executor_post_text(&s, "/free", "{\"free_memory\": true}")); /* the last collection is now */
	executor_work(&s);
	executor_server_forget(&s);
	s.gate = act;
	s.context = run.script ? &run : NULL;
	if (run.script)
		run_script(&s, &run);
	else
		run_idle(&s, py_get(row, "note")->text.bytes);
	py_append(alternatives, without_times(run.timeline));
	executor_compare(reader->tally, py_get(row, "id"), "queue", s.work, alternatives);
	py_drop(alternatives);
	executor_server_close(&s);
}
