/* print_engine.c - what the harness itself costs: snapshots, probes, cells.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include "cli/bench/print.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_matrix.h"
#include "scenarios/bench/bench_probe.h"

static json_t *spread_json(const struct bench_spread *spread)
{
	return json_pack("{s:f, s:f, s:f, s:I}", "median", spread->median, "min", spread->least, "max", spread->most, "repeats",
			 (json_int_t)spread->count);
}

static void print_times(FILE *out, const char *what, const struct bench_spread *ns)
{
	char median[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];

	fprintf(out, "  %-42s %9s  (%s to %s)\n", what, units_duration((uint64_t)ns->median, median),
		units_duration((uint64_t)ns->least, least), units_duration((uint64_t)ns->most, most));
}

/* ---- snapshot ---- */

static void print_snapshot(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_snapshot *cost = result;

	(void)request;
	fprintf(out, "a snapshot of %zu models of %zu blocks, on the subject's thread\n", cost->model_count, cost->block_count);
	print_times(out, "every block has moved", &cost->moved_ns);
	print_times(out, "nothing has moved", &cost->still_ns);
	fprintf(out, "  %llu records dropped\n", (unsigned long long)cost->dropped);
}

static json_t *snapshot_to_json(const struct bench_request *request, const void *result)
{
	const struct bench_snapshot *cost = result;

	(void)request;
	return json_pack("{s:I, s:I, s:o, s:o, s:I}", "models", (json_int_t)cost->model_count, "blocks",
			 (json_int_t)cost->block_count, "moved_ns", spread_json(&cost->moved_ns), "still_ns",
			 spread_json(&cost->still_ns), "dropped", (json_int_t)cost->dropped);
}

const struct bench_printer bench_printer_snapshot = {
	.bench = &bench_row_snapshot,
	.print = print_snapshot,
	.to_json = snapshot_to_json,
};

/* ---- probes ---- */

static double ratio_of(const struct bench_probes *cost)
{
	return cost->on_ns.median / cost->off_ns.median;
}

static double share_of(const struct bench_probes *cost)
{
	return cost->inside_ns.median / cost->on_ns.median;
}

static void print_probes(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_probes *cost = result;

	(void)request;
	fprintf(out, "%s replayed on host, every record wanted\n", cost->workflow);
	print_times(out, "with probes", &cost->on_ns);
	print_times(out, "without", &cost->off_ns);
	print_times(out, "spent in the probes", &cost->inside_ns);
	fprintf(out, "  %.3f times as long; %.2f %% of it in the probes; %llu records dropped\n", ratio_of(cost),
		100 * share_of(cost), (unsigned long long)cost->dropped);
}

static json_t *probes_to_json(const struct bench_request *request, const void *result)
{
	const struct bench_probes *cost = result;

	(void)request;
	return json_pack("{s:s, s:o, s:o, s:o, s:f, s:f, s:I}", "workflow", cost->workflow, "on_ns", spread_json(&cost->on_ns),
			 "off_ns", spread_json(&cost->off_ns), "inside_ns", spread_json(&cost->inside_ns), "ratio",
			 ratio_of(cost), "inside_share", share_of(cost), "dropped", (json_int_t)cost->dropped);
}

const struct bench_printer bench_printer_probes = {
	.bench = &bench_row_probes,
	.print = print_probes,
	.to_json = probes_to_json,
};

/* ---- matrix ---- */

static void print_matrix(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_matrix *speed = result;

	(void)request;
	fprintf(out,
		"matrix: %zu cells on sim; %.0f a second without a store (%.0f to %.0f), %.0f with one (%.0f to %.0f); "
		"%llu records dropped\n",
		speed->cell_count, speed->without_per_s.median, speed->without_per_s.least, speed->without_per_s.most,
		speed->with_per_s.median, speed->with_per_s.least, speed->with_per_s.most, (unsigned long long)speed->dropped);
}

static json_t *matrix_to_json(const struct bench_request *request, const void *result)
{
	const struct bench_matrix *speed = result;

	(void)request;
	return json_pack("{s:I, s:o, s:o, s:I}", "cells", (json_int_t)speed->cell_count, "without_store_per_s",
			 spread_json(&speed->without_per_s), "with_store_per_s", spread_json(&speed->with_per_s), "dropped",
			 (json_int_t)speed->dropped);
}

const struct bench_printer bench_printer_matrix = {
	.bench = &bench_row_matrix,
	.print = print_matrix,
	.to_json = matrix_to_json,
};
