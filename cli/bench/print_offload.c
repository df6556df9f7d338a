/* print_offload.c - `bench offload`: a line for each number of bytes that wait on each donor.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include <math.h>

#include "cli/bench/print.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_offload.h"

static void print_points(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_offload *offload = result;
	const struct topology *topology = request->topology;

	fprintf(out, "%s on %s (%s), computed on %s\n", offload->model, topology->name, request->backend->name,
		topology->devices[offload->compute].name);
	for (size_t i = 0; i < offload->point_count; i++) {
		const struct bench_offload_point *point = &offload->points[i];
		char waiting[UNITS_TEXT_MAX];

		fprintf(out, "  %-8s %10s waiting  ", topology->devices[point->donor].name,
			units_bytes(point->offloaded_bytes, waiting));
		if (isnan(point->seconds))
			fputs("does not fit\n", out);
		else
			fprintf(out, "%8.3f s/it\n", point->seconds);
	}
}

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_offload *offload = result;
	const struct topology *topology = request->topology;
	json_t *list = json_array();

	for (size_t i = 0; i < offload->point_count; i++) {
		const struct bench_offload_point *point = &offload->points[i];

		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:o}", "donor", topology->devices[point->donor].name,
						      "offloaded_bytes", (json_int_t)point->offloaded_bytes, "moved_bytes",
						      (json_int_t)point->moved_bytes, "seconds_per_iteration",
						      isnan(point->seconds) ? json_null() : json_real(point->seconds)));
	}
	return json_pack("{s:s, s:s, s:o}", "model", offload->model, "compute", topology->devices[offload->compute].name,
			 "points", list);
}

const struct bench_printer bench_printer_offload = {
	.bench = &bench_row_offload,
	.print = print_points,
	.to_json = to_json,
};
