/* The cell that a log's lines fill: who is in it, stages, the verdict and what is missing for one. */
#include <stdio.h>
#include <string.h>

#include "probes/log/log_state.h"

#define PUT(import, type, record) record_put(&(import)->out, type, &(record), sizeof(record))

void log_cell_open(struct log_import *import)
{
	struct record_cell cell = { .cell = (uint32_t)import->summary.cell_count + 1 };
	const char *name = strrchr(import->file, '/');

	import->cell_is_open = true;
	import->result = (struct log_cell_result) { .cell = cell.cell, .first_line = import->line ? import->line : 1 };
	memcpy(import->result.file, import->file, sizeof(import->result.file));
	import->knows_lines = false;
	import->mode = MODE_IDLE;
	import->cycle = import->bar = import->bar_done = import->bar_total = import->steps = import->unloads = 0;
	import->acted = false;
	import->first_wall_ns = import->wall_ns = 0;
	import->now_ns = 0;
	for (size_t i = 0; i < LOG_DEVICES_MAX; i++)
		import->memory_bytes[i] = UNKNOWN_U64;
	import->model_count = import->told_count = 0;
	import->list.open = import->kept.open = false;
	import->pending = STAGE_COUNT;
	import->cause = REASON_EVICTED_BY_PRESSURE;
	import->list_seen = import->list_is_stale = import->over_limit = import->request_follows = import->core_empties = false;
	import->in_traceback = import->in_summary = import->allocation_follows = false;
	import->exception[0] = import->requested[0] = import->loading[0] = import->allocation[0] = '\0';
	import->table = TABLE_NONE;
	import->row_count = 0;
	record_text(cell.subject, sizeof(cell.subject), "log");
	record_text(cell.workflow, sizeof(cell.workflow), name ? name + 1 : import->file);
	record_text(cell.topology, sizeof(cell.topology), LOG_TOPOLOGY);
	PUT(import, RECORD_CELL, cell);
}

void log_cell_pass(struct log_import *import, uint64_t until_ns)
{
	if (until_ns > import->now_ns && until_ns < (uint64_t)INT64_MAX / 2)
		import->now_ns = until_ns;
}

void log_cell_time(struct log_import *import, int64_t wall_ns)
{
	if (wall_ns <= 0)
		return;
	if (!import->first_wall_ns) /* what bars and prompts took before the first time was told comes before it */
		import->first_wall_ns = wall_ns > (int64_t)import->now_ns ? wall_ns - (int64_t)import->now_ns : wall_ns;
	import->wall_ns = wall_ns;
	if (wall_ns - import->first_wall_ns > (int64_t)import->now_ns)
		import->now_ns = (uint64_t)(wall_ns - import->first_wall_ns);
}

static bool is_in(const struct log_list *list, size_t model)
{
	for (size_t i = 0; list && i < list->count; i++) {
		if (list->models[i] == model)
			return true;
	}
	return false;
}

static void name_model(struct log_import *import, struct log_model *model)
{
	unsigned same = 1;

	if (model->hash[0]) {
		snprintf(model->name, sizeof(model->name), "%.44s:%s", model->class_name, model->hash);
		return;
	}
	for (size_t i = 0; i + 1 < import->model_count; i++)
		same += strcmp(import->models[i].class_name, model->class_name) == 0;
	if (same == 1)
		snprintf(model->name, sizeof(model->name), "%.48s", model->class_name);
	else
		snprintf(model->name, sizeof(model->name), "%.48s (%u)", model->class_name, same);
}

static struct log_model *add_model(struct log_import *import, const char *class_name, const char *hash)
{
	struct log_model *model = &import->models[import->model_count];

	if (import->model_count == LOG_MODELS_MAX) {
		import->over_limit = true;
		return NULL;
	}
	*model = (struct log_model) { .keep = KEEP_NONE, .told_keep = KEEP_NONE, .listed = -1, .size_bytes = UNKNOWN_U64 };
	import->model_count++;
	record_text(model->class_name, sizeof(model->class_name), class_name);
	record_text(model->hash, sizeof(model->hash), hash);
	name_model(import, model);
	return model;
}

