/* bench_predict.c - reads the published table, groups it into series, predicts each series and compares.
 *
 * The measured point with nothing offloaded anchors a series; the slope comes from the bytes that cross and the link's
 * bandwidth. The efficiency of a link is fitted by least squares over the other models' series, so that no series is
 * predicted from itself.
 */
#include "scenarios/bench/bench_predict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/units.h"
#include "scenarios/bench/bench.h"
#include "scenarios/bench/bench_pass.h"
#include "scenarios/topologies.h"

#define COLUMNS 9
enum predict_column { MODEL, SIZE, PRECISION, TIER, BANDWIDTH, OFFLOADED, SECONDS, NOTE, SOURCE };

/* A tier of the table: the link that its donor's weights cross. */
static const struct tier {
	const char *name, *topology, *donor;
} tiers[] = {
	{ .name = "pcie3-x8-cpu", .topology = "pcie3-x8.json", .donor = "cpu" },
	{ .name = "pcie4-x16-cpu", .topology = "pcie4-x16.json", .donor = "cpu" },
	{ .name = "nvlink-rtx3090", .topology = "2x3090-nvlink.json", .donor = "cuda:1" },
	{ .name = "pcie3-x8-p2p-rtx3090", .topology = "p2p-x8.json", .donor = "cuda:1" },
	{ .name = "pcie3-x4-p2p-gtx1660ti", .topology = "p2p-x4.json", .donor = "cuda:1" },
};

struct row {
	const char *model, *precision, *tier;
	double gb, seconds, bandwidth_gb;
};

struct table {
	char *text;
	struct row *rows;
	size_t count, capacity;
};

static void table_free(struct table *table)
{
	free(table->text);
	free(table->rows);
}

/* Rows with a time; those with a note contradict others or are no measurement. */
static bool read_line(struct table *table, char *line, unsigned number, const char *path, struct error *e)
{
	char *cells[COLUMNS] = { NULL };
	size_t count = 0;
	struct row row;

	for (char *cell; count < COLUMNS && (cell = strsep(&line, ",")) != NULL;)
		cells[count++] = cell;
	if (count < COLUMNS)
		return error_set(e, ERROR_FORMAT, "%s: line %u has %zu cells, not %d", path, number, count, COLUMNS);
	if (cells[NOTE][0] || !cells[SECONDS][0])
		return true;
	row = (struct row) { .model = cells[MODEL],
			     .precision = cells[PRECISION],
			     .tier = cells[TIER],
			     .gb = strtod(cells[OFFLOADED], NULL),
			     .seconds = strtod(cells[SECONDS], NULL),
			     .bandwidth_gb = strtod(cells[BANDWIDTH], NULL) };
	if (!(row.seconds > 0) || !(row.gb >= 0) || !(row.bandwidth_gb > 0))
		return error_set(e, ERROR_FORMAT, "%s: line %u: a number is missing or not positive", path, number);
	if (!array_reserve(&table->rows, &table->capacity, table->count + 1, sizeof(row), e))
		return false;
	table->rows[table->count++] = row;
	return true;
}

static bool read_table(struct table *table, const char *path, struct error *e)
{
	size_t length;
	char *rest;
	unsigned number = 0;

	*table = (struct table) { .text = file_read_whole(path, &length, e) };
	rest = table->text;
	if (!rest)
		return false;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		number++;
		line[strcspn(line, "\r")] = '\0';
		if (number == 1 && strncmp(line, "model,size_gb,precision,hardware_tier", 37) != 0)
			return error_set(e, ERROR_FORMAT, "%s: line 1: this is no table of seconds per iteration", path);
		if (number > 1 && line[0] && !read_line(table, line, number, path, e))
			return false;
	}
	return true;
}

/* Qwen-Image and Wan run the negative prompt in a pass of its own; FLUX is guided without one. */
static struct predict_terms terms_of(const struct row *row, bool converts_at_source)
{
	return (struct predict_terms) { .passes = strncmp(row->model, "flux", 4) == 0 ? 1 : 2,
					.resident_seconds = NAN,
					.expansion = strncmp(row->precision, "fp8", 3) == 0 ? 2 : 1,
					.converts_at_source = converts_at_source };
}

static bool same_model(const char *a, const char *b)
{
	return strncmp(a, b, 4) == 0; /* qwen_image_bf16 has no time of its own without offload: its fp8 twin's stands in */
}

static const struct row *resident_row(const struct table *table, const struct row *wanted)
{
	const struct row *twin = NULL;

	for (size_t i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];

		if (row->gb > 0 || !same_model(row->model, wanted->model))
			continue;
		if (strcmp(row->tier, wanted->tier) == 0 && strcmp(row->model, wanted->model) == 0)
			return row;
		twin = twin ? twin : row;
	}
	return twin;
}

static const struct tier *find_tier(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tiers); i++) {
		if (strcmp(tiers[i].name, name) == 0)
			return &tiers[i];
	}
	return NULL;
}

