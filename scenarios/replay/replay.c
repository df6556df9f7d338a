/* replay.c - placements are edits of the workflow's JSON; the run is a cell_run with a timeline next to the judge.
 *
 * Images are collected while the cell runs, compared with the expected hashes when it has ended, and recorded after
 * the verdict.
 */
#include "scenarios/replay/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/policy.h"
#include "scenarios/run/cell_run.h"

/* ---- placements ---- */

const char *replay_placement_name(enum placement placement)
{
	static const char *const names[] = { "as written", "all on the compute device", "as much as possible waiting on cpu" };

	return names[placement];
}

json_t *replay_placement_apply(const json_t *workflow, enum placement placement)
{
	json_t *copy = json_deep_copy(workflow);
	const char *id;
	json_t *node;

	json_object_foreach(copy, id, node)
	{
		json_t *inputs = json_object_get(node, "inputs");
		double all_gb;

		if (placement == PLACEMENT_AS_WRITTEN || !json_object_get(inputs, "virtual_vram_gb"))
			continue;
		all_gb = json_object_get(inputs, "use_other_vram") ? 24.0 : 64.0; /* nodes of DisTorch V1 take no more */
		json_object_set_new(inputs, "virtual_vram_gb", json_real(placement == PLACEMENT_WAITING ? all_gb : 0.0));
		if (json_object_get(inputs, "use_other_vram"))
			json_object_set_new(inputs, "use_other_vram", json_false());
		json_object_set_new(inputs, "donor_device", json_string("cpu"));
		json_object_set_new(inputs, "expert_mode_allocations", json_string(""));
	}
	return copy;
}

/* ---- running ---- */

static const char *matrix_name(const struct replay *replay)
{
	if (!replay->flow)
		return replay->workflow_name;
	if (replay->matrix)
		return replay->matrix->name;
	return replay->flow->matrix ? replay->flow->matrix : "own";
}

static struct record_cell describe_cell(const struct replay *replay)
{
	struct record_cell cell = { .cell = replay->setup->cell };
	char subject[RECORD_NAME_MAX];

	snprintf(subject, sizeof(subject), "%s:%s", replay->subject_name, replay->policy->name);
	record_text(cell.subject, sizeof(cell.subject), subject);
	record_text(cell.topology, sizeof(cell.topology), replay->topology_name ? replay->topology_name : "");
	record_text(cell.policy, sizeof(cell.policy), replay->policy->name);
	record_text(cell.matrix, sizeof(cell.matrix), matrix_name(replay));
	record_text(cell.workflow, sizeof(cell.workflow), replay->flow ? "" : replay->workflow_name);
	record_text(cell.flow, sizeof(cell.flow), replay->flow ? replay->flow->name : replay->free_name);
	record_text(cell.cache, sizeof(cell.cache), cache_kind_name(replay->setup->cache));
	record_text(cell.device_mode, sizeof(cell.device_mode), subject_device_mode_name(replay->setup->device_mode));
	record_text(cell.node_flags, sizeof(cell.node_flags), subject_node_flags_name(replay->setup->node_flags));
	return cell;
}

/* Puts the action's record, does it and waits for the worker. */
static bool act_on(const struct replay *replay, const struct action *action, const char *detail, const struct record_sink *sink,
		   struct error *e)
{
	const struct subject_operations *subject = replay->subject->operations;

	subject_put_action(replay->subject, action, detail, sink, replay->setup->cell);
	return subject->act(replay->subject, action, e) && subject->wait_until_idle(replay->subject, e);
}

static bool run_workflow(const struct replay *replay, const struct record_sink *sink, struct error *e)
{
	const struct action prompt = { .kind = ACTION_PROMPT, .name = replay->workflow_name, .body = replay->workflow };
	const struct action post = { .kind = ACTION_POST, .body = replay->free_body };
	char detail[RECORD_NAME_MAX];

	for (unsigned i = 0; i < (replay->prompts ? replay->prompts : 1); i++) {
		if (!act_on(replay, &prompt, replay->workflow_name, sink, e))
			return false;
		if (replay->subject->operations->worker_died(replay->subject))
			return true;
	}
	if (!replay->free_body)
		return true;
	snprintf(detail, sizeof(detail), "%s%s",
		 json_is_true(json_object_get(replay->free_body, "unload_models")) ? "unload_models " : "",
		 json_is_true(json_object_get(replay->free_body, "free_memory")) ? "free_memory" : "");
	return act_on(replay, &post, detail, sink, e);
}

