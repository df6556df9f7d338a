/* strict over every measured case, every cache and both device modes: what is kept stays, is read once and found again; the rest
 * goes when it would under stock; the worker lives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/manager/policy.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/flow/flows.h"
#include "scenarios/matrix/matrix.h"
#include "scenarios/models/matrix_workflow.h"
#include "tests/harness/harness.h"
#include "tests/scenarios/cell.h"

/* One case under strict and under stock, whose stages are the same. */
struct trial {
	struct cell_seen strict, stock;
	const struct flow *flow;
	struct cell_setting setting;
	char name[160];
	unsigned *faults;
};

static void fault(const struct trial *trial, const char *model, const char *what, const char *stage)
{
	if (++*trial->faults <= 40)
		fprintf(stderr, "%s: %s %s %s\n", trial->name, model, what, stage);
}

static bool is_freed_by_call(const struct flow *flow)
{
	for (size_t i = 0; i < flow->step_count; i++) {
		if (flow->steps[i].action.kind == ACTION_FREE_MEMORY)
			return true;
	}
	return false;
}

/* The verdict's object, not one of its clones. */
static bool is_base(const struct record_verdict_model *model)
{
	return !strchr(model->name, '+');
}

static void check_kept(const struct trial *trial, const struct record_verdict_model *model)
{
	bool may_go = is_freed_by_call(trial->flow);

	if (model->outcome != OUTCOME_KEPT && !(may_go && model->outcome == OUTCOME_DISPLACED))
		fault(trial, model->name, record_outcome_name(model->outcome), model->first_lost_stage);
	if (!is_base(model))
		return;
	if (model->disk_loads != 1)
		fault(trial, model->name, "is not read once", "");
	if (model->generation != 1)
		fault(trial, model->name, "was made again", "");
	if (model->died_stage[0])
		fault(trial, model->name, "died", model->died_stage);
}

static const char *numbered(const char *name, unsigned generation, char text[80])
{
	snprintf(text, 80, generation > 1 ? "%s#%u" : "%s", name, generation);
	return text;
}

/* From its first stage on the manager holds a base; a clone, while there is no newer one of the name. */
static void check_held(const struct trial *trial, const struct record_verdict_model *model)
{
	const struct timeline *timeline = &trial->strict.timeline;
	char name[80];
	char newer[80];

	numbered(model->name, model->generation, name);
	numbered(model->name, model->generation + 1, newer);
	for (size_t s = 0; s < timeline->stage_count; s++) {
		const char *stage = timeline->stages[s].name;

		if (cell_state(&trial->strict, name, stage) != STATE_COUNT &&
		    cell_state(&trial->strict, newer, stage) == STATE_COUNT &&
		    !cell_is_held(&trial->strict, name, stage, HOLDER_MANAGER, "kept"))
			fault(trial, name, "is not held at", stage);
	}
}

static bool is_gone(enum residency_state state)
{
	return state == STATE_UNLOADED || state == STATE_DEAD || state == STATE_COUNT;
}

/* Where stock has freed it, so has strict, from the request's own stages on. */
static void check_freed(const struct trial *trial, const struct record_verdict_model *model)
{
	char name[80];

	numbered(model->name, model->generation, name);
	for (size_t s = 0; s < trial->strict.timeline.stage_count; s++) {
		const char *stage = trial->strict.timeline.stages[s].name;
		enum residency_state stock = cell_state(&trial->stock, name, stage);

		if (stock != STATE_COUNT && is_gone(stock) && !is_gone(cell_state(&trial->strict, name, stage)))
			fault(trial, name, "is still there at", stage);
		if (stock == STATE_DEAD && cell_state(&trial->strict, name, stage) != STATE_DEAD)
			fault(trial, name, "lives at", stage);
	}
}

static void check(struct trial *trial)
{
	trial->setting.policy = "stock";
	cell_run(&trial->stock, &trial->setting, trial->flow);
	trial->setting.policy = "strict";
	cell_run(&trial->strict, &trial->setting, trial->flow);
	if (trial->strict.result.verdict != VERDICT_PASS)
		fault(trial, "cell", record_verdict_name(trial->strict.result.verdict), trial->strict.result.why);
	if (trial->stock.timeline.stage_count != trial->strict.timeline.stage_count)
		fault(trial, "cell", "has other stages than stock", "");
	for (size_t i = 0; i < trial->strict.result.model_count; i++) {
		const struct record_verdict_model *model = &trial->strict.result.models[i];

		if (model->keep != KEEP_YES) {
			check_freed(trial, model);
			continue;
		}
		check_kept(trial, model);
		check_held(trial, model);
	}
}

START_TEST(strict_keeps_what_is_to_be_kept_and_frees_the_rest_in_every_measured_case)
{
	static unsigned faults;
	static struct trial trial;
	struct error e = ERROR_INIT;
	json_t *specs = json_parse_file("tests/data/retention/specs.json", &e);

	ck_assert_ok(specs != NULL, &e);
	trial.faults = &faults;
	cell_open(&trial.strict);
	cell_open(&trial.stock);
	for (size_t i = 0; i < json_array_size(specs) * CACHE_KIND_COUNT * DEVICE_MODE_COUNT; i++) {
		size_t number = i / (CACHE_KIND_COUNT * DEVICE_MODE_COUNT);
		struct flow *flow = flow_from_json(json_array_get(specs, number), "specs.json", &e);

		ck_assert_ok(flow != NULL, &e);
		trial.flow = flow;
		trial.setting =
			(struct cell_setting) { .cache = (enum cache_kind)(i % CACHE_KIND_COUNT),
						.device_mode = (enum device_mode)(i / CACHE_KIND_COUNT % DEVICE_MODE_COUNT),
						.node_flags = flow->setting.node_flags };
		snprintf(trial.name, sizeof(trial.name), "%s %s %s %s", flow->matrix, flow->name,
			 cache_kind_name(trial.setting.cache), subject_device_mode_name(trial.setting.device_mode));
		check(&trial);
		flow_free(flow);
	}
	cell_close(&trial.strict);
	cell_close(&trial.stock);
	json_decref(specs);
	ck_assert_uint_eq(faults, 0);
}
END_TEST

