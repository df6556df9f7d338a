#include "db/records/layout.h"

#include "core/base/array.h"

#define FIELD(struct_name, member, column, kind)                                                                               \
	{                                                                                                                      \
		column, FIELD_##kind, offsetof(struct record_##struct_name, member)                                            \
	}

static const struct record_field run_fields[] = {
	FIELD(run, id, "id", TEXT),
	FIELD(run, command, "command", TEXT),
	FIELD(run, version, "version", TEXT),
	FIELD(run, started_wall_ns, "started_wall_ns", I64),
	FIELD(run, environment, "environment", TEXT),
};

static const struct record_field device_fields[] = {
	FIELD(device, topology, "topology", TEXT),
	FIELD(device, index, "number", U32),
	FIELD(device, name, "name", TEXT),
	FIELD(device, kind, "kind", TEXT),
	FIELD(device, capacity_bytes, "capacity_bytes", U64),
};

static const struct record_field link_fields[] = {
	FIELD(link, topology, "topology", TEXT),
	FIELD(link, from, "from_device", U32),
	FIELD(link, to, "to_device", U32),
	FIELD(link, bandwidth_bytes_per_s, "bandwidth_bytes_per_s", DOUBLE),
	FIELD(link, efficiency, "efficiency", DOUBLE),
	FIELD(link, latency_ns, "latency_ns", U64),
};

static const struct record_field cell_fields[] = {
	FIELD(cell, cell, "number", U32),
	FIELD(cell, subject, "subject", TEXT),
	FIELD(cell, policy, "policy", TEXT),
	FIELD(cell, matrix, "matrix", TEXT),
	FIELD(cell, flow, "flow", TEXT),
	FIELD(cell, cache, "cache", TEXT),
	FIELD(cell, device_mode, "device_mode", TEXT),
	FIELD(cell, node_flags, "node_flags", TEXT),
	FIELD(cell, workflow, "workflow", TEXT),
	FIELD(cell, topology, "topology", TEXT),
};

static const struct record_field model_fields[] = {
	FIELD(model, cell, "cell", U32),
	FIELD(model, model, "number", U32),
	FIELD(model, name, "name", TEXT),
	FIELD(model, generation, "generation", U32),
	FIELD(model, inner, "inner_model", U32),
	FIELD(model, kind, "kind", TEXT),
	FIELD(model, keep, "keep", INDEX),
	FIELD(model, size_bytes, "size_bytes", U64),
	FIELD(model, block_count, "block_count", U32),
};

static const struct record_field load_fields[] = {
	FIELD(load, cell, "cell", U32),
	FIELD(load, model, "model", U32),
	FIELD(load, after_snapshot, "after_snapshot", U32),
	FIELD(load, from_disk, "from_disk", BOOL),
	FIELD(load, time_ns, "time_ns", U64),
};

static const struct record_field action_fields[] = {
	FIELD(action, cell, "cell", U32),  FIELD(action, cycle, "cycle", U32),	  FIELD(action, kind, "kind", ACTION),
	FIELD(action, asks, "asks", BOOL), FIELD(action, detail, "detail", TEXT),
};

static const struct record_field request_fields[] = {
	FIELD(request, cell, "cell", U32),
	FIELD(request, after_snapshot, "after_snapshot", U32),
	FIELD(request, unload_models, "unload_models", BOOL),
	FIELD(request, free_memory, "free_memory", BOOL),
};

static const struct record_field snapshot_fields[] = {
	FIELD(snapshot, cell, "cell", U32),
	FIELD(snapshot, snapshot, "number", U32),
	FIELD(snapshot, cycle, "cycle", U32),
	FIELD(snapshot, stage, "stage", STAGE),
	FIELD(snapshot, time_ns, "time_ns", U64),
	FIELD(snapshot, anchor_count, "anchor_count", INDEX),
	FIELD(snapshot, listed_count, "listed_count", U32),
	FIELD(snapshot, load_device, "load_device", INDEX),
	FIELD(snapshot, current_device, "current_device", INDEX),
	FIELD(snapshot, exception, "exception", TEXT),
};

static const struct record_field residency_fields[] = {
	FIELD(residency, cell, "cell", U32),
	FIELD(residency, snapshot, "snapshot", U32),
	FIELD(residency, model, "model", U32),
	FIELD(residency, state, "state", STATE),
	FIELD(residency, listed, "listed", INDEX),
	FIELD(residency, patcher_alive, "patcher_alive", BOOL),
	FIELD(residency, model_alive, "model_alive", BOOL),
	FIELD(residency, anchored, "anchored", INDEX8),
	FIELD(residency, device, "device", INDEX),
	FIELD(residency, foreign_patches, "foreign_patches", BOOL),
	FIELD(residency, bytes_on_compute, "bytes_on_compute", U64),
	FIELD(residency, bytes_elsewhere, "bytes_elsewhere", U64),
};

