/* bench_row_engine.c - what the harness itself costs: snapshots, probes, cells. */
#include "cli/bench/bench.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_matrix.h"
#include "scenarios/bench/bench_probe.h"

#define SNAPSHOT_MODELS 10
#define SNAPSHOT_BLOCKS 1000

static unsigned repeats_of(const struct bench_request *request, unsigned usual)
{
	return request->repeats ? request->repeats : usual;
}

static json_t *spread_json(const struct spread *spread)
{
	return json_pack("{s:f, s:f, s:f, s:I}", "median", spread->median, "min", spread->least, "max", spread->most, "repeats",
			 (json_int_t)spread->count);
}

static void print_times(FILE *out, const char *what, const struct spread *ns)
{
	char median[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];

	fprintf(out, "  %-42s %9s  (%s to %s)\n", what, units_duration((uint64_t)ns->median, median),
		units_duration((uint64_t)ns->least, least), units_duration((uint64_t)ns->most, most));
}

static json_t *finish(json_t *json, struct error *e)
{
	if (!json)
		error_no_memory(e);
	return json;
}

/* ---- snapshot ---- */

static json_t *run_snapshot(const struct bench_request *request, struct error *e)
{
	struct bench_snapshot cost;

	if (!bench_snapshot(bench_folder(), SNAPSHOT_MODELS, SNAPSHOT_BLOCKS, repeats_of(request, 31),
			    request->cli->interrupted, &cost, e))
		return NULL;
	if (request->print) {
		fprintf(request->cli->out, "a snapshot of %zu models of %zu blocks, on the subject's thread\n",
			cost.model_count, cost.block_count);
		print_times(request->cli->out, "every block has moved", &cost.moved_ns);
		print_times(request->cli->out, "nothing has moved", &cost.still_ns);
		fprintf(request->cli->out, "  %llu records dropped\n", (unsigned long long)cost.dropped);
	}
	return finish(json_pack("{s:I, s:I, s:o, s:o, s:I}", "models", (json_int_t)cost.model_count, "blocks",
				(json_int_t)cost.block_count, "moved_ns", spread_json(&cost.moved_ns), "still_ns",
				spread_json(&cost.still_ns), "dropped", (json_int_t)cost.dropped),
		      e);
}

const struct bench bench_row_snapshot = {
	.name = "snapshot",
	.summary = "time that a snapshot takes from the subject's thread",
	.run = run_snapshot,
};

/* ---- probes ---- */

static json_t *run_probes(const struct bench_request *request, struct error *e)
{
	struct bench_probes cost;
	double share;
	double ratio;

	if (!bench_probes(bench_folder(), repeats_of(request, 15), request->cli->interrupted, &cost, e))
		return NULL;
	share = cost.inside_ns.median / cost.on_ns.median;
	ratio = cost.on_ns.median / cost.off_ns.median;
	if (request->print) {
		fprintf(request->cli->out, "%s replayed on host, every record wanted\n", cost.workflow);
		print_times(request->cli->out, "with probes", &cost.on_ns);
		print_times(request->cli->out, "without", &cost.off_ns);
		print_times(request->cli->out, "spent in the probes", &cost.inside_ns);
		fprintf(request->cli->out, "  %.3f times as long; %.2f %% of it in the probes; %llu records dropped\n", ratio,
			100 * share, (unsigned long long)cost.dropped);
	}
	return finish(json_pack("{s:s, s:o, s:o, s:o, s:f, s:f, s:I}", "workflow", cost.workflow, "on_ns",
				spread_json(&cost.on_ns), "off_ns", spread_json(&cost.off_ns), "inside_ns",
				spread_json(&cost.inside_ns), "ratio", ratio, "inside_share", share, "dropped",
				(json_int_t)cost.dropped),
		      e);
}

const struct bench bench_row_probes = {
	.name = "probes",
	.summary = "a replay on host with probes and without",
	.run = run_probes,
};

/* ---- matrix ---- */

static json_t *run_matrix(const struct bench_request *request, struct error *e)
{
	struct bench_matrix speed;

	if (!bench_matrix(bench_folder(), repeats_of(request, 9), request->cli->interrupted, &speed, e))
		return NULL;
	if (request->print)
		fprintf(request->cli->out,
			"matrix: %zu cells on sim; %.0f a second without a store (%.0f to %.0f), %.0f with one (%.0f to %.0f); "
			"%llu records dropped\n",
			speed.cell_count, speed.without_per_s.median, speed.without_per_s.least, speed.without_per_s.most,
			speed.with_per_s.median, speed.with_per_s.least, speed.with_per_s.most,
			(unsigned long long)speed.dropped);
	return finish(json_pack("{s:I, s:o, s:o, s:I}", "cells", (json_int_t)speed.cell_count, "without_store_per_s",
				spread_json(&speed.without_per_s), "with_store_per_s", spread_json(&speed.with_per_s),
				"dropped", (json_int_t)speed.dropped),
		      e);
}

const struct bench bench_row_matrix = {
	.name = "matrix",
	.summary = "retention cells a second, without a store and with one",
	.run = run_matrix,
};
