/* bench.h - the benches of `residency bench`: a row of words and a function each; bench_list.c lists them. */
#ifndef RESIDENCY_CLI_BENCH_H
#define RESIDENCY_CLI_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"
#include "core/device/device.h"
#include "db/records/record.h"

/* What the command line asks of every bench. */
struct bench_request {
	struct cli *cli;
	const struct backend *backend;
	const struct topology *topology; /* one of those asked for; a bench that needs none is called once, with NULL */
	unsigned repeats; /* 0: as the bench likes */
	uint64_t smallest_bytes, largest_bytes; /* of copies; 0: as the bench likes */
	uint64_t seed;
	const char *tables; /* folder of numbers that others measured */
	bool print; /* a table for people; false with --json */
	const struct record_sink *sink;
};

struct bench {
	const char *name;
	const char *summary; /* one line */
	bool needs_topology; /* called once for each */
	/* Measures, prints its table if asked to, and returns its members for the JSON; the caller owns them. NULL on error. */
	json_t *(*run)(const struct bench_request *request, struct error *e);
};

extern const struct bench *const benches[]; /* NULL-terminated, in the order in which `all` runs them */

/* The path of a table of others' numbers (`planner/timing.csv`); false if it is not there. */
#define BENCH_PATH_MAX 4096
bool bench_table(const struct bench_request *request, const char *name, char path[BENCH_PATH_MAX]);

/* Where a bench may make files for a while: $TMPDIR, else /tmp. */
const char *bench_folder(void);

extern const struct bench bench_row_links;
extern const struct bench bench_row_offload;
extern const struct bench bench_row_patch;
extern const struct bench bench_row_plan;
extern const struct bench bench_row_predict;
extern const struct bench bench_row_writer;
extern const struct bench bench_row_snapshot;
extern const struct bench bench_row_probes;
extern const struct bench bench_row_matrix;
extern const struct bench bench_row_load;
extern const struct bench bench_row_dequant;

#endif