struct log_model *log_cell_model(struct log_import *import, const char *class_name, const char *hash,
				 const struct log_list *beside)
{
	struct log_model *found = NULL;

	for (size_t i = 0; i < import->model_count; i++) {
		struct log_model *model = &import->models[i];

		if (hash[0] && strcmp(model->hash, hash) == 0)
			return model;
		if ((hash[0] && model->hash[0]) || strcmp(model->class_name, class_name) != 0 || is_in(beside, i))
			continue;
		/* of several the one that stands first in the list */
		if (!found || (model->listed >= 0 && (found->listed < 0 || model->listed < found->listed)))
			found = model;
	}
	if (!found)
		return add_model(import, class_name, hash);
	if (hash[0]) {
		record_text(found->hash, sizeof(found->hash), hash);
		if ((size_t)(found - import->models) >= import->told_count)
			name_model(import, found);
	}
	return found;
}

struct log_model *log_cell_loading(struct log_import *import)
{
	const char *class_name = import->requested[0] ? import->requested : "unnamed";

	if (import->loading[0] || import->requested[0])
		return log_cell_model(import, class_name, import->loading, NULL);
	return add_model(import, class_name, "");
}

/* Reports new models, and others whose keep request changed. */
static void tell_models(struct log_import *import)
{
	for (size_t i = 0; i < import->model_count; i++) {
		struct log_model *from = &import->models[i];
		struct record_model model = { .cell = import->result.cell, .model = (uint32_t)i + 1, .generation = 1 };

		if (i < import->told_count && from->keep == from->told_keep)
			continue;
		record_text(model.name, sizeof(model.name), from->name);
		model.identity = record_identity(from->name, model.kind);
		model.inner = model.model;
		model.keep = from->told_keep = from->keep;
		model.size_bytes = from->size_bytes;
		for (size_t k = 0; k < from->row_count; k++)
			model.block_count += from->rows[k].blocks;
		PUT(import, RECORD_MODEL, model);
		if (i >= import->told_count)
			import->told_count = i + 1;
	}
}

static void put_residency(struct log_import *import, size_t index)
{
	const struct log_model *model = &import->models[index];
	bool listed = model->listed >= 0;
	struct record_residency residency = { .cell = import->result.cell,
					      .snapshot = import->result.snapshots,
					      .model = (uint32_t)index + 1,
					      .state = listed ? STATE_RESIDENT : STATE_UNLOADED,
					      .listed = model->listed,
					      .patcher_alive = true,
					      .model_alive = true,
					      .anchored = -1,
					      .device = -1,
					      .bytes_on_compute = listed ? UNKNOWN_U64 : 0,
					      .bytes_elsewhere = UNKNOWN_U64 };

	if (model->row_count)
		residency.device = (int32_t)model->rows[0].device;
	if (listed && model->row_count)
		residency.bytes_on_compute = residency.bytes_elsewhere = 0;
	for (size_t i = 0; listed && i < model->row_count; i++) {
		if (model->rows[i].device == model->rows[0].device)
			residency.bytes_on_compute += model->rows[i].size_bytes;
		else
			residency.bytes_elsewhere += model->rows[i].size_bytes;
	}
	PUT(import, RECORD_RESIDENCY, residency);
}

/* A table counts blocks per device and does not say which: the runs are as long as they should be, in the table's order. */
static void put_placement(struct log_import *import, size_t index)
{
	struct log_model *model = &import->models[index];
	struct record_allocation allocation = { .cell = import->result.cell,
						.snapshot = import->result.snapshots,
						.model = (uint32_t)index + 1 };
	uint32_t first = 0;

	model->is_placed_again = false;
	for (size_t i = 0; i < model->row_count; i++) {
		struct record_placement run = { .cell = allocation.cell,
						.snapshot = allocation.snapshot,
						.model = allocation.model,
						.first = first,
						.count = model->rows[i].blocks,
						.device = model->rows[i].device };
		struct record_planned planned = { .cell = run.cell,
						  .snapshot = run.snapshot,
						  .model = run.model,
						  .first = first,
						  .count = run.count,
						  .device = run.device };

		if (run.count == 0)
			continue;
		PUT(import, RECORD_PLACEMENT, run);
		PUT(import, RECORD_PLANNED, planned);
		first += run.count;
	}
	if (!model->allocation[0])
		return;
	memcpy(allocation.own, model->allocation, sizeof(allocation.own));
	memcpy(allocation.used, model->allocation, sizeof(allocation.used));
	PUT(import, RECORD_ALLOCATION, allocation);
}

static void put_memory(struct log_import *import)
{
	for (size_t i = 0; i < import->device_count; i++) {
		struct record_memory memory = { .cell = import->result.cell,
						.snapshot = import->result.snapshots,
						.device = (uint32_t)i,
						.line = "used",
						.size_bytes = import->memory_bytes[i] };

		if (memory.size_bytes != UNKNOWN_U64)
			PUT(import, RECORD_MEMORY, memory);
	}
}