/* The tier's machine: the donor's weights go to cuda:0. NULL with an error. The caller frees. */
static struct topology *open_tier(const struct tier *tier, unsigned *donor, unsigned *compute, struct error *e)
{
	const struct embedded_file *file = embed_find(scenario_topologies, tier->topology);
	struct topology *topology = file ? topology_parse(file->bytes, embed_length(file), file->name, e) : NULL;
	int from = topology ? topology_find(topology, tier->donor) : -1;
	int to = topology ? topology_find(topology, "cuda:0") : -1;

	if (from < 0 || to < 0) {
		if (topology)
			topology_free(topology);
		error_set(e, ERROR_BUG, "there is no built-in topology %s with %s", tier->topology, tier->donor);
		return NULL;
	}
	*donor = (unsigned)from;
	*compute = (unsigned)to;
	return topology;
}

static bool predict_slope(struct bench_predict_series *series, const struct tier *tier, struct error *e)
{
	unsigned donor;
	unsigned compute;
	struct topology *topology = open_tier(tier, &donor, &compute, e);

	if (!topology)
		return false;
	series->predicted = 1e9 * predict_seconds_per_byte(topology, donor, compute, &series->terms);
	topology_free(topology);
	return true;
}

/* Least squares over the series' rows, the one without offload included. */
static double measured_slope(const struct table *table, const struct bench_predict_series *series)
{
	double n = 0;
	double x = 0;
	double y = 0;
	double xx = 0;
	double xy = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];

		if (strcmp(row->model, series->model) != 0 || strcmp(row->tier, series->tier) != 0)
			continue;
		n++;
		x += row->gb;
		y += row->seconds;
		xx += row->gb * row->gb;
		xy += row->gb * row->seconds;
	}
	return (n * xy - x * y) / (n * xx - x * x);
}

static struct bench_predict_series *find_series(const struct bench_predict *result, const struct row *row)
{
	for (size_t i = 0; i < result->count; i++) {
		if (strcmp(result->series[i].model, row->model) == 0 && strcmp(result->series[i].tier, row->tier) == 0)
			return &result->series[i];
	}
	return NULL;
}

static bool add_series(struct bench_predict *result, const struct table *table, const struct row *row, bool converts_at_source,
		       struct error *e)
{
	const struct tier *tier = find_tier(row->tier);
	const struct row *resident = resident_row(table, row);
	struct bench_predict_series series = { .terms = terms_of(row, converts_at_source),
					       .held_out = NAN,
					       .simulated_worst_error = NAN,
					       .rule = 1 / row->bandwidth_gb };

	if (!tier || !resident)
		return true; /* the card itself, with nothing offloaded */
	series.resident_seconds = resident->seconds;
	snprintf(series.resident_model, sizeof(series.resident_model), "%s", resident->model);
	snprintf(series.resident_precision, sizeof(series.resident_precision), "%s", resident->precision);
	snprintf(series.precision, sizeof(series.precision), "%s", row->precision);
	snprintf(series.model, sizeof(series.model), "%s", row->model);
	snprintf(series.tier, sizeof(series.tier), "%s", row->tier);
	series.measured = measured_slope(table, &series);
	if (!isfinite(series.measured))
		return error_set(e, ERROR_FORMAT, "%.60s on %.40s has too few points for a slope", row->model, row->tier);
	if (!predict_slope(&series, tier, e) ||
	    !array_reserve(&result->series, &result->capacity, result->count + 1, sizeof(series), e))
		return false;
	result->series[result->count++] = series;
	return true;
}

/* Bytes that cross for each offloaded byte of an iteration. */
static double crossings(const struct bench_predict_series *series)
{
	bool between_cards = strstr(series->tier, "cpu") == NULL;

	return series->terms.passes * (between_cards && series->terms.converts_at_source ? series->terms.expansion : 1);
}

/* The slope that follows from what a byte costs the other models on the same link. */
static void hold_out(struct bench_predict *result)
{
	for (size_t i = 0; i < result->count; i++) {
		struct bench_predict_series *series = &result->series[i];
		double sum = 0;
		size_t count = 0;

		for (size_t j = 0; j < result->count; j++) {
			const struct bench_predict_series *other = &result->series[j];

			if (strcmp(other->tier, series->tier) != 0 || same_model(other->model, series->model))
				continue;
			sum += other->measured / crossings(other);
			count++;
		}
		if (count)
			series->held_out = sum / (double)count * crossings(series);
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	if (count == 0)
		return NAN;
	qsort(values, count, sizeof(*values), compare_doubles);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double relative(double found, double wanted)
{
	return fabs(found - wanted) / wanted;
}

/* errors has room for a number a row. */
static void judge_points(struct bench_predict *result, const struct table *table, double *errors)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];
		struct bench_predict_series *series = find_series(result, row);
		double error;

		if (!series || !(row->gb > 0))
			continue;
		error = relative(series->resident_seconds + row->gb * series->predicted, row->seconds);
		series->count++;
		series->worst_error = error > series->worst_error ? error : series->worst_error;
		result->worst_error = error > result->worst_error ? error : result->worst_error;
		errors[result->point_count++] = error;
	}
	result->median_error = median(errors, result->point_count);
}

