#include "cli/bench/bench.h"
#include "db/writer.h"

#define CELLS 2000u

static void print_speed(FILE *out, const struct writer_speed *speed)
{
	fprintf(out,
		"writer: %llu records, %.0f a second through the writer, %.0f in a bare loop of the same inserts: %.0f %%\n",
		(unsigned long long)speed->records, speed->writer_per_s, speed->bare_per_s,
		100 * speed->writer_per_s / speed->bare_per_s);
}

static json_t *run(const struct bench_request *request, struct error *e)
{
	struct writer_speed speed;
	json_t *json;

	if (!writer_bench(bench_folder(), CELLS, &speed, e))
		return NULL;
	json = json_pack("{s:I, s:f, s:f, s:f}", "records", (json_int_t)speed.records, "writer_records_per_s",
			 speed.writer_per_s, "bare_records_per_s", speed.bare_per_s, "ratio",
			 speed.writer_per_s / speed.bare_per_s);
	if (!json)
		error_no_memory(e);
	else if (request->print)
		print_speed(request->cli->out, &speed);
	return json;
}

const struct bench bench_row_writer = {
	.name = "writer",
	.summary = "records a second into a store, against a bare loop of the same prepared inserts",
	.run = run,
};
