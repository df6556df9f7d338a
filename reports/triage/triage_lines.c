/* What a card says, line by line, for both renderings. */
#include <string.h>

#include "core/base/units.h"
#include "db/records/cell_axes.h"
#include "reports/triage/triage.h"

static void append_bytes(const json_t *card, const char *name, struct strbuf *out)
{
	int64_t bytes = triage_number(card, name, -1);
	char text[UNITS_TEXT_MAX];

	strbuf_append(out, bytes < 0 ? "unknown" : units_bytes((uint64_t)bytes, text));
}

/* "node 7, loaded list (weak)". */
static void append_holders(const json_t *card, const char *name, struct strbuf *out)
{
	const json_t *holders = json_object_get(card, name);
	const json_t *holder;
	size_t i;

	json_array_foreach(holders, i, holder)
	{
		strbuf_printf(out, "%s%s%s", i ? ", " : "", triage_member(holder, "label"),
			      strcmp(triage_member(holder, "strength"), "weak") == 0 ? " (weak)" : "");
	}
}

static bool is_of_class(const json_t *card, const char *class_name)
{
	return strcmp(triage_member(card, "class"), class_name) == 0;
}

static void write_stage(const json_t *card, struct strbuf *out)
{
	const char *action = triage_member(card, "action");

	strbuf_append(out, triage_member(card, "stage"));
	if (action[0])
		strbuf_printf(out, ", after the action: %s", action);
}

static void write_state(const json_t *card, struct strbuf *out)
{
	const char *reason = triage_member(card, "reason");
	const char *state = triage_member(card, "state");

	if (!state[0])
		return;
	if (reason[0])
		strbuf_printf(out, "%s: ", reason);
	strbuf_printf(out, "%s then, %s at the end", state, triage_member(card, "end_state"));
}

static void write_bytes(const json_t *card, struct strbuf *out)
{
	const char *device = triage_member(card, "device");
	int64_t before = triage_number(card, "bytes_before", -1);
	int64_t after = triage_number(card, "bytes_after", -1);

	if (after < 0 || is_of_class(card, "stale") || is_of_class(card, "duplicated"))
		return;
	if (before <= 0 && after == 0) {
		bool is_dead = strcmp(triage_member(card, "state"), "dead") == 0;

		strbuf_printf(out, "none on %s: %s", device[0] ? device : "a compute device",
			      is_dead ? "the model was freed" : "all its weights are stored on other devices");
		return;
	}
	if (before >= 0) {
		append_bytes(card, "bytes_before", out);
		strbuf_append(out, " one stage earlier, ");
	}
	append_bytes(card, "bytes_after", out);
	strbuf_printf(out, " then%s%s", device[0] ? ", on " : "", device);
}

static void write_before(const json_t *card, struct strbuf *out)
{
	if (is_of_class(card, "lost"))
		append_holders(card, "holders_before", out);
}

static void write_kept_copy(const json_t *card, struct strbuf *out)
{
	if (!is_of_class(card, "duplicated"))
		return;
	append_holders(card, "holders_before", out);
	if (!out->length)
		strbuf_append(out, "nothing at the end");
}

static void write_missing(const json_t *card, struct strbuf *out)
{
	if (is_of_class(card, "lost"))
		strbuf_append(out, triage_member(card, "missing_holder"));
}

static void write_after(const json_t *card, struct strbuf *out)
{
	append_holders(card, "holders_after", out);
	if (!out->length && is_of_class(card, "lost") && json_is_array(json_object_get(card, "holders_after")))
		strbuf_append(out, "nothing");
}

static void write_path(const json_t *card, struct strbuf *out)
{
	strbuf_append(out, triage_member(card, "path"));
}

static void write_weak_state(const json_t *card, struct strbuf *out)
{
	strbuf_append(out, triage_member(card, "weak_state"));
}

static void write_place(const json_t *card, struct strbuf *out)
{
	strbuf_append(out, triage_member(card, "place"));
}

static void write_planned(const json_t *card, struct strbuf *out)
{
	if (triage_member(card, "planned_device")[0])
		strbuf_printf(out, "planned for %s, is on %s", triage_member(card, "planned_device"),
			      triage_member(card, "device"));
}

