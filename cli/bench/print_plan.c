/* print_plan.c - `bench plan`: a line for each number of blocks and mode, as soon as it is measured; where upstream was timed, how much faster.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include <math.h>

#include "cli/bench/print.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_plan.h"

static void print_point(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_plan *plan = result;
	const struct bench_plan_point *point = &plan->points[plan->point_count - 1];
	double peer = point->upstream_s;
	char median[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];
	char ratio[48] = "";

	(void)request;
	if (plan->point_count == 1)
		fprintf(out, "planning on four devices%s%s\n", plan->has_upstream ? "; upstream's times are from " : "",
			plan->has_upstream ? plan->upstream : "");
	if (!isnan(peer))
		snprintf(ratio, sizeof(ratio), "  upstream %.3g s: %.0f times faster", peer,
			 peer * 1e9 / (double)point->median_ns);
	fprintf(out, "  %7zu blocks  %9s  (%s to %s)  %6.1f ns a block  %-7s %s %s%s\n", point->block_count,
		units_duration(point->median_ns, median), units_duration(point->least_ns, least),
		units_duration(point->most_ns, most), (double)point->median_ns / (double)point->block_count, point->planner,
		point->variant, point->mode, ratio);
}

static json_t *point_to_json(const struct bench_plan_point *point)
{
	double peer = point->upstream_s;

	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:o, s:o}", "blocks",
			 (json_int_t)point->block_count, "planner", point->planner, "allocation", point->allocation, "variant",
			 point->variant, "mode", point->mode, "repeats", (int)point->repeats, "median_ns",
			 (json_int_t)point->median_ns, "min_ns", (json_int_t)point->least_ns, "max_ns",
			 (json_int_t)point->most_ns, "moved", (json_int_t)point->moved_count, "upstream_s",
			 isnan(peer) ? json_null() : json_real(peer), "times_faster",
			 isnan(peer) ? json_null() : json_real(peer * 1e9 / (double)point->median_ns));
}

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_plan *plan = result;
	json_t *list = json_array();

	(void)request;
	for (size_t i = 0; i < plan->point_count; i++)
		json_array_append_new(list, point_to_json(&plan->points[i]));
	return json_pack("{s:o}", "points", list);
}

const struct bench_printer bench_printer_plan = {
	.bench = &bench_row_plan,
	.print_point = print_point,
	.to_json = to_json,
};
