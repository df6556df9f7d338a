/* Part retention: every stage and every verdict of the measured runs, against the engine under the policy of that name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/manager/policy.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/flow/flows.h"
#include "tests/conformance/part.h"
#include "tests/conformance/retention_run.h"
#include "tests/conformance/retention_table.h"
#include "tests/fixtures/subject.h"

/* Columns of stages.csv after the key. */
enum stage_column {
	STAGE_ORDER = KEY_COUNT,
	STAGE_CYCLE,
	STAGE_STAGE,
	STAGE_MODEL,
	STAGE_GENERATION,
	STAGE_STATE,
	STAGE_LISTED,
	STAGE_PATCHER_ALIVE,
	STAGE_MODEL_ALIVE,
	STAGE_ANCHORED,
	STAGE_EXCEPTION
};
/* Columns of verdicts.csv after the key. */
enum verdict_column {
	VERDICT_MODEL = KEY_COUNT,
	VERDICT_KEEP,
	VERDICT_FIRST_LOST_AT,
	VERDICT_FIRST_LOST_STATE,
	VERDICT_END_STATE,
	VERDICT_DIED_AT,
	VERDICT_DISK_LOADS,
	VERDICT_REASON
};

struct retention {
	struct flow_set specs;
	struct table stages, verdicts;
	struct subject *subject;
	struct judge *judge;
	struct seen seen;
	struct tally *tally;
};

static const char *text_of(const struct table_row *row, size_t column)
{
	return row->fields[column] ? row->fields[column] : "";
}

static void run_name(const struct table_row *row, char *name, size_t name_size_bytes)
{
	snprintf(name, name_size_bytes, "%s %s %s %s %s %s", row->fields[KEY_POLICY], row->fields[KEY_DEVICE],
		 row->fields[KEY_CACHE], row->fields[KEY_NODE_FLAGS], row->fields[KEY_MATRIX], row->fields[KEY_FLOW]);
}

/* ---- which runs ---- */

static const struct flow *find_spec(const struct retention *r, const struct table_row *row)
{
	bool suppressed = strcmp(row->fields[KEY_NODE_FLAGS], "suppressed") == 0;

	for (size_t i = 0; i < r->specs.count; i++) {
		const struct flow *flow = r->specs.flows[i];

		if (strcmp(flow->matrix, row->fields[KEY_MATRIX]) == 0 && strcmp(flow->name, row->fields[KEY_FLOW]) == 0 &&
		    (flow->setting.node_flags == NODE_FLAGS_SUPPRESSED) == suppressed)
			return flow;
	}
	return NULL;
}

static bool read_specs(const char *folder, struct flow_set *specs, struct error *e)
{
	size_t length;
	char *text = part_read(folder, "specs.json", &length, e);
	json_t *list = text ? json_parse(text, length, "specs.json", false, e) : NULL;
	bool fine = list != NULL;

	free(text);
	for (size_t i = 0; fine && i < json_array_size(list); i++) {
		struct flow *flow = flow_from_json(json_array_get(list, i), "specs.json", e);

		fine = flow && flow_set_add(specs, flow, e);
		if (fine && !flow->matrix)
			fine = error_set(e, ERROR_FORMAT, "specs.json: case %zu has no matrix", i + 1);
	}
	json_decref(list);
	return fine;
}

/* NULL when the product has all that the run needs; else what it has not. */
static const char *not_built(const struct table_row *row, char *what, size_t what_size_bytes)
{
	enum cache_kind cache;

	if (!policy_find(row->fields[KEY_POLICY]))
		snprintf(what, what_size_bytes, "policy %s", row->fields[KEY_POLICY]);
	else if (!cache_kind_from_name(row->fields[KEY_CACHE], &cache))
		snprintf(what, what_size_bytes, "cache %s", row->fields[KEY_CACHE]);
	else
		return NULL;
	return what;
}

/* ---- stages ---- */

static void listed_text(const struct seen *seen, const struct seen_stage *stage, struct strbuf *text)
{
	for (uint32_t at = 0; at < stage->snapshot.listed_count; at++) {
		char name[RECORD_NAME_MAX + 16] = "?";

		for (size_t i = 0; i < stage->state_count; i++) {
			const struct record_residency *state = &stage->states[i];

			if (state->listed != (int32_t)at)
				continue;
			object_name(&seen->objects[state->model - 1], name, sizeof(name));
			strbuf_printf(text, "%s%s%s", at ? ";" : "", state->patcher_alive ? "" : "inner of ", name);
			name[0] = '\0';
			break;
		}
		if (name[0] == '?')
			strbuf_printf(text, "%s?", at ? ";" : "");
	}
}

