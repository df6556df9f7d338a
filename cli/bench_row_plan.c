#include "cli/bench.h"
#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/bench.h"

/* Upstream's thresholds make every block of more than ten thousand equal ones tiny; the larger counts show how cost grows. */
static const size_t block_counts[] = { 1000, 10000, 100000 };

#define REPEATS 21

static void print_point(FILE *out, const struct plan_bench_point *point)
{
	char median[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];

	fprintf(out, "  %7zu blocks  %9s  (%s to %s)  %6.1f ns a block  %s\n", point->block_count,
		units_duration(point->median_ns, median), units_duration(point->least_ns, least),
		units_duration(point->most_ns, most), (double)point->median_ns / (double)point->block_count, point->allocation);
}

static json_t *point_to_json(const struct plan_bench_point *point)
{
	return json_pack("{s:I, s:s, s:i, s:I, s:I, s:I, s:I}", "blocks", (json_int_t)point->block_count, "allocation",
			 point->allocation, "repeats", (int)point->repeats, "median_ns", (json_int_t)point->median_ns, "min_ns",
			 (json_int_t)point->least_ns, "max_ns", (json_int_t)point->most_ns, "moved",
			 (json_int_t)point->moved_count);
}

static bool run_points(const struct bench_request *request, json_t *list, struct error *e)
{
	unsigned repeats = request->repeats ? request->repeats : REPEATS;

	for (size_t mode = 0; mode < plan_bench_modes(); mode++) {
		for (size_t i = 0; i < ARRAY_SIZE(block_counts); i++) {
			struct plan_bench_point point;

			if (*request->cli->interrupted)
				return error_set(e, ERROR_INTERRUPTED, "interrupted");
			if (!plan_bench(block_counts[i], mode, repeats, request->seed, &point, e))
				return false;
			if (json_array_append_new(list, point_to_json(&point)) != 0)
				return error_no_memory(e);
			if (request->print)
				print_point(request->cli->out, &point);
		}
	}
	return true;
}

static json_t *run(const struct bench_request *request, struct error *e)
{
	json_t *list = json_array();
	json_t *members = NULL;

	if (request->print)
		fputs("planning on four devices\n", request->cli->out);
	if (list && run_points(request, list, e))
		members = json_pack("{s:O}", "points", list);
	if (!members)
		error_no_memory(e);
	json_decref(list);
	return members;
}

const struct bench bench_row_plan = {
	.name = "plan",
	.summary = "time to place a model's blocks, and how it grows with their number",
	.run = run,
};
