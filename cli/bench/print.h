/* print.h - how `residency bench` shows what scenarios/bench measured, as text and as JSON. For `residency bench` alone.
 *
 * A benchmark has a row in scenarios/bench and a printer here; a printer's `result` is the struct of that benchmark's header. All
 * are called on the thread that measures. Nothing here fails but for want of memory, where to_json returns NULL.
 */
#ifndef RESIDENCY_CLI_BENCH_PRINT_H
#define RESIDENCY_CLI_BENCH_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "scenarios/bench/bench.h"

/* One of print and print_point is set. */
struct bench_printer {
	const struct bench *bench;
	void (*print)(FILE *out, const struct bench_request *request, const void *result); /* all, when it is measured */
	void (*print_point)(FILE *out, const struct bench_request *request, const void *result); /* the newest point */
	json_t *(*to_json)(const struct bench_request *request, const void *result); /* members; the caller owns them */
};

/* NULL where a benchmark has none, which tests/bench rules out. */
const struct bench_printer *bench_printer_of(const struct bench *bench);

extern const struct bench_printer bench_printer_links;
extern const struct bench_printer bench_printer_offload;
extern const struct bench_printer bench_printer_load;
extern const struct bench_printer bench_printer_dequant;
extern const struct bench_printer bench_printer_plan;
extern const struct bench_printer bench_printer_patch;
extern const struct bench_printer bench_printer_predict;
extern const struct bench_printer bench_printer_writer;
extern const struct bench_printer bench_printer_snapshot;
extern const struct bench_printer bench_printer_probes;
extern const struct bench_printer bench_printer_matrix;

#endif