static bool same_number(const char *text, int64_t value)
{
	char *end;

	return text[0] && strtoll(text, &end, 10) == value && !*end;
}

/* The row of the list: order, anchors, exception (present or not: the texts are Python's). */
static bool check_list(const struct seen *seen, const struct seen_stage *stage, const struct table_row *row, struct strbuf *why)
{
	struct strbuf listed = STRBUF_INIT;
	bool fine = true;

	listed_text(seen, stage, &listed);
	if (strcmp(strbuf_text(&listed), row->fields[STAGE_LISTED]) != 0) {
		strbuf_printf(why, "listed %s, not %s", strbuf_text(&listed), row->fields[STAGE_LISTED]);
		fine = false;
	} else if (row->fields[STAGE_ANCHORED][0] ? !same_number(row->fields[STAGE_ANCHORED], stage->snapshot.anchor_count)
						  : stage->snapshot.anchor_count >= 0) {
		strbuf_printf(why, "%d anchors, not %s", stage->snapshot.anchor_count, row->fields[STAGE_ANCHORED]);
		fine = false;
	} else if ((stage->snapshot.exception[0] != '\0') != (text_of(row, STAGE_EXCEPTION)[0] != '\0')) {
		strbuf_printf(why, "exception \"%s\", not \"%s\"", stage->snapshot.exception, text_of(row, STAGE_EXCEPTION));
		fine = false;
	}
	strbuf_free(&listed);
	return fine;
}

static const struct record_residency *find_state(const struct seen *seen, const struct seen_stage *stage,
						 const struct table_row *row)
{
	for (size_t i = 0; i < stage->state_count; i++) {
		const struct record_model *object = &seen->objects[stage->states[i].model - 1];

		if (strcmp(object->name, row->fields[STAGE_MODEL]) == 0 &&
		    same_number(row->fields[STAGE_GENERATION], object->generation))
			return &stage->states[i];
	}
	return NULL;
}

static bool check_object(const struct seen *seen, const struct seen_stage *stage, const struct table_row *row,
			 struct strbuf *why)
{
	const struct record_residency *state = find_state(seen, stage, row);
	const char *anchored = row->fields[STAGE_ANCHORED];

	if (!state) {
		strbuf_printf(why, "%s#%s was never made", row->fields[STAGE_MODEL], row->fields[STAGE_GENERATION]);
		return false;
	}
	if (strcmp(record_residency_state_name(state->state), row->fields[STAGE_STATE]) == 0 &&
	    (row->fields[STAGE_LISTED][0] ? same_number(row->fields[STAGE_LISTED], state->listed) : state->listed < 0) &&
	    same_number(row->fields[STAGE_PATCHER_ALIVE], state->patcher_alive) &&
	    same_number(row->fields[STAGE_MODEL_ALIVE], state->model_alive) &&
	    (anchored[0] ? same_number(anchored, state->anchored) : state->anchored < 0))
		return true;
	strbuf_printf(why, "%s#%s is %s, listed %d, patcher %d, model %d, anchored %d; not %s, %s, %s, %s, %s",
		      row->fields[STAGE_MODEL], row->fields[STAGE_GENERATION], record_residency_state_name(state->state),
		      state->listed, state->patcher_alive, state->model_alive, state->anchored, row->fields[STAGE_STATE],
		      row->fields[STAGE_LISTED], row->fields[STAGE_PATCHER_ALIVE], row->fields[STAGE_MODEL_ALIVE], anchored);
	return false;
}

/* The rows of one stage, from `first` on, `count` of them. */
static void check_stage(struct retention *r, const struct table_row *first, size_t count, const char *name)
{
	size_t order = strtoul(first->fields[STAGE_ORDER], NULL, 10);
	const struct seen_stage *stage = order && order <= r->seen.stage_count ? &r->seen.stages[order - 1] : NULL;
	struct strbuf why = STRBUF_INIT;
	char label[320];
	size_t objects = 0;
	bool fine = stage != NULL;

	snprintf(label, sizeof(label), "%s c%s.%s", name, first->fields[STAGE_CYCLE], first->fields[STAGE_STAGE]);
	if (!stage)
		strbuf_append(&why, "never reached");
	else if (strcmp(event_stage_name(stage->snapshot.stage), first->fields[STAGE_STAGE]) != 0 ||
		 !same_number(first->fields[STAGE_CYCLE], stage->snapshot.cycle)) {
		fine = false;
		strbuf_printf(&why, "stage %zu is c%u.%s", order, stage->snapshot.cycle,
			      event_stage_name(stage->snapshot.stage));
	}
	for (size_t i = 0; fine && i < count; i++) {
		bool is_list = strcmp(first[i].fields[STAGE_MODEL], "*") == 0;

		objects += !is_list;
		fine = is_list ? check_list(&r->seen, stage, &first[i], &why) : check_object(&r->seen, stage, &first[i], &why);
	}
	if (fine && objects != stage->state_count) {
		fine = false;
		strbuf_printf(&why, "%zu objects, not %zu", stage->state_count, objects);
	}
	if (fine)
		tally_pass(r->tally);
	else
		tally_fail(r->tally, label, "%s", strbuf_text(&why));
	strbuf_free(&why);
}