static const struct record_field holder_fields[] = {
	FIELD(holder, cell, "cell", U32),    FIELD(holder, snapshot, "snapshot", U32), FIELD(holder, model, "model", U32),
	FIELD(holder, label, "label", TEXT), FIELD(holder, kind, "kind", TEXT),	       FIELD(holder, strong, "strong", BOOL),
};

static const struct record_field path_fields[] = {
	FIELD(path, cell, "cell", U32),	    FIELD(path, snapshot, "snapshot", U32), FIELD(path, model, "model", U32),
	FIELD(path, length, "length", U32), FIELD(path, path, "path", TEXT),
};

static const struct record_field memory_fields[] = {
	FIELD(memory, cell, "cell", U32),  FIELD(memory, snapshot, "snapshot", U32),	 FIELD(memory, device, "device", U32),
	FIELD(memory, line, "line", TEXT), FIELD(memory, size_bytes, "size_bytes", U64),
};

static const struct record_field departure_fields[] = {
	FIELD(departure, cell, "cell", U32),
	FIELD(departure, model, "model", U32),
	FIELD(departure, after_snapshot, "after_snapshot", U32),
	FIELD(departure, reason, "reason", REASON),
	FIELD(departure, time_ns, "time_ns", U64),
};

static const struct record_field placement_fields[] = {
	FIELD(placement, cell, "cell", U32),	     FIELD(placement, snapshot, "snapshot", U32),
	FIELD(placement, model, "model", U32),	     FIELD(placement, first, "first_block", U32),
	FIELD(placement, count, "block_count", U32), FIELD(placement, device, "device", U32),
};

static const struct record_field planned_fields[] = {
	FIELD(planned, cell, "cell", U32),	   FIELD(planned, snapshot, "snapshot", U32),
	FIELD(planned, model, "model", U32),	   FIELD(planned, first, "first_block", U32),
	FIELD(planned, count, "block_count", U32), FIELD(planned, device, "device", U32),
};

static const struct record_field block_fields[] = {
	FIELD(block, cell, "cell", U32),
	FIELD(block, model, "model", U32),
	FIELD(block, first, "first_block", U32),
	FIELD(block, count, "block_count", U32),
	FIELD(block, size_bytes, "size_bytes", U64),
};

static const struct record_field allocation_fields[] = {
	FIELD(allocation, cell, "cell", U32),	FIELD(allocation, snapshot, "snapshot", U32),
	FIELD(allocation, model, "model", U32), FIELD(allocation, own, "own", TEXT),
	FIELD(allocation, used, "used", TEXT),
};

static const struct record_field transfer_fields[] = {
	FIELD(transfer, cell, "cell", U32),
	FIELD(transfer, from, "from_device", U32),
	FIELD(transfer, to, "to_device", U32),
	FIELD(transfer, stream, "stream", U32),
	FIELD(transfer, size_bytes, "size_bytes", U64),
	FIELD(transfer, start_ns, "start_ns", U64),
	FIELD(transfer, end_ns, "end_ns", U64),
};

static const struct record_field step_fields[] = {
	FIELD(step, cell, "cell", U32),
	FIELD(step, node, "node", U32),
	FIELD(step, step, "step", U32),
	FIELD(step, pass_count, "pass_count", U32),
	FIELD(step, start_ns, "start_ns", U64),
	FIELD(step, end_ns, "end_ns", U64),
	FIELD(step, moved_bytes, "moved_bytes", U64),
};

static const struct record_field sample_fields[] = {
	FIELD(sample, series, "series", TEXT),	 FIELD(sample, topology, "topology", TEXT),
	FIELD(sample, backend, "backend", TEXT), FIELD(sample, label, "label", TEXT),
	FIELD(sample, x, "x", DOUBLE),		 FIELD(sample, value, "value", DOUBLE),
	FIELD(sample, repeat, "repeat", U32),
};