static void write_values(const json_t *card, struct strbuf *out)
{
	if (triage_member(card, "expected")[0])
		strbuf_printf(out, "expected %s; found %s", triage_member(card, "expected"), triage_member(card, "actual"));
}

/* Only where the lines above do not say it already. */
static void write_detail(const json_t *card, struct strbuf *out)
{
	if (!is_of_class(card, "lost") && !is_of_class(card, "misplaced"))
		strbuf_append(out, triage_member(card, "detail"));
}

static void write_likely(const json_t *card, struct strbuf *out)
{
	const json_t *likely = json_object_get(card, "likely");
	int64_t number = triage_number(likely, "class", -1);

	if (!json_is_object(likely))
		strbuf_append(out, "no known cause fits");
	else if (number >= 0)
		strbuf_printf(out, "class %lld: %s", (long long)number, triage_member(likely, "cause"));
	else
		strbuf_append(out, triage_member(likely, "cause"));
}

static void write_why(const json_t *card, struct strbuf *out)
{
	strbuf_append(out, triage_member(json_object_get(card, "likely"), "why"));
}

static void write_threads(const json_t *card, struct strbuf *out)
{
	triage_join(json_object_get(json_object_get(card, "likely"), "threads"), 16, out);
}

const struct triage_line triage_lines[] = {
	{ .label = "stage", .write = write_stage },
	{ .label = "what", .write = write_detail },
	{ .label = "state", .write = write_state },
	{ .label = "bytes", .write = write_bytes },
	{ .label = "held by", .write = write_before },
	{ .label = "no longer", .write = write_missing },
	{ .label = "now held by", .write = write_after },
	{ .label = "kept copy", .write = write_kept_copy },
	{ .label = "kept alive", .write = write_path },
	{ .label = "entry", .write = write_weak_state },
	{ .label = "place", .write = write_place },
	{ .label = "plan", .write = write_planned },
	{ .label = "values", .write = write_values },
	{ .label = "likely", .write = write_likely },
	{ .label = "because", .write = write_why },
	{ .label = "reported", .write = write_threads },
	{ .label = NULL, .write = NULL },
};

void triage_join(const json_t *list, size_t most, struct strbuf *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (i == most) {
			strbuf_printf(out, " and %zu more", json_array_size(list) - i);
			return;
		}
		strbuf_printf(out, "%s%s", i ? ", " : "", json_string_value(item) ? json_string_value(item) : "");
	}
}

/* What is usual is not said. */
static void append_unusual(const json_t *cell, const char *member, const char *usual, struct strbuf *out)
{
	const char *value = triage_member(cell, member);

	if (value[0] && strcmp(value, usual) != 0)
		strbuf_printf(out, "/%s", value);
}

void triage_cell_name(const json_t *cell, struct strbuf *out)
{
	const char *workflow = triage_member(cell, "workflow");

	strbuf_append(out, triage_member(cell, triage_member(cell, "policy")[0] ? "policy" : "subject"));
	if (workflow[0])
		strbuf_printf(out, "/%s", workflow);
	else
		append_unusual(cell, "matrix", "", out);
	append_unusual(cell, "flow", workflow, out);
	for (size_t i = 0; i < CELL_AXIS_COUNT; i++) {
		if (cell_axes[i].usual[0])
			append_unusual(cell, cell_axes[i].member, cell_axes[i].usual, out);
	}
}

void triage_environment(const json_t *triage, struct strbuf *out)
{
	static const char *const members[] = { "cpu", "driver", "backend", "topology", "subject" };
	const json_t *run = json_object_get(triage, "run");
	const json_t *environment = json_object_get(run, "environment");

	strbuf_printf(out, "residency %s", triage_member(run, "version"));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *value = triage_member(environment, members[i]);

		if (value[0])
			strbuf_printf(out, ", %s %s", members[i], value);
	}
}

bool triage_each_line(const json_t *card, void (*line)(void *context, const char *label, const char *text), void *context)
{
	struct strbuf text = STRBUF_INIT;
	bool ok = true;

	for (const struct triage_line *row = triage_lines; ok && row->label; row++) {
		strbuf_clear(&text);
		row->write(card, &text);
		ok = strbuf_ok(&text);
		if (ok && text.length)
			line(context, row->label, strbuf_text(&text));
	}
	strbuf_free(&text);
	return ok;
}
