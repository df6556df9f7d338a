#include <math.h>

#include "cli/bench/bench.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_offload.h"

static void print_points(const struct bench_request *request, const struct bench_offload *offload)
{
	const struct topology *topology = request->topology;
	FILE *out = request->cli->out;

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

static json_t *to_json(const struct topology *topology, const struct bench_offload *offload)
{
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

static json_t *run(const struct bench_request *request, struct error *e)
{
	struct bench_offload offload;
	json_t *json = NULL;

	if (bench_offload(request->topology, request->backend, request->sink, request->cli->interrupted, &offload, e)) {
		json = to_json(request->topology, &offload);
		if (!json)
			error_no_memory(e);
		if (request->print)
			print_points(request, &offload);
	}
	bench_offload_free(&offload);
	return json;
}

const struct bench bench_row_offload = {
	.name = "offload",
	.summary = "seconds per iteration of FLUX.1 against GB that wait on each donor",
	.needs_topology = true,
	.run = run,
};