/* ---- simulated ---- */

static bool simulate_points(struct bench_predict *result, struct bench_predict_series *series, const struct table *table,
			    const struct bench_pass *pass, unsigned donor, double resident, double *errors, struct error *e)
{
	series->simulated_worst_error = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];
		double added;
		double error;

		if (find_series(result, row) != series || !(row->gb > 0))
			continue;
		if (!bench_pass_added_seconds(pass, row->gb * 1e9, donor, &added, e))
			return false;
		error = relative(resident + added, row->seconds);
		series->simulated_worst_error = fmax(series->simulated_worst_error, error);
		result->simulated_worst_error = fmax(result->simulated_worst_error, error);
		errors[result->simulated_count++] = error;
	}
	return true;
}

/* An iteration with nothing offloaded: measured, and where that was in another precision, less the difference. */
static bool find_resident(const struct bench_predict_series *series, const struct bench_pass *pass, double *seconds,
			  struct error *e)
{
	struct bench_pass measured;
	bool known;
	bool fine;

	*seconds = series->resident_seconds;
	if (strcmp(series->resident_model, series->model) == 0)
		return true;
	fine = bench_pass_open(&measured, series->resident_model, series->resident_precision, pass->topology, pass->compute,
			       pass->converts_at_source, &known, e);
	if (fine && known)
		*seconds += pass->resident_seconds - measured.resident_seconds;
	bench_pass_close(&measured);
	return fine;
}

static bool simulate_series(struct bench_predict *result, struct bench_predict_series *series, const struct table *table,
			    double *errors, struct error *e)
{
	unsigned donor;
	unsigned compute;
	struct topology *topology = open_tier(find_tier(series->tier), &donor, &compute, e);
	struct bench_pass pass;
	double resident;
	bool known;
	bool fine;

	if (!topology)
		return false;
	fine = bench_pass_open(&pass, series->model, series->precision, topology, compute, series->terms.converts_at_source,
			       &known, e);
	if (fine && known)
		fine = find_resident(series, &pass, &resident, e) &&
		       simulate_points(result, series, table, &pass, donor, resident, errors, e);
	bench_pass_close(&pass);
	topology_free(topology);
	return fine;
}

static bool simulate(struct bench_predict *result, const struct table *table, double *errors, struct error *e)
{
	for (size_t i = 0; i < result->count; i++) {
		if (!simulate_series(result, &result->series[i], table, errors, e))
			return false;
	}
	result->simulated_median_error = median(errors, result->simulated_count);
	return true;
}

static void judge_slopes(struct bench_predict *result, double *errors)
{
	size_t count = 0;

	for (size_t i = 0; i < result->count; i++)
		errors[i] = relative(result->series[i].predicted, result->series[i].measured);
	result->median_slope_error = median(errors, result->count);
	for (size_t i = 0; i < result->count; i++)
		errors[i] = relative(result->series[i].rule, result->series[i].measured);
	result->median_rule_error = median(errors, result->count);
	for (size_t i = 0; i < result->count; i++) {
		if (!isnan(result->series[i].held_out))
			errors[count++] = relative(result->series[i].held_out, result->series[i].measured);
	}
	result->median_held_out_error = median(errors, count);
}

bool bench_predict(const char *path, bool converts_at_source, struct bench_predict *result, struct error *e)
{
	struct table table;
	double *errors = NULL;
	bool fine;

	*result = (struct bench_predict) { .series = NULL };
	fine = read_table(&table, path, e);
	for (size_t i = 0; fine && i < table.count; i++) {
		if (table.rows[i].gb > 0 && !find_series(result, &table.rows[i]))
			fine = add_series(result, &table, &table.rows[i], converts_at_source, e);
	}
	if (fine && result->count == 0)
		fine = error_set(e, ERROR_FORMAT, "%s: no rows on a known hardware tier", path);
	if (fine)
		errors = array_new(table.count, sizeof(*errors), e);
	if (errors) {
		hold_out(result);
		judge_points(result, &table, errors);
		judge_slopes(result, errors);
		simulate(result, &table, errors, e);
	}
	free(errors);
	table_free(&table);
	return !error_is_set(e);
}

void bench_predict_free(struct bench_predict *result)
{
	free(result->series);
	*result = (struct bench_predict) { .series = NULL };
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	struct bench_predictions *both = result;

	both->is_compared = bench_table(request, "bench/bench_seconds_per_iteration.csv", both->path);
	return !both->is_compared ||
	       (bench_predict(both->path, true, &both->with, e) && bench_predict(both->path, false, &both->without, e));
}

static void free_result(void *result)
{
	struct bench_predictions *both = result;

	bench_predict_free(&both->with);
	bench_predict_free(&both->without);
}

const struct bench bench_row_predict = {
	.name = "predict",
	.summary = "predicted against published seconds per iteration",
	.result_size_bytes = sizeof(struct bench_predictions),
	.measure = measure,
	.free = free_result,
};