static void put_snapshot(struct log_import *import, enum stage stage)
{
	struct record_snapshot snapshot = { .cell = import->result.cell,
					    .cycle = import->cycle,
					    .stage = stage,
					    .time_ns = import->now_ns,
					    .anchor_count = -1,
					    .load_device = -1,
					    .current_device = -1 };

	if (import->result.snapshots >= LOG_SNAPSHOTS_MAX && stage != STAGE_END) {
		import->over_limit = true;
		return;
	}
	tell_models(import);
	snapshot.snapshot = ++import->result.snapshots;
	import->summary.snapshots++;
	for (size_t i = 0; i < import->model_count; i++)
		snapshot.listed_count += import->models[i].listed >= 0;
	memcpy(snapshot.exception, import->exception, sizeof(snapshot.exception));
	import->exception[0] = '\0';
	PUT(import, RECORD_SNAPSHOT, snapshot);
	for (size_t i = 0; i < import->model_count; i++)
		put_residency(import, i);
	put_memory(import);
	for (size_t i = 0; i < import->model_count; i++) {
		if (import->models[i].is_placed_again)
			put_placement(import, i);
	}
	if (stage == STAGE_BEFORE_UNLOAD && import->request_follows) {
		struct record_request request = { .cell = snapshot.cell,
						  .after_snapshot = snapshot.snapshot,
						  .unload_models = true };

		import->request_follows = false;
		PUT(import, RECORD_REQUEST, request);
	}
}

static void settle_pending(struct log_import *import)
{
	enum stage stage = import->pending;

	import->pending = STAGE_COUNT;
	if (stage != STAGE_COUNT)
		put_snapshot(import, stage);
}

void log_cell_stage(struct log_import *import, enum stage stage)
{
	settle_pending(import);
	put_snapshot(import, stage);
}

void log_cell_stage_later(struct log_import *import, enum stage stage)
{
	settle_pending(import);
	import->pending = stage;
}

static void put_action(struct log_import *import, enum action_kind kind, bool asks, const char *detail)
{
	struct record_action action = { .cell = import->result.cell, .kind = kind, .asks = asks };

	if (import->acted)
		import->cycle++;
	import->acted = true;
	action.cycle = import->cycle;
	record_text(action.detail, sizeof(action.detail), detail);
	PUT(import, RECORD_ACTION, action);
}

void log_cell_prompt(struct log_import *import)
{
	if (import->mode == MODE_PROMPT)
		return;
	settle_pending(import);
	import->mode = MODE_PROMPT;
	import->cause = REASON_EVICTED_BY_PRESSURE;
	put_action(import, ACTION_PROMPT, false, "");
}

void log_cell_prompt_ends(struct log_import *import)
{
	log_cell_prompt(import);
	log_cell_stage(import, import->result.prompts ? STAGE_NEXT_PROMPT : STAGE_LOADED);
	import->mode = MODE_BETWEEN;
	import->cause = REASON_DIED_IN_GC;
	import->result.prompts++;
	import->summary.prompts++;
	import->requested[0] = import->loading[0] = '\0';
}

/* After a prompt it is the worker, who acts on flags; in one a node calls it. */
void log_cell_unload_begins(struct log_import *import)
{
	settle_pending(import);
	import->summary.unloads++;
	import->unloads++;
	import->list_is_stale = true;
	import->request_follows = true;
	import->cause = REASON_UNLOADED_BY_POLICY;
	import->kept.count = 0;
	if (import->mode != MODE_PROMPT) {
		import->mode = MODE_BETWEEN;
		put_action(import, ACTION_POST, true, "unload_models");
	}
	import->pending = STAGE_BEFORE_UNLOAD;
}

static void put_departure(struct log_import *import, size_t index)
{
	struct record_departure departure = { .cell = import->result.cell,
					      .model = (uint32_t)index + 1,
					      .after_snapshot = import->result.snapshots,
					      .reason = import->cause,
					      .time_ns = import->now_ns };

	PUT(import, RECORD_DEPARTURE, departure);
}

void log_cell_listed(struct log_import *import, const struct log_list *list)
{
	int32_t places[LOG_MODELS_MAX];

	import->summary.lists++;
	import->list_seen = true;
	for (size_t i = 0; i < import->model_count; i++)
		places[i] = -1;
	for (size_t i = 0; i < list->count; i++)
		places[list->models[i]] = (int32_t)i;
	tell_models(import);
	for (size_t i = 0; i < import->model_count; i++) {
		if (import->models[i].listed >= 0 && places[i] < 0)
			put_departure(import, i);
		import->models[i].listed = places[i];
	}
	if (import->pending != STAGE_BEFORE_UNLOAD)
		import->list_is_stale = false;
	if (import->pending == STAGE_AFTER_UNLOAD)
		import->cause = REASON_DIED_IN_GC;
	settle_pending(import);
}

