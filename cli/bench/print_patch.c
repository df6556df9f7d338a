/* print_patch.c - `bench patch`: a line for each case, as soon as it is measured.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include "cli/bench/print.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_patch.h"

static double rate(const struct bench_patch_point *point)
{
	double bytes = (double)(point->rows * point->columns) * (double)dtype_size_bytes(point->dtype);

	return bytes / (double)point->median_ns;
}

static void print_point(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_patch *patch = result;
	const struct bench_patch_point *point = &patch->points[patch->point_count - 1];
	char median[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];

	(void)request;
	if (patch->point_count == 1)
		fputs("patching a weight: to float32, the adapter, and back\n", out);
	fprintf(out, "  %s rank %3d  %-7s  %5d x %d  %9s  (%s to %s)  %6.2f GB/s of weights\n", point->kind, (int)point->rank,
		dtype_name(point->dtype), (int)point->rows, (int)point->columns, units_duration(point->median_ns, median),
		units_duration(point->least_ns, least), units_duration(point->most_ns, most), rate(point));
}

static json_t *point_to_json(const struct bench_patch_point *point)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:i, s:I, s:I, s:I, s:I}", "kind", point->kind, "dtype",
			 dtype_name(point->dtype), "rows", (json_int_t)point->rows, "columns", (json_int_t)point->columns,
			 "rank", (json_int_t)point->rank, "repeats", (int)point->repeats, "median_ns",
			 (json_int_t)point->median_ns, "min_ns", (json_int_t)point->least_ns, "max_ns",
			 (json_int_t)point->most_ns, "crc32", (json_int_t)point->checksum);
}

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_patch *patch = result;
	json_t *list = json_array();

	(void)request;
	for (size_t i = 0; i < patch->point_count; i++)
		json_array_append_new(list, point_to_json(&patch->points[i]));
	return json_pack("{s:o}", "points", list);
}

const struct bench_printer bench_printer_patch = {
	.bench = &bench_row_patch,
	.print_point = print_point,
	.to_json = to_json,
};
