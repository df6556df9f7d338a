/* sweep.c - one JSON object: the run's own lists of commits and cells, filled with the verdicts of all runs of these
 * commits.
 *
 * Verdicts arrive oldest run first, and a later one replaces an earlier one unless it says less. Per cell the row of
 * verdicts then goes through changes.h, which finds where passing and failing alternate; the models of the verdicts on
 * both sides say what changed.
 */
#include "reports/sweep/sweep.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "db/records/cell_axes.h"
#include "db/records/record.h"
#include "db/store.h"
#include "db/sweep_cell.h"
#include "reports/changes.h"
#include "db/query.h"

/* ---- the list ---- */

/* A JSON string without control characters, so that it can be printed as it is. NULL without memory. */
static json_t *printable_text(const char *text)
{
	char *copy = strdup(text);
	json_t *value;

	if (!copy)
		return NULL;
	utf8_clean(copy);
	value = json_string(copy);
	free(copy);
	return value;
}

static json_t *text_of(const struct query *q, int column)
{
	return printable_text(query_text(q, column));
}

static json_t *date_of(int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / (int64_t)NS_PER_S);
	struct tm utc;
	char text[32];

	if (!gmtime_r(&seconds, &utc) || strftime(text, sizeof(text), "%Y-%m-%d", &utc) == 0)
		return json_string("");
	return json_string(text);
}

static bool read_sweep(json_t *sweep, struct store *store, const char *run, struct error *e)
{
	bool last = !run || strcmp(run, "last") == 0;
	struct query q;
	bool fine = true;

	query_begin(&q, store,
		    "SELECT run, repository, sweep_of, commit_range, setting FROM v_sweeps WHERE ?1 IS NULL OR run = ?1"
		    " ORDER BY started_wall_ns DESC, run DESC LIMIT 1",
		    last ? NULL : run, 0, e);
	while (fine && query_next(&q)) {
		json_t *about = json_object();

		fine = json_put(sweep, "sweep", about, e) && json_put(about, "run", text_of(&q, 0), e) &&
		       json_put(about, "repository", text_of(&q, 1), e) && json_put(about, "of", text_of(&q, 2), e) &&
		       json_put(about, "range", text_of(&q, 3), e) && json_put(about, "setting", text_of(&q, 4), e);
	}
	if (!query_end(&q) || !fine)
		return false;
	if (json_object_get(sweep, "sweep"))
		return true;
	return last ? error_set(e, ERROR_MISSING, "%s holds no sweep yet: `residency sweep` makes one", store_path(store))
		    : error_set(e, ERROR_MISSING, "%s holds no sweep %.40s", store_path(store), run);
}

static bool read_commits(json_t *sweep, struct store *store, const char *run, struct error *e)
{
	json_t *commits = json_object_get(sweep, "commits");
	bool fine = true;
	struct query q;

	query_begin(
		&q, store,
		"SELECT s.number, s.commit_id, s.committed_wall_ns, s.summary,"
		" (SELECT r.why FROM v_run_commits r WHERE r.commit_id = s.commit_id AND r.setting = w.setting AND r.why <> ''"
		"  ORDER BY r.started_wall_ns DESC LIMIT 1)"
		" FROM v_sweeps w JOIN v_sweep_commits s ON s.run = w.run WHERE w.run = ?1 ORDER BY s.number",
		run, 0, e);
	while (fine && query_next(&q)) {
		json_t *commit = json_object();

		fine = json_push(commits, commit, e) && json_put(commit, "number", json_integer(query_integer(&q, 0)), e) &&
		       json_put(commit, "commit", text_of(&q, 1), e) &&
		       json_put(commit, "date", date_of(query_integer(&q, 2)), e) &&
		       json_put(commit, "summary", text_of(&q, 3), e) &&
		       json_put(commit, "state", json_string(query_is_null(&q, 4) ? "waiting" : "not run"), e) &&
		       json_put(commit, "why", text_of(&q, 4), e);
	}
	return query_end(&q) && fine;
}

