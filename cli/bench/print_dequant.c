/* print_dequant.c - `bench dequant`: a line for each type and set of kernels; rates in elements a second of one core.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include "cli/bench/print.h"
#include "scenarios/bench/bench_dequant.h"

static void print_points(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_dequant *dequant = result;

	(void)request;
	fprintf(out, "dequantisation to float32, one core, %zu elements at a time\n", dequant->element_count);
	for (size_t i = 0; i < dequant->point_count; i++) {
		const struct bench_dequant_point *point = &dequant->points[i];

		fprintf(out, "  %-8s %-6s %-7s %7.2f G elements/s  (%.2f to %.2f)\n", quant_name(point->type),
			point->way == QUANT_HALF ? "half" : "exact", point->kernels, point->elements_per_s.median / 1e9,
			point->elements_per_s.least / 1e9, point->elements_per_s.most / 1e9);
	}
}

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_dequant *dequant = result;
	json_t *list = json_array();

	(void)request;
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

const struct bench_printer bench_printer_dequant = {
	.bench = &bench_row_dequant,
	.print = print_points,
	.to_json = to_json,
};