static bool act(void *context, const struct record_sink *sink, struct error *e)
{
	const struct replay *replay = context;
	const struct matrix *matrix = replay->matrix;

	if (!replay->flow)
		return run_workflow(replay, sink, e);
	return flow_run(replay->flow, matrix ? matrix->models : NULL, matrix ? matrix->model_count : 0, replay->subject, sink,
			replay->setup->cell, e);
}

static void on_image(void *context, const struct image_event *event)
{
	struct replay_result *result = context;
	struct replay_image *image;

	if (!array_reserve(&result->images, &result->image_capacity, result->image_count + 1, sizeof(*result->images), NULL)) {
		result->images_failed = true;
		return;
	}
	image = &result->images[result->image_count++];
	record_text(image->path, sizeof(image->path), event->path);
	record_text(image->hash, sizeof(image->hash), event->hash);
}

static void put_images(const struct replay *replay, const struct replay_result *result)
{
	for (size_t i = 0; i < result->image_count; i++) {
		struct record_artifact artifact = { .cell = replay->setup->cell };

		record_text(artifact.kind, sizeof(artifact.kind), "png");
		record_text(artifact.path, sizeof(artifact.path), result->images[i].path);
		record_text(artifact.hash, sizeof(artifact.hash), result->images[i].hash);
		record_put(replay->sink, RECORD_ARTIFACT, &artifact, sizeof(artifact));
	}
}

/* Images are compared by hash; one that has none (no bytes here) differs from every expected one. */
static bool compare_images(const struct replay *replay, struct judge *judge, struct replay_result *result, struct error *e)
{
	result->differs = false;
	for (size_t i = 0; i < replay->expected_count; i++) {
		const char *hash = i < result->image_count ? result->images[i].hash : "";
		char place[RECORD_NAME_MAX];

		if (strcmp(hash, replay->expected[i]) == 0)
			continue;
		result->differs = true;
		snprintf(place, sizeof(place), "image %zu", i + 1);
		if (!judge_add_corrupted(judge, place, replay->expected[i], hash[0] ? hash : "no image", &result->judged, e))
			return false;
	}
	return true;
}

void replay_result_free(struct replay_result *result)
{
	timeline_free(&result->timeline);
	free(result->images);
	*result = (struct replay_result) { .image_count = 0 };
}

bool replay_run(const struct replay *replay, struct judge *judge, struct replay_result *result, struct error *e)
{
	struct record_tee inner = { .first = judge_sink(judge), .second = timeline_sink(&result->timeline) };
	struct record_tee outer = { .first = record_tee_sink(&inner), .second = replay->sink ? *replay->sink : inner.second };
	struct record_sink sink = replay->sink ? record_tee_sink(&outer) : record_tee_sink(&inner);
	struct record_cell cell = describe_cell(replay);
	struct replay acting = *replay;
	struct cell_run life = { .subject = replay->subject,
				 .setup = replay->setup,
				 .cell = &cell,
				 .sink = &sink,
				 .act = act,
				 .act_context = &acting,
				 .dropped = replay->dropped,
				 .dropped_context = replay->context };

	result->image_count = 0;
	if (replay->subject->operations->on_image)
		replay->subject->operations->on_image(replay->subject, on_image, result);
	if (!cell_run_judged(&life, judge, &result->judged, e))
		return false;
	if (result->timeline.failed || result->images_failed)
		return error_no_memory(e);
	if (!compare_images(replay, judge, result, e))
		return false;
	judge_put(judge, replay->sink);
	put_images(replay, result);
	return true;
}