static json_t *nulls(size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++) {
		if (json_array_append_new(list, json_null()) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

#define TAKE(NAME, member, capacity, option, usual, cell)                                                                      \
	record_text((cell)->member, sizeof((cell)->member), query_text(q, column++));
#define PUT(NAME, member, capacity, option, usual, ...) fine = fine && json_put(cell, #member, text_of(q, column++), e);

/* A row of v_sweep_cells: its number, then the axes. */
static bool read_cell(json_t *cell, const struct query *q, struct error *e)
{
	char name[SWEEP_CELL_NAME_MAX];
	struct record_sweep_cell named;
	int column = 1;
	bool fine;

	SWEEP_AXES(TAKE, &named)
	sweep_cell_name(&named, name);
	fine = json_put(cell, "cell", json_string(name), e);
	column = 1;
	SWEEP_AXES(PUT, )
	return fine;
}

static bool read_cells(json_t *sweep, struct store *store, const char *run, struct error *e)
{
	size_t commit_count = json_array_size(json_object_get(sweep, "commits"));
	json_t *cells = json_object_get(sweep, "cells");
	bool fine = true;
	struct query q;

	query_begin(&q, store,
		    "SELECT number" SWEEP_AXES(CELL_AXIS_COLUMN,
					       "v_sweep_cells") " FROM v_sweep_cells WHERE run = ?1 ORDER BY number",
		    run, 0, e);
	while (fine && query_next(&q)) {
		json_t *cell = json_object();

		fine = json_push(cells, cell, e) && read_cell(cell, &q, e) && json_put(cell, "history", nulls(commit_count), e);
	}
	return query_end(&q) && fine;
}

/* ---- verdicts ---- */

/* A list's item by the position that a store's number says; NULL if out of range. */
static json_t *item(json_t *list, int64_t number)
{
	return number < 0 ? NULL : json_array_get(list, (size_t)number);
}

static bool has_verdict(const json_t *known)
{
	const char *verdict = json_string_value(json_object_get(known, "verdict"));

	return verdict && sweep_known_from_verdict(verdict) != KNOWN_NOT;
}

/* Rows come oldest run first: a later one replaces an earlier one, unless it knows less. */
static bool take_verdict(json_t *sweep, const struct query *q, struct error *e)
{
	int64_t number = query_integer(q, 0);
	json_t *commit = item(json_object_get(sweep, "commits"), number);
	json_t *cell = item(json_object_get(sweep, "cells"), query_integer(q, 1) - 1);
	json_t *history = json_object_get(cell, "history");
	json_t *known;

	if (!commit || !item(history, number))
		return true; /* a store that was tampered with */
	if (has_verdict(item(history, number)) && sweep_known_from_verdict(query_text(q, 2)) == KNOWN_NOT)
		return true;
	known = json_object();
	return (known && json_array_set_new(history, (size_t)number, known) == 0 ? true : error_no_memory(e)) &&
	       json_put(known, "number", json_integer(number), e) && json_put(known, "verdict", text_of(q, 2), e) &&
	       json_put(known, "why", text_of(q, 3), e) && json_put(known, "run", text_of(q, 4), e) &&
	       json_put(known, "in_run", json_integer(query_integer(q, 5)), e) &&
	       json_put(commit, "state", json_string("run"), e) && json_put(commit, "why", json_string(""), e);
}

static bool read_verdicts(json_t *sweep, struct store *store, const char *run, struct error *e)
{
	struct query q;
	bool fine = true;

	query_begin(&q, store,
		    "SELECT s.number, k.number, c.verdict, c.why, c.run, c.cell FROM v_sweeps w"
		    " JOIN v_sweep_commits s ON s.run = w.run"
		    " JOIN v_run_commits r ON r.commit_id = s.commit_id AND r.setting = w.setting"
		    " JOIN v_cells c ON c.run = r.run"
		    " JOIN v_sweep_cells k ON k.run = w.run" SWEEP_AXES(
			    CELL_AXIS_EQUAL, "k", "c") " WHERE w.run = ?1 ORDER BY r.started_wall_ns, c.run, c.cell",
		    run, 0, e);
	while (fine && query_next(&q))
		fine = take_verdict(sweep, &q, e);
	return query_end(&q) && fine;
}

/* ---- what became of models ---- */

/* "A unloaded; B, C lost c0.after_gc (died_in_gc)": models to which the same happened stand together. */
static json_t *outcomes_of(const json_t *models)
{
	struct strbuf text = STRBUF_INIT;
	json_t *value;
	size_t count = json_array_size(models);

	for (size_t i = 0; i < count; i++) {
		const json_t *what = json_object_get(json_array_get(models, i), "what");
		bool told = false;

		for (size_t j = 0; j < i; j++)
			told |= json_equal(what, json_object_get(json_array_get(models, j), "what"));
		for (size_t j = i; !told && j < count; j++) {
			const json_t *other = json_array_get(models, j);

			if (json_equal(what, json_object_get(other, "what")))
				strbuf_printf(&text, "%s%s",
					      j > i	    ? ", "
					      : text.length ? "; "
							    : "",
					      json_string_value(json_object_get(other, "name")));
		}
		if (!told)
			strbuf_printf(&text, " %s", json_string_value(what));
	}
	value = strbuf_ok(&text) ? json_string(strbuf_text(&text)) : NULL;
	strbuf_free(&text);
	return value;
}

static json_t *what_became(const struct query *q)
{
	const char *stage = query_text(q, 2);
	const char *reason = query_text(q, 3);
	char text[3 * RECORD_NAME_MAX];

	snprintf(text, sizeof(text), "%.60s%s%.60s%s%.60s%s", query_text(q, 1), stage[0] ? " " : "", stage,
		 reason[0] ? " (" : "", reason, reason[0] ? ")" : "");
	return printable_text(text);
}

static bool read_models(json_t *known, struct store *store, struct error *e)
{
	const char *run = json_string_value(json_object_get(known, "run"));
	json_t *models = json_array();
	bool fine = json_put(known, "models", models, e);
	struct query q;

	query_begin(
		&q, store,
		"SELECT name, outcome, first_lost_stage, reason, keep FROM v_models WHERE run = ?1 AND cell = ?2 AND judged = 1"
		" ORDER BY name, model",
		run, json_integer_value(json_object_get(known, "in_run")), e);
	while (fine && query_next(&q)) {
		json_t *model = json_object();

		fine = json_push(models, model, e) && json_put(model, "name", text_of(&q, 0), e) &&
		       json_put(model, "outcome", text_of(&q, 1), e) &&
		       json_put(model, "first_lost_stage", text_of(&q, 2), e) && json_put(model, "reason", text_of(&q, 3), e) &&
		       json_put(model, "keep", query_is_null(&q, 4) ? json_null() : json_boolean(query_integer(&q, 4) == 1),
				e) &&
		       json_put(model, "what", what_became(&q), e);
	}
	fine = query_end(&q) && fine;
	json_object_del(known, "in_run");
	return fine && json_put(known, "outcomes", outcomes_of(models), e);
}

/* ---- changes ---- */

static json_t *change_value(const json_t *commits, const struct verdict_change *change)
{
	static const char *const names[] = { [KNOWN_NOT] = "", [KNOWN_PASS] = "PASS", [KNOWN_FAIL] = "FAIL" };
	const json_t *commit = json_array_get(commits, change->first);

	return json_pack("{si sO si si ss ss}", "number", (int)change->first, "commit", json_object_get(commit, "commit"),
			 "after", (int)change->last, "unknown_between", (int)(change->first - change->last - 1), "from",
			 names[change->from], "to", names[change->to]);
}

static bool find_changes(json_t *cell, const json_t *commits, struct error *e)
{
	const json_t *history = json_object_get(cell, "history");
	size_t count = json_array_size(history);
	enum known *known = array_new(count + 1, sizeof(*known), e);
	json_t *changes = json_array();
	struct verdict_change change = { .first = 0 };
	bool fine = known && json_put(cell, "changes", changes, e);

	for (size_t i = 0; fine && i < count; i++) {
		const char *verdict = json_string_value(json_object_get(json_array_get(history, i), "verdict"));

		known[i] = verdict ? sweep_known_from_verdict(verdict) : KNOWN_NOT;
	}
	while (fine && change_next(known, count, change.first, &change))
		fine = json_push(changes, change_value(commits, &change), e);
	fine = fine && json_put(cell, "regressed", json_boolean(change_regresses(known, count)), e);
	if (!known)
		json_decref(changes);
	free(known);
	return fine;
}

static bool finish_cells(json_t *sweep, struct store *store, struct error *e)
{
	const json_t *commits = json_object_get(sweep, "commits");
	json_t *cell;
	json_t *known;
	size_t c;
	size_t i;

	json_array_foreach(json_object_get(sweep, "cells"), c, cell)
	{
		json_array_foreach(json_object_get(cell, "history"), i, known)
		{
			if (json_is_object(known) && !read_models(known, store, e))
				return false;
		}
		if (!find_changes(cell, commits, e))
			return false;
	}
	return true;
}

/* ---- counts ---- */

static json_int_t count_commits(const json_t *sweep, const char *state)
{
	json_int_t count = 0;
	const json_t *commit;
	size_t i;

	json_array_foreach(json_object_get(sweep, "commits"), i, commit) count +=
		strcmp(json_string_value(json_object_get(commit, "state")), state) == 0;
	return count;
}

static json_int_t count_untrustworthy(const json_t *sweep)
{
	json_int_t count = 0;
	const json_t *cell;
	const json_t *known;
	size_t c;
	size_t i;

	json_array_foreach(json_object_get(sweep, "cells"), c, cell)
	{
		json_array_foreach(json_object_get(cell, "history"), i, known) count +=
			json_is_object(known) && !has_verdict(known);
	}
	return count;
}

static json_int_t count_regressed(const json_t *sweep)
{
	json_int_t count = 0;
	const json_t *cell;
	size_t c;

	json_array_foreach(json_object_get(sweep, "cells"), c, cell) count += json_is_true(json_object_get(cell, "regressed"));
	return count;
}

size_t sweep_count(const json_t *sweep, const char *name)
{
	return (size_t)json_integer_value(json_object_get(json_object_get(sweep, "counts"), name));
}

json_t *sweep_read(struct store *store, const char *run, struct error *e)
{
	json_t *sweep = json_pack("{si s[] s[]}", "schema", 1, "commits", "cells");
	const char *id = NULL;
	json_t *counts;
	bool fine;

	if (!sweep) {
		error_no_memory(e);
		return NULL;
	}
	fine = read_sweep(sweep, store, run, e);
	if (fine)
		id = json_string_value(json_object_get(json_object_get(sweep, "sweep"), "run"));
	fine = fine && read_commits(sweep, store, id, e) && read_cells(sweep, store, id, e) &&
	       read_verdicts(sweep, store, id, e) && finish_cells(sweep, store, e);
	counts = fine ? json_pack("{sI sI sI sI sI}", "run", count_commits(sweep, "run"), "not_run",
				  count_commits(sweep, "not run"), "waiting", count_commits(sweep, "waiting"), "untrustworthy",
				  count_untrustworthy(sweep), "regressed", count_regressed(sweep))
		      : NULL;
	if (fine && json_put(sweep, "counts", counts, e))
		return sweep;
	json_decref(sweep);
	return NULL;
}
