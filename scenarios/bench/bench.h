/* bench.h - the benchmarks: a row of words and a function each; bench.c lists them.
 *
 *	void *result = bench_measure(bench_list[i], &request, &e);
 *	...
 *	bench_result_free(bench_list[i], result);
 *
 * A result is the struct that the benchmark's own header defines (bench_NAME.h); cli/bench has a printer for each. Sizes are bytes.
 * One thread measures; a benchmark may start threads of its own, which end with it. Errors: ERROR_INTERRUPTED, ERROR_MEMORY and
 * those of what is measured.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_H
#define RESIDENCY_SCENARIOS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "db/records/record.h"

/* What is asked of every benchmark. Everything is borrowed. */
struct bench_request {
	const struct backend *backend;
	const struct topology *topology; /* NULL for a benchmark that needs none */
	unsigned repeats; /* 0: the benchmark's default */
	uint64_t smallest_bytes, largest_bytes; /* of copies; 0: the benchmark's default */
	uint64_t seed;
	const char *tables; /* folder of published measurements */
	const bool *interrupted; /* polled */
	const struct record_sink *sink; /* receives the samples */

	/* Called on the measuring thread while the benchmark runs; either may be NULL. */
	void (*on_progress)(void *context, const char *what, uint64_t done_bytes, uint64_t total_bytes);
	void (*on_point)(void *context, const void *result); /* the result has one more point */
	void *context;
};

struct bench {
	const char *name;
	const char *summary; /* one line */
	bool needs_topology; /* measured once on each */
	size_t result_size_bytes; /* of the struct that measure fills; zeroed before */
	bool (*measure)(const struct bench_request *request, void *result, struct error *e);
	void (*free)(void *result); /* what the result owns, also after an error; NULL: nothing */
};

extern const struct bench *const bench_list[]; /* NULL-terminated, in the order in which `all` runs them */

extern const struct bench bench_row_links;
extern const struct bench bench_row_offload;
extern const struct bench bench_row_load;
extern const struct bench bench_row_dequant;
extern const struct bench bench_row_plan;
extern const struct bench bench_row_patch;
extern const struct bench bench_row_predict;
extern const struct bench bench_row_writer;
extern const struct bench bench_row_snapshot;
extern const struct bench bench_row_probes;
extern const struct bench bench_row_matrix;

/* NULL on error. The caller frees the result with bench_result_free(). */
void *bench_measure(const struct bench *bench, const struct bench_request *request, struct error *e);
void bench_result_free(const struct bench *bench, void *result); /* NULL does nothing */

/* For benchmarks. */

/* The path of a published table ("planner/timing.csv"); false if it is not there or cannot be read. */
#define BENCH_PATH_MAX 4096
bool bench_table(const struct bench_request *request, const char *name, char path[BENCH_PATH_MAX]);

/* Where a benchmark may keep files while it runs: $TMPDIR, else /tmp. */
const char *bench_folder(void);

unsigned bench_repeats(const struct bench_request *request, unsigned by_default);

/* false, with ERROR_INTERRUPTED, once the request is interrupted. */
bool bench_goes_on(const struct bench_request *request, struct error *e);

#endif