static void check_stages(struct retention *r, size_t first, size_t count, const char *name)
{
	const struct table_row *rows = &r->stages.rows[first];
	size_t stages = 0;

	for (size_t i = 0; i < count;) {
		size_t length = 1;

		while (i + length < count && strcmp(rows[i].fields[STAGE_ORDER], rows[i + length].fields[STAGE_ORDER]) == 0)
			length++;
		check_stage(r, &rows[i], length, name);
		stages++;
		i += length;
	}
	if (stages != r->seen.stage_count)
		tally_fail(r->tally, name, "%zu stages, not %zu", r->seen.stage_count, stages);
}

/* ---- verdicts ---- */

static enum reason reason_of(const char *sentence)
{
	static const struct {
		const char *begins, *holds;
		enum reason reason;
	} rows[] = {
		{ "core free_memory", "in unload_all_models", REASON_UNLOADED_BY_CORE },
		{ "MultiGPU loop", "", REASON_UNLOADED_BY_POLICY },
		{ "core free_memory", "in executing", REASON_EVICTED_BY_LOAD },
		{ "core free_memory", "in direct free_memory", REASON_EVICTED_BY_PRESSURE },
		{ "patcher+inner died in gc.collect", "", REASON_DIED_IN_GC },
		{ "cache-none removed", "", REASON_DIED_WITH_CACHE },
		{ "next workflow lacks the node", "", REASON_DROPPED_BY_WORKFLOW },
		{ "anchor set cleared", "", REASON_ANCHORS_CLEARED },
		{ "popped from the list by load_models_gpu (clone sibling)", "", REASON_SUPERSEDED },
		{ "dropped from the list without unload", "", REASON_SUPERSEDED },
		{ "patcher died, inner model still referenced", "", REASON_DIED_BY_REFCOUNT },
		{ "resident at every stage", "", REASON_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strncmp(sentence, rows[i].begins, strlen(rows[i].begins)) == 0 && strstr(sentence, rows[i].holds))
			return rows[i].reason;
	}
	for (unsigned i = 0; sentence[0] && i < REASON_COUNT; i++) {
		if (strcmp(sentence, event_reason_name((enum reason)i)) == 0)
			return (enum reason)i; /* what we measured ourselves has our words */
	}
	return REASON_COUNT; /* a sentence that says nothing of the cause */
}

static const struct record_verdict_model *find_verdict(const struct judge_result *result, const char *wanted)
{
	for (size_t i = 0; i < result->model_count; i++) {
		char name[RECORD_MODEL_NAME_MAX + 16];

		if (result->models[i].generation > 1)
			snprintf(name, sizeof(name), "%s#%u", result->models[i].name, result->models[i].generation);
		else
			snprintf(name, sizeof(name), "%s", result->models[i].name);
		if (strcmp(name, wanted) == 0)
			return &result->models[i];
	}
	return NULL;
}

static const char *keep_text(enum keep_request keep)
{
	return keep == KEEP_YES ? "True" : keep == KEEP_NO ? "False" : "";
}

static const char *state_text(enum residency_state state)
{
	return state == STATE_COUNT ? "" : record_residency_state_name(state);
}