/* ---- the rest ---- */

struct count {
	size_t cells, failed;
};

static bool finished(void *context, const struct judge_result *result)
{
	struct count *count = context;

	count->cells++;
	if (result->verdict != VERDICT_PASS && ++count->failed <= 20)
		fprintf(stderr, "%s %s %s %s %s: %s\n", result->cell.matrix, result->cell.flow, result->cell.cache,
			result->cell.device_mode, result->cell.node_flags, record_verdict_name(result->verdict));
	return true;
}

START_TEST(strict_passes_every_flow_over_every_matrix_cache_and_mode)
{
	struct cell_seen seen;
	struct flow_set set = { .flows = NULL };
	struct count count = { .cells = 0 };
	struct matrix_axes axes = {
		.matrices = UINT64_MAX, .caches = (UINT64_C(1) << CACHE_KIND_COUNT) - 1, .device_modes = 3, .node_flags = 3
	};
	struct matrix_run run = { .subject_name = "engine", .finished = finished, .context = &count };
	struct error e = ERROR_INIT;

	for (size_t i = 0; policies[i]; i++)
		axes.policies |= policies[i] == &policy_strict ? UINT64_C(1) << i : 0;
	ck_assert_ok(flow_set_add_builtin(&set, &e), &e);
	axes.flows = (const struct flow *const *)set.flows;
	axes.flow_count = set.count;
	cell_open(&seen);
	run.subject = seen.subject;
	ck_assert_ok(matrix_run(&run, &axes, &e), &e);
	ck_assert_uint_gt(count.cells, 5000);
	ck_assert_uint_eq(count.failed, 0);
	cell_close(&seen);
	flow_set_free(&set);
}
END_TEST

static struct cell_seen seen;

static void open_cell(void)
{
	cell_open(&seen);
}

static void close_cell(void)
{
	cell_close(&seen);
}

#define BOTH "{\"unload_models\": true, \"free_memory\": true}"

START_TEST(a_keep_flag_taken_back_leaves_the_copy_in_use_and_no_longer_kept)
{
	cell_run_text(&seen, "strict",
		      "{\"actions\": [[\"prompt\"], [\"post\", " BOTH "],"
		      "[\"promptm\", [{\"name\": \"B\", \"kind\": \"clip\", \"keep\": false}]], [\"post\", " BOTH "]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c2.next_prompt"), STATE_RESIDENT);
	ck_assert(!cell_is_held(&seen, "B", "c2.next_prompt", HOLDER_MANAGER, "kept"));
	ck_assert_uint_eq(cell_disk_loads(&seen, "B"), 1);
	ck_assert_int_eq(cell_state(&seen, "B", "c3.after_gc"), STATE_DEAD);
	ck_assert_int_eq(cell_state(&seen, "C", "c3.after_gc"), STATE_RESIDENT);
}
END_TEST

START_TEST(release_kept_frees_nothing_by_itself_and_the_next_request_frees_all)
{
	cell_run_text(&seen, "strict",
		      "{\"actions\": [[\"prompt\"], [\"post\", {\"release_kept\": true}], [\"prompt\"], [\"post\", " BOTH
		      "]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_RESIDENT);
	ck_assert(!cell_is_held(&seen, "B", "c1.next_prompt", HOLDER_MANAGER, "kept"));
	ck_assert_int_eq(cell_state(&seen, "B", "c2.after_gc"), STATE_DEAD);
}
END_TEST

START_TEST(a_displaced_model_comes_back_without_being_read_again)
{
	cell_run_text(&seen, "strict", "{\"actions\": [[\"prompt\"], [\"free_memory\"], [\"promptseed\", 2]]}");
	ck_assert_int_eq(cell_outcome(&seen, "B"), OUTCOME_DISPLACED);
	ck_assert_int_eq(cell_state(&seen, "B", "c2.next_prompt"), STATE_RESIDENT);
	ck_assert_uint_eq(cell_disk_loads(&seen, "B"), 1);
}
END_TEST

HARNESS_SUITE(strict_suite)
{
	Suite *suite = suite_create("strict");
	TCase *tests = tcase_create("strict");

	tcase_add_test(tests, strict_keeps_what_is_to_be_kept_and_frees_the_rest_in_every_measured_case);
	tcase_add_test(tests, strict_passes_every_flow_over_every_matrix_cache_and_mode);
	tcase_set_timeout(tests, 120);
	suite_add_tcase(suite, tests);
	tests = tcase_create("wishes that end");
	tcase_add_checked_fixture(tests, open_cell, close_cell);
	tcase_add_test(tests, a_keep_flag_taken_back_leaves_the_copy_in_use_and_no_longer_kept);
	tcase_add_test(tests, release_kept_frees_nothing_by_itself_and_the_next_request_frees_all);
	tcase_add_test(tests, a_displaced_model_comes_back_without_being_read_again);
	suite_add_tcase(suite, tests);
	return suite;
}
