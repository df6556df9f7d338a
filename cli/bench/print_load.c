/* print_load.c - `bench load`: a line for each way of loading, with its share of the bare read.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include "cli/bench/print.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_load.h"

static double rate_of(const struct bench_load *load, double seconds)
{
	return (double)load->size_bytes / seconds;
}

static void print_ways(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_load *load = result;
	char size[UNITS_TEXT_MAX];

	(void)request;
	fprintf(out, "a safetensors file of %s in %zu tensors, from the page cache into new memory; every byte compared\n",
		units_bytes(load->size_bytes, size), load->tensor_count);
	for (unsigned way = 0; way < LOAD_WAYS; way++) {
		const struct bench_spread *s = &load->seconds[way];
		char rate[UNITS_TEXT_MAX];
		char least[UNITS_TEXT_MAX];
		char most[UNITS_TEXT_MAX];

		fprintf(out, "  %-18s %10s/s  (%s/s to %s/s)  %.2f of the bare read\n",
			bench_load_way_name((enum bench_load_way)way), units_bytes((uint64_t)rate_of(load, s->median), rate),
			units_bytes((uint64_t)rate_of(load, s->most), least),
			units_bytes((uint64_t)rate_of(load, s->least), most), load->seconds[LOAD_BARE_READ].median / s->median);
	}
}

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_load *load = result;
	json_t *ways = json_array();

	(void)request;
	for (unsigned way = 0; way < LOAD_WAYS; way++) {
		const struct bench_spread *s = &load->seconds[way];

		json_array_append_new(ways, json_pack("{s:s, s:f, s:f, s:f, s:f}", "way",
						      bench_load_way_name((enum bench_load_way)way), "bytes_per_s",
						      rate_of(load, s->median), "seconds_median", s->median, "seconds_min",
						      s->least, "seconds_max", s->most));
	}
	return json_pack("{s:I, s:I, s:b, s:f, s:o}", "size_bytes", (json_int_t)load->size_bytes, "tensors",
			 (json_int_t)load->tensor_count, "verified", 1, "of_bare_read",
			 load->seconds[LOAD_BARE_READ].median / load->seconds[LOAD_IN_PLACE].median, "ways", ways);
}

const struct bench_printer bench_printer_load = {
	.bench = &bench_row_load,
	.print = print_ways,
	.to_json = to_json,
};
