#include <math.h>

#include "cli/bench/bench.h"
#include "scenarios/bench/bench_predict.h"

static void print_series(FILE *out, const struct bench_predict *result)
{
	fprintf(out, "  %-38s %-22s %9s %9s %9s %9s  %s  %s\n", "slopes in s per GB", "link", "measured", "predicted",
		"held out", "GB/bw", "worst s/it", "simulated");
	for (size_t i = 0; i < result->count; i++) {
		const struct bench_predict_series *series = &result->series[i];
		char held_out[16] = "-";
		char simulated[16] = "-";

		if (!isnan(series->held_out))
			snprintf(held_out, sizeof(held_out), "%.3f", series->held_out);
		if (!isnan(series->simulated_worst_error))
			snprintf(simulated, sizeof(simulated), "%.1f %%", series->simulated_worst_error * 100);
		fprintf(out, "  %-38s %-22s %9.3f %9.3f %9s %9.3f  %8.1f %%  %9s\n", series->model, series->tier,
			series->measured, series->predicted, held_out, series->rule, series->worst_error * 100, simulated);
	}
}

static void print_result(FILE *out, const struct bench_predict *with, const struct bench_predict *without)
{
	fputs("predicted against published seconds per iteration\n", out);
	print_series(out, with);
	fprintf(out,
		"  s/it of %zu points by the formula: off by %.1f %% in the median, %.1f %% at worst\n"
		"  s/it of %zu points simulated: off by %.1f %% in the median, %.1f %% at worst\n"
		"  slopes: off by %.0f %% in the median; with efficiencies of other models alone %.0f %%; GB / bandwidth %.0f "
		"%%\n"
		"  without conversion at the source: slopes off by %.0f %% in the median, s/it by %.1f %% at worst\n",
		with->point_count, with->median_error * 100, with->worst_error * 100, with->simulated_count,
		with->simulated_median_error * 100, with->simulated_worst_error * 100, with->median_slope_error * 100,
		with->median_held_out_error * 100, with->median_rule_error * 100, without->median_slope_error * 100,
		without->worst_error * 100);
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *to_json(const struct bench_predict *with, const struct bench_predict *without)
{
	json_t *list = json_array();

	for (size_t i = 0; i < with->count; i++) {
		const struct bench_predict_series *series = &with->series[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:f, s:f, s:o, s:f, s:f, s:o}", "model", series->model,
						      "tier", series->tier, "points", (json_int_t)series->count,
						      "measured_s_per_gb", series->measured, "predicted_s_per_gb",
						      series->predicted, "held_out_s_per_gb", number(series->held_out),
						      "rule_s_per_gb", series->rule, "worst_error", series->worst_error,
						      "simulated_worst_error", number(series->simulated_worst_error)));
	}
	return json_pack("{s:o, s:I, s:f, s:f, s:f, s:o, s:f, s:f, s:I, s:o, s:f}", "series", list, "points",
			 (json_int_t)with->point_count, "median_error", with->median_error, "worst_error", with->worst_error,
			 "median_slope_error", with->median_slope_error, "median_held_out_error",
			 number(with->median_held_out_error), "median_rule_error", with->median_rule_error,
			 "median_slope_error_without_source_conversion", without->median_slope_error, "simulated_points",
			 (json_int_t)with->simulated_count, "simulated_median_error", number(with->simulated_median_error),
			 "simulated_worst_error", with->simulated_worst_error);
}

static json_t *run(const struct bench_request *request, struct error *e)
{
	struct bench_predict with = { .series = NULL };
	struct bench_predict without = { .series = NULL };
	json_t *json = NULL;
	char path[BENCH_PATH_MAX];

	if (!bench_table(request, "bench/bench_seconds_per_iteration.csv", path)) {
		if (request->print)
			fprintf(request->cli->out,
				"prediction: nothing to compare with, since there is no %s; say --tables DIR\n", path);
		return json_object();
	}
	if (bench_predict(path, true, &with, e) && bench_predict(path, false, &without, e)) {
		json = to_json(&with, &without);
		if (!json)
			error_no_memory(e);
		if (request->print)
			print_result(request->cli->out, &with, &without);
	}
	bench_predict_free(&with);
	bench_predict_free(&without);
	return json;
}

const struct bench bench_row_predict = {
	.name = "predict",
	.summary = "predicted against published seconds per iteration",
	.run = run,
};
