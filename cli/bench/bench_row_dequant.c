#include "cli/bench/bench.h"
#include "scenarios/bench/bench_dequant.h"

static void print_points(FILE *out, const struct bench_dequant *dequant)
{
	fprintf(out, "dequantisation to float32, one core, %zu elements at a time\n", dequant->element_count);
	for (size_t i = 0; i < dequant->point_count; i++) {
		const struct bench_dequant_point *point = &dequant->points[i];

		fprintf(out, "  %-8s %-6s %-7s %7.2f G elements/s  (%.2f to %.2f)\n", quant_name(point->type),
			point->way == QUANT_HALF ? "half" : "exact", point->kernels, point->elements_per_s.median / 1e9,
			point->elements_per_s.least / 1e9, point->elements_per_s.most / 1e9);
	}
}

static json_t *to_json(const struct bench_dequant *dequant)
{
	json_t *list = json_array();

	for (size_t i = 0; i < dequant->point_count; i++) {
		const struct bench_dequant_point *point = &dequant->points[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "type", quant_name(point->type), "way",
						point->way == QUANT_HALF ? "half" : "exact", "kernels", point->kernels,
						"elements_per_s", point->elements_per_s.median, "elements_per_s_min",
						point->elements_per_s.least, "elements_per_s_max", point->elements_per_s.most));
	}
	return json_pack("{s:I, s:o}", "elements", (json_int_t)dequant->element_count, "points", list);
}

static json_t *run(const struct bench_request *request, struct error *e)
{
	struct bench_dequant dequant;
	json_t *json = NULL;

	if (bench_dequant(request->repeats, request->sink, request->cli->interrupted, &dequant, e)) {
		json = to_json(&dequant);
		if (!json)
			error_no_memory(e);
		if (request->print)
			print_points(request->cli->out, &dequant);
	}
	bench_dequant_free(&dequant);
	return json;
}

const struct bench bench_row_dequant = {
	.name = "dequant",
	.summary = "elements a second of every quantised type, one core, by instruction set",
	.run = run,
};
