/* bench_predict.h - how far the prediction is from seconds per iteration that were measured and published.
 *
 * The table is upstream's (conformance/bench/bench_seconds_per_iteration.csv: model, precision, hardware tier, GB offloaded, s/it). Each
 * model on each tier is a series; its iteration with nothing offloaded is given, the rest is predicted by core/plan/suggest/predict.h on the
 * built-in topology of that tier, and once more by running the model's load list in the simulator, placed by upstream's planner of the
 * time (bench_pass.h); an iteration that was measured in another precision is then corrected by what the simulator says of the
 * difference. The topologies' efficiencies were read from these tables, so a second prediction is made for each
 * series with the link's efficiency taken from the other models alone.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_PREDICT_H
#define RESIDENCY_SCENARIOS_BENCH_PREDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/plan/suggest/predict.h"
#include "scenarios/bench/bench.h"

struct bench_predict_series {
	char model[64], precision[32], tier[48];
	size_t count; /* of measured points with something offloaded */
	struct predict_terms terms;
	double resident_seconds; /* measured, or of the same model in another precision */
	char resident_model[64], resident_precision[32]; /* whose that is */
	double measured; /* slopes in s per GB, through all points by least squares */
	double predicted;
	double held_out; /* with the efficiency that the other models show on this tier; NAN where there is no other */
	double rule; /* upstream's own: GB / bandwidth */
	double worst_error; /* of a point's s/it, relative */
	double simulated_worst_error; /* the same of the simulated s/it; NAN where the model is unknown */
};

struct bench_predict {
	struct bench_predict_series *series;
	size_t count, capacity;
	size_t point_count;
	double median_error, worst_error; /* of s/it, relative, over all points */
	size_t simulated_count; /* of points */
	double simulated_median_error, simulated_worst_error;
	double median_slope_error, median_held_out_error, median_rule_error; /* of the slopes, relative */
};

/* ERROR_MISSING and ERROR_FORMAT of the table. The caller frees *result with bench_predict_free(), also after an error. converts_at_source:
 * the term of that name. */
bool bench_predict(const char *path, bool converts_at_source, struct bench_predict *result, struct error *e);
void bench_predict_free(struct bench_predict *result);

/* The result of the benchmark: the table predicted with conversion at the source and without. */
struct bench_predictions {
	char path[BENCH_PATH_MAX]; /* of the table */
	bool is_compared; /* false: there is no such table, and nothing else is set */
	struct bench_predict with, without;
};

#endif