static const struct record_field verdict_model_fields[] = {
	FIELD(verdict_model, cell, "cell", U32),
	FIELD(verdict_model, model, "model", U32),
	FIELD(verdict_model, name, "name", TEXT),
	FIELD(verdict_model, generation, "generation", U32),
	FIELD(verdict_model, judged, "judged", BOOL),
	FIELD(verdict_model, keep, "keep", INDEX),
	FIELD(verdict_model, outcome, "outcome", OUTCOME),
	FIELD(verdict_model, first_lost_stage, "first_lost_stage", TEXT),
	FIELD(verdict_model, reason, "reason", REASON),
	FIELD(verdict_model, first_lost_state, "first_lost_state", STATE),
	FIELD(verdict_model, end_state, "end_state", STATE),
	FIELD(verdict_model, died_stage, "died_stage", TEXT),
	FIELD(verdict_model, holders_before, "holders_before", TEXT),
	FIELD(verdict_model, holders_after, "holders_after", TEXT),
	FIELD(verdict_model, disk_loads, "disk_loads", U32),
};

static const struct record_field verdict_fields[] = {
	FIELD(verdict, cell, "cell", U32),
	FIELD(verdict, verdict, "verdict", VERDICT),
	FIELD(verdict, dropped, "dropped", U64),
	FIELD(verdict, why, "why", TEXT),
};

static const struct record_field finding_fields[] = {
	FIELD(finding, cell, "cell", U32),
	FIELD(finding, class_name, "class", TEXT),
	FIELD(finding, model, "model", TEXT),
	FIELD(finding, stage, "stage", TEXT),
	FIELD(finding, detail, "detail", TEXT),
	FIELD(finding, object, "object", INDEX),
	FIELD(finding, size_bytes, "size_bytes", U64),
	FIELD(finding, device, "device", INDEX),
	FIELD(finding, planned_device, "planned_device", INDEX),
	FIELD(finding, action, "action", TEXT),
	FIELD(finding, reason, "reason", REASON),
	FIELD(finding, state, "state", STATE),
	FIELD(finding, end_state, "end_state", STATE),
	FIELD(finding, holders_before, "holders_before", TEXT),
	FIELD(finding, holders_after, "holders_after", TEXT),
	FIELD(finding, missing_holder, "missing_holder", TEXT),
	FIELD(finding, path, "path", TEXT),
	FIELD(finding, bytes_before, "bytes_before", U64),
	FIELD(finding, bytes_after, "bytes_after", U64),
	FIELD(finding, weak_state, "weak_state", TEXT),
	FIELD(finding, place, "place", TEXT),
	FIELD(finding, expected, "expected", TEXT),
	FIELD(finding, actual, "actual", TEXT),
	FIELD(finding, facts, "facts", TEXT),
	FIELD(finding, failure_class, "failure_class", INDEX),
	FIELD(finding, cause, "cause", TEXT),
	FIELD(finding, threads, "threads", TEXT),
	FIELD(finding, why, "why", TEXT),
};

static const struct record_field artifact_fields[] = {
	FIELD(artifact, cell, "cell", U32),
	FIELD(artifact, kind, "kind", TEXT),
	FIELD(artifact, path, "path", TEXT),
	FIELD(artifact, hash, "hash", TEXT),
};

static const struct record_field sweep_fields[] = {
	FIELD(sweep, repository, "repository", TEXT),
	FIELD(sweep, of, "sweep_of", TEXT),
	FIELD(sweep, range, "commit_range", TEXT),
	FIELD(sweep, setting, "setting", TEXT),
};

static const struct record_field sweep_commit_fields[] = {
	FIELD(sweep_commit, number, "number", U32),
	FIELD(sweep_commit, id, "commit_id", TEXT),
	FIELD(sweep_commit, committed_wall_ns, "committed_wall_ns", I64),
	FIELD(sweep_commit, summary, "summary", TEXT),
};

static const struct record_field sweep_cell_fields[] = {
	FIELD(sweep_cell, matrix, "matrix", TEXT),
	FIELD(sweep_cell, flow, "flow", TEXT),
	FIELD(sweep_cell, device_mode, "device_mode", TEXT),
	FIELD(sweep_cell, node_flags, "node_flags", TEXT),
};

static const struct record_field run_commit_fields[] = {
	FIELD(run_commit, repository, "repository", TEXT),
	FIELD(run_commit, id, "commit_id", TEXT),
	FIELD(run_commit, setting, "setting", TEXT),
	FIELD(run_commit, why, "why", TEXT),
};