void log_cell_loaded(struct log_import *import, struct log_model *model)
{
	struct record_load load = { .cell = import->result.cell,
				    .model = (uint32_t)(model - import->models) + 1,
				    .after_snapshot = import->result.snapshots,
				    .time_ns = import->now_ns };

	log_cell_prompt(import);
	tell_models(import);
	PUT(import, RECORD_LOAD, load);
	for (size_t i = 0; i < import->model_count && model->listed < 0; i++)
		import->models[i].listed += import->models[i].listed >= 0;
	if (model->listed < 0)
		model->listed = 0;
}

/* What the log does not tell, so that there is no verdict; NULL where it tells enough. */
static const char *find_gap(const struct log_import *import)
{
	bool flagged = false;

	for (size_t i = 0; i < import->model_count; i++)
		flagged |= import->models[i].keep != KEEP_NONE;
	if (!import->knows_lines)
		return "no line of ComfyUI or ComfyUI-MultiGPU is in it";
	if (import->over_limit)
		return "the log is longer than what is kept of one: more stages, or more models";
	if (!import->list_seen)
		return "the log lists no models: ComfyUI-MultiGPU's Model Management lines are not in it (newer versions "
		       "switch them off)";
	if (import->list_is_stale)
		return "no list of models follows the last unload";
	if (import->mode == MODE_PROMPT)
		return "the log ends within a prompt";
	if (!flagged && !import->unloads)
		return "nothing in the log asks models to stay, or to go";
	return NULL;
}

/* What the judge says, with the gap of the log in the verdict, and without holders: a log names none, which is not that there are
 * none. */
struct doubt {
	struct record_sink sink;
	const char *gap;
};

static void put_verdict(const struct doubt *doubt, const struct record_verdict *told)
{
	struct record_verdict verdict = *told;

	if (doubt->gap) {
		verdict.verdict = VERDICT_UNTRUSTWORTHY;
		record_text(verdict.why, sizeof(verdict.why), doubt->gap);
	}
	record_put(&doubt->sink, RECORD_VERDICT, &verdict, sizeof(verdict));
}

static void put_model(const struct doubt *doubt, const struct record_verdict_model *told)
{
	struct record_verdict_model model = *told;

	model.holders_before[0] = model.holders_after[0] = '\0';
	record_put(&doubt->sink, RECORD_VERDICT_MODEL, &model, sizeof(model));
}

static void put_finding(const struct doubt *doubt, const struct record_finding *told)
{
	struct record_finding finding = *told;
	char *held = strstr(finding.detail, ", held by nothing");

	if (held)
		*held = '\0';
	finding.holders_before[0] = finding.holders_after[0] = finding.missing_holder[0] = '\0';
	record_put(&doubt->sink, RECORD_FINDING, &finding, sizeof(finding));
}

static void put_doubted(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	const struct doubt *doubt = context;

	(void)size_bytes;
	if (type == RECORD_VERDICT)
		put_verdict(doubt, record);
	else if (type == RECORD_VERDICT_MODEL)
		put_model(doubt, record);
	else if (type == RECORD_FINDING)
		put_finding(doubt, record);
}

bool log_cell_close(struct log_import *import, struct error *e)
{
	struct doubt doubt = { .sink = import->sink };
	struct record_sink sink = { .context = &doubt, .put = put_doubted };
	struct log_cell_result *result = &import->result;
	struct judge_result judged;

	if (!import->cell_is_open)
		return true;
	import->cell_is_open = false;
	log_table_end(import);
	doubt.gap = find_gap(import);
	log_cell_stage(import, STAGE_END);
	if (!judge_finish(import->judge, &judged, e))
		return false;
	judge_put(import->judge, &sink);
	result->verdict = doubt.gap ? VERDICT_UNTRUSTWORTHY : judged.verdict;
	record_text(result->why, sizeof(result->why), doubt.gap ? doubt.gap : judged.why);
	result->models = (uint32_t)judged.model_count;
	result->findings = (uint32_t)judged.finding_count;
	for (size_t i = 0; i < judged.model_count; i++)
		result->lost += judged.models[i].outcome == OUTCOME_LOST;
	import->summary.findings += judged.finding_count;
	import->summary.cells[import->summary.cell_count++] = *result;
	return true;
}
