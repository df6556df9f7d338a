/* print_writer.c - `bench writer`: one line: the writer beside the bare loop.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include "cli/bench/print.h"
#include "scenarios/bench/bench_writer.h"

static void print_speed(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_writer *speed = result;

	(void)request;
	fprintf(out,
		"writer: %llu records, %.0f a second through the writer, %.0f in a bare loop of the same inserts: %.0f %%\n",
		(unsigned long long)speed->records, speed->writer_per_s, speed->bare_per_s,
		100 * speed->writer_per_s / speed->bare_per_s);
}

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_writer *speed = result;

	(void)request;
	return json_pack("{s:I, s:f, s:f, s:f}", "records", (json_int_t)speed->records, "writer_records_per_s",
			 speed->writer_per_s, "bare_records_per_s", speed->bare_per_s, "ratio",
			 speed->writer_per_s / speed->bare_per_s);
}

const struct bench_printer bench_printer_writer = {
	.bench = &bench_row_writer,
	.print = print_speed,
	.to_json = to_json,
};
