/* print_predict.c - `bench predict`: a line for each published series, then how far the predictions are off.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include <math.h>

#include "cli/bench/print.h"
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

static void print_errors(FILE *out, const struct bench_predict *with, const struct bench_predict *without)
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

static void print_result(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_predictions *both = result;

	(void)request;
	if (both->is_compared)
		print_errors(out, &both->with, &both->without);
	else
		fprintf(out, "prediction: nothing to compare with, since there is no %s; say --tables DIR\n", both->path);
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *both_to_json(const struct bench_predict *with, const struct bench_predict *without)
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

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_predictions *both = result;

	(void)request;
	return both->is_compared ? both_to_json(&both->with, &both->without) : json_object();
}

const struct bench_printer bench_printer_predict = {
	.bench = &bench_row_predict,
	.print = print_result,
	.to_json = to_json,
};
