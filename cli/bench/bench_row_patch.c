#include "cli/bench/bench.h"
#include "core/base/array.h"
#include "core/base/units.h"
#include "core/patch/bench.h"

#define REPEATS 11

static double rate(const struct patch_bench_point *point)
{
	double bytes = (double)(point->rows * point->columns) * (double)dtype_size_bytes(point->dtype);

	return bytes / (double)point->median_ns;
}

static void print_point(FILE *out, const struct patch_bench_point *point)
{
	char median[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];

	fprintf(out, "  %s rank %3d  %-7s  %5d x %d  %9s  (%s to %s)  %6.2f GB/s of weights\n", point->kind, (int)point->rank,
		dtype_name(point->dtype), (int)point->rows, (int)point->columns, units_duration(point->median_ns, median),
		units_duration(point->least_ns, least), units_duration(point->most_ns, most), rate(point));
}

static json_t *point_to_json(const struct patch_bench_point *point)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:i, s:I, s:I, s:I, s:I}", "kind", point->kind, "dtype",
			 dtype_name(point->dtype), "rows", (json_int_t)point->rows, "columns", (json_int_t)point->columns,
			 "rank", (json_int_t)point->rank, "repeats", (int)point->repeats, "median_ns",
			 (json_int_t)point->median_ns, "min_ns", (json_int_t)point->least_ns, "max_ns",
			 (json_int_t)point->most_ns, "crc32", (json_int_t)point->checksum);
}

static bool run_points(const struct bench_request *request, json_t *list, struct error *e)
{
	for (size_t i = 0; i < patch_bench_cases(); i++) {
		struct patch_bench_point point;

		if (*request->cli->interrupted)
			return error_set(e, ERROR_INTERRUPTED, "interrupted");
		if (!patch_bench(i, request->repeats ? request->repeats : REPEATS, request->seed, &point, e))
			return false;
		if (json_array_append_new(list, point_to_json(&point)) != 0)
			return error_no_memory(e);
		if (request->print)
			print_point(request->cli->out, &point);
	}
	return true;
}

static json_t *run(const struct bench_request *request, struct error *e)
{
	json_t *list = json_array();
	json_t *members = NULL;

	if (request->print)
		fputs("patching a weight: to float32, the adapter, and back\n", request->cli->out);
	if (list && run_points(request, list, e))
		members = json_pack("{s:O}", "points", list);
	if (!members)
		error_no_memory(e);
	json_decref(list);
	return members;
}

const struct bench bench_row_patch = {
	.name = "patch",
	.summary = "time to put a LoRA into a weight, by type, rank and kind",
	.run = run,
};