#define LAYOUT(struct_name, table_name, cell, number, after)                                                                   \
	{                                                                                                                      \
		.table = table_name, .size_bytes = sizeof(struct record_##struct_name), .has_cell = cell,                      \
		.numbering = NUMBERED_##number, .fields = struct_name##_fields,                                                \
		.field_count = ARRAY_SIZE(struct_name##_fields), .suffix = after                                               \
	}

const struct record_layout record_layouts[RECORD_TYPE_COUNT] = {
	[RECORD_RUN] = LAYOUT(run, "run", false, NOT, NULL),
	[RECORD_RUN_END] = { .size_bytes = sizeof(struct record_run_end) },
	[RECORD_DEVICE] = LAYOUT(device, "device", false, NOT, NULL),
	[RECORD_LINK] = LAYOUT(link, "link", false, NOT, NULL),
	[RECORD_CELL] = LAYOUT(cell, "cell", true, NOT, NULL),
	[RECORD_MODEL] =
		LAYOUT(model, "model", true, NOT, "ON CONFLICT (run, cell, number) DO UPDATE SET keep = excluded.keep"),
	[RECORD_LOAD] = LAYOUT(load, "load", true, IN_CELL, NULL),
	[RECORD_ACTION] = LAYOUT(action, "action", true, IN_CELL, NULL),
	[RECORD_REQUEST] = LAYOUT(request, "request", true, IN_CELL, NULL),
	[RECORD_SNAPSHOT] = LAYOUT(snapshot, "snapshot", true, NOT, NULL),
	[RECORD_RESIDENCY] = LAYOUT(residency, "residency", true, NOT, NULL),
	[RECORD_HOLDER] = LAYOUT(holder, "holder", true, IN_CELL, NULL),
	[RECORD_PATH] = LAYOUT(path, "retaining_path", true, NOT, NULL),
	[RECORD_MEMORY] = LAYOUT(memory, "memory", true, NOT, NULL),
	[RECORD_DEPARTURE] = LAYOUT(departure, "departure", true, IN_CELL, NULL),
	[RECORD_PLACEMENT] = LAYOUT(placement, "block_placement", true, NOT, NULL),
	[RECORD_PLANNED] = LAYOUT(planned, "block_plan", true, NOT, NULL),
	[RECORD_ALLOCATION] = LAYOUT(allocation, "allocation", true, NOT, NULL),
	[RECORD_TRANSFER] = LAYOUT(transfer, "transfer", true, IN_CELL, NULL),
	[RECORD_STEP] = LAYOUT(step, "step", true, IN_CELL, NULL),
	[RECORD_SAMPLE] = LAYOUT(sample, "link_sample", false, IN_RUN, NULL),
	[RECORD_VERDICT_MODEL] = LAYOUT(verdict_model, "verdict_model", true, NOT, NULL),
	[RECORD_VERDICT] = LAYOUT(verdict, "verdict", true, NOT, NULL),
	[RECORD_FINDING] = LAYOUT(finding, "finding", true, IN_CELL, NULL),
	[RECORD_ARTIFACT] = LAYOUT(artifact, "artifact", true, IN_RUN, NULL),
	[RECORD_BLOCK] = LAYOUT(block, "block", true, NOT, NULL),
	[RECORD_SAMPLED] = { .size_bytes = sizeof(struct record_sampled), .has_cell = true },
	[RECORD_SWEEP] = LAYOUT(sweep, "sweep", false, NOT, NULL),
	[RECORD_SWEEP_COMMIT] = LAYOUT(sweep_commit, "sweep_commit", false, NOT, NULL),
	[RECORD_SWEEP_CELL] = LAYOUT(sweep_cell, "sweep_cell", false, IN_RUN, NULL),
	[RECORD_RUN_COMMIT] = LAYOUT(run_commit, "run_commit", false, NOT, NULL),
};

const char *record_field_name(enum field_type type, int value)
{
	unsigned index = (unsigned)value;

	switch (type) {
	case FIELD_STATE:
		return index < STATE_COUNT ? residency_state_name((enum residency_state)index) : NULL;
	case FIELD_STAGE:
		return index < STAGE_COUNT ? stage_name((enum stage)index) : NULL;
	case FIELD_REASON:
		return index < REASON_COUNT ? reason_name((enum reason)index) : NULL;
	case FIELD_OUTCOME:
		return index < OUTCOME_COUNT ? outcome_name((enum outcome)index) : NULL;
	case FIELD_VERDICT:
		return index < VERDICT_COUNT ? verdict_name((enum verdict)index) : NULL;
	case FIELD_ACTION:
		return index < ACTION_KIND_COUNT ? action_kind_name((enum action_kind)index) : NULL;
	default:
		return NULL;
	}
}