static void check_verdict(struct retention *r, const struct judge_result *result, const struct table_row *row, const char *name)
{
	const struct record_verdict_model *model = find_verdict(result, row->fields[VERDICT_MODEL]);
	enum reason reason = reason_of(text_of(row, VERDICT_REASON));
	char label[320];

	snprintf(label, sizeof(label), "%s %s", name, row->fields[VERDICT_MODEL]);
	if (!model) {
		tally_fail(r->tally, label, "was never made");
		return;
	}
	if (strcmp(keep_text(model->keep), row->fields[VERDICT_KEEP]) == 0 &&
	    strcmp(model->first_lost_stage, row->fields[VERDICT_FIRST_LOST_AT]) == 0 &&
	    strcmp(state_text(model->first_lost_state), row->fields[VERDICT_FIRST_LOST_STATE]) == 0 &&
	    strcmp(state_text(model->end_state), row->fields[VERDICT_END_STATE]) == 0 &&
	    strcmp(model->died_stage, row->fields[VERDICT_DIED_AT]) == 0 &&
	    same_number(row->fields[VERDICT_DISK_LOADS], model->disk_loads) &&
	    (reason == REASON_COUNT || reason == model->reason)) {
		tally_pass(r->tally);
		return;
	}
	tally_fail(r->tally, label, "keep %s, lost %s %s, end %s, died %s, %u loads, %s; not %s, %s %s, %s, %s, %s, %s",
		   keep_text(model->keep), model->first_lost_stage, state_text(model->first_lost_state),
		   state_text(model->end_state), model->died_stage, model->disk_loads, event_reason_name(model->reason),
		   row->fields[VERDICT_KEEP], row->fields[VERDICT_FIRST_LOST_AT], row->fields[VERDICT_FIRST_LOST_STATE],
		   row->fields[VERDICT_END_STATE], row->fields[VERDICT_DIED_AT], row->fields[VERDICT_DISK_LOADS],
		   text_of(row, VERDICT_REASON));
}

/* ---- runs ---- */

static size_t count_stages(const struct table *table, size_t first, size_t count)
{
	size_t stages = count ? 1 : 0;

	for (size_t i = first + 1; i < first + count; i++)
		stages += strcmp(table->rows[i].fields[STAGE_ORDER], table->rows[i - 1].fields[STAGE_ORDER]) != 0;
	return stages;
}

static void run_one(struct retention *r, size_t first, size_t count)
{
	const struct table_row *row = &r->stages.rows[first];
	struct retention_case what = { .flow = find_spec(r, row) };
	struct judge_result result;
	struct error e = ERROR_INIT;
	char name[256];
	char absent[96];
	size_t verdict_count = 0;

	for (size_t i = 0; i < r->verdicts.row_count; i++)
		verdict_count += table_same_run(&r->verdicts.rows[i], row);
	if (not_built(row, absent, sizeof(absent))) {
		tally_not_built(r->tally, absent, count_stages(&r->stages, first, count) + verdict_count);
		return;
	}
	run_name(row, name, sizeof(name));
	what.policy = policy_find(row->fields[KEY_POLICY]);
	cache_kind_from_name(row->fields[KEY_CACHE], &what.cache);
	if (!what.flow || !subject_device_mode_from_name(row->fields[KEY_DEVICE], &what.device_mode) ||
	    !subject_node_flags_from_name(row->fields[KEY_NODE_FLAGS], &what.node_flags)) {
		tally_fail(r->tally, name, "there is no such case in specs.json");
		return;
	}
	if (!retention_run(r->subject, &what, r->judge, &r->seen, &result, &e)) {
		tally_fail(r->tally, name, "%s", e.text);
		return;
	}
	check_stages(r, first, count, name);
	for (size_t i = 0; i < r->verdicts.row_count; i++) {
		if (table_same_run(&r->verdicts.rows[i], row))
			check_verdict(r, &result, &r->verdicts.rows[i], name);
	}
}

static bool open_all(struct retention *r, const char *folder, struct error *e)
{
	if (!read_specs(folder, &r->specs, e) || !table_read(&r->stages, folder, "stages.csv.gz", KEY_COUNT + 1, e) ||
	    !table_read(&r->verdicts, folder, "verdicts.csv", KEY_COUNT + 1, e))
		return false;
	r->subject = fixture_subject(&sim_backend, "host-1gpu.json", e);
	r->judge = judge_new(e);
	return r->subject && r->judge;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	struct retention r = { .tally = tally };
	bool fine = open_all(&r, folder, e);

	for (size_t first = 0; fine && first < r.stages.row_count;) {
		size_t count = table_run_length(&r.stages, first);

		run_one(&r, first, count);
		first += count;
	}
	seen_free(&r.seen);
	judge_free(r.judge);
	subject_close(r.subject);
	table_free(&r.stages);
	table_free(&r.verdicts);
	flow_set_free(&r.specs);
	return fine;
}

const struct part part_retention = { .name = "retention", .folder = "retention", .run = run };
