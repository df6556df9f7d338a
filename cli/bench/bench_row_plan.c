#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench/bench.h"
#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/units.h"
#include "core/plan/bench.h"

/* Upstream's thresholds make every block of more than ten thousand equal ones tiny; the larger counts show how cost grows. */
static const size_t block_counts[] = { 1000, 10000, 100000 };

#define REPEATS 21

/* ---- upstream's own times ---- */

/* version,variant,mode,block_list,n_blocks,median_s,... Where upstream was timed with its load list ready as well, that time is the one
 * to compare with: it has placed, and done nothing else. */
static double time_in_line(char *line, const struct plan_bench_point *point, bool *is_ready)
{
	const char *planner = strcmp(point->planner, "exact") == 0 ? "HEAD" : point->planner;
	char *cells[6] = { NULL };
	size_t count = 0;

	for (char *cell; count < ARRAY_SIZE(cells) && (cell = strsep(&line, ",")) != NULL;)
		cells[count++] = cell;
	if (count < ARRAY_SIZE(cells) || strcmp(cells[0], planner) != 0 || strcmp(cells[1], point->variant) != 0 ||
	    strcmp(cells[2], point->mode) != 0 || strtoull(cells[4], NULL, 10) != point->block_count)
		return NAN;
	*is_ready = strncmp(cells[3], "cached", 6) == 0;
	return strtod(cells[5], NULL);
}

/* Seconds of upstream's planner for the same, or NAN. `text` is the table, or NULL. */
static double peer_seconds(const char *text, const struct plan_bench_point *point, struct error *e)
{
	double found = NAN;
	char *copy;
	char *rest;

	if (!text)
		return NAN;
	copy = string_copy(text, e);
	rest = copy;
	for (char *line; rest && (line = strsep(&rest, "\n")) != NULL;) {
		bool is_ready = false;
		double seconds = time_in_line(line, point, &is_ready);

		if (!isnan(seconds) && (isnan(found) || is_ready))
			found = seconds;
	}
	free(copy);
	return found > 0 ? found : NAN;
}

/* ---- ours ---- */

static void print_point(FILE *out, const struct plan_bench_point *point, double peer)
{
	char median[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];
	char ratio[48] = "";

	if (!isnan(peer))
		snprintf(ratio, sizeof(ratio), "  upstream %.3g s: %.0f times faster", peer,
			 peer * 1e9 / (double)point->median_ns);
	fprintf(out, "  %7zu blocks  %9s  (%s to %s)  %6.1f ns a block  %-7s %s %s%s\n", point->block_count,
		units_duration(point->median_ns, median), units_duration(point->least_ns, least),
		units_duration(point->most_ns, most), (double)point->median_ns / (double)point->block_count, point->planner,
		point->variant, point->mode, ratio);
}

static json_t *point_to_json(const struct plan_bench_point *point, double peer)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:o, s:o}", "blocks",
			 (json_int_t)point->block_count, "planner", point->planner, "allocation", point->allocation, "variant",
			 point->variant, "mode", point->mode, "repeats", (int)point->repeats, "median_ns",
			 (json_int_t)point->median_ns, "min_ns", (json_int_t)point->least_ns, "max_ns",
			 (json_int_t)point->most_ns, "moved", (json_int_t)point->moved_count, "upstream_s",
			 isnan(peer) ? json_null() : json_real(peer), "times_faster",
			 isnan(peer) ? json_null() : json_real(peer * 1e9 / (double)point->median_ns));
}

static bool run_point(const struct bench_request *request, size_t mode, size_t count, const char *times, json_t *list,
		      struct error *e)
{
	struct plan_bench_point point;
	double peer;

	if (*request->cli->interrupted)
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	if (!plan_bench(count, mode, request->repeats ? request->repeats : REPEATS, request->seed, &point, e))
		return false;
	peer = peer_seconds(times, &point, e);
	if (json_array_append_new(list, point_to_json(&point, peer)) != 0)
		return error_no_memory(e);
	if (request->print)
		print_point(request->cli->out, &point, peer);
	return true;
}

static bool run_points(const struct bench_request *request, const char *times, json_t *list, struct error *e)
{
	for (size_t mode = 0; mode < plan_bench_modes(); mode++) {
		for (size_t i = 0; i < ARRAY_SIZE(block_counts); i++) {
			if (!run_point(request, mode, block_counts[i], times, list, e))
				return false;
		}
	}
	return true;
}

static json_t *run(const struct bench_request *request, struct error *e)
{
	char path[BENCH_PATH_MAX];
	char *times = NULL;
	size_t length;
	json_t *list = json_array();
	json_t *members = NULL;

	if (bench_table(request, "planner/timing.csv", path)) {
		times = file_read_whole(path, &length, e);
		if (!times) {
			json_decref(list);
			return NULL;
		}
	}
	if (request->print)
		fprintf(request->cli->out, "planning on four devices%s%s\n", times ? "; upstream's times are from " : "",
			times ? path : "");
	if (list && run_points(request, times, list, e))
		members = json_pack("{s:O}", "points", list);
	if (!members)
		error_no_memory(e);
	free(times);
	json_decref(list);
	return members;
}

const struct bench bench_row_plan = {
	.name = "plan",
	.summary = "time to place a model's blocks, and how it grows with their number",
	.run = run,
};
