/* bench_plan.c - plans a synthetic model on four devices, mode by mode, with more and more blocks.
 *
 * A time is that of one plan_make and its plan_free; the blocks that moved are counted, so that what was timed did place. Where
 * the published table has upstream's own time for the same planner, mode and number of blocks, the point carries it.
 */
#include "scenarios/bench/bench_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/string.h"
#include "core/plan/plan.h"

static const struct {
	const char *planner, *variant, *mode, *allocation;
} modes[] = {
	{ .planner = "01df082", .variant = "unet", .mode = "vvram", .allocation = "#cuda:0;14.0;cuda:1,cpu" },
	{ .planner = "01df082", .variant = "unet", .mode = "byte", .allocation = "cuda:0,6gb;cuda:1,4gb;cpu,*#cuda:0" },
	{ .planner = "01df082", .variant = "unet", .mode = "ratio", .allocation = "cuda:0,40%;cuda:1,20%;cpu,40%#cuda:0" },
	{ .planner = "01df082", .variant = "unet", .mode = "fraction", .allocation = "cuda:0,0.3;cuda:1,0.2;cpu,0.2#cuda:0" },
	{ .planner = "01df082", .variant = "clip", .mode = "ratio", .allocation = "cuda:0,40%;cuda:1,20%;cpu,40%#cuda:0" },
	{ .planner = "HEAD", .variant = "unet", .mode = "vvram", .allocation = "#cuda:0;14.0;cuda:1,cpu" },
	{ .planner = "HEAD", .variant = "clip", .mode = "ratio", .allocation = "cuda:0,40%;cuda:1,20%;cpu,40%#cuda:0" },
	{ .planner = "V1", .variant = "v1", .mode = "vvram", .allocation = "#cuda:0;14.0;cuda:1,cpu" },
	{ .planner = "exact", .variant = "unet", .mode = "vvram", .allocation = "#cuda:0;14.0;cuda:1,cpu" },
};

static const struct plan_device devices[] = {
	{ .name = "cpu", .total_bytes = 68719476736 },
	{ .name = "cuda:0", .total_bytes = 25393692672 },
	{ .name = "cuda:1", .total_bytes = 25438126080 },
	{ .name = "cuda:2", .total_bytes = 12884901888 },
};

/* Upstream's thresholds make every block of more than ten thousand equal ones tiny; the larger counts show how cost grows. */
static const size_t block_counts[] = { 1000, 10000, 100000 };

#define REPEATS 21
#define MODEL_BYTES 24e9
#define NAME_MAX_BYTES 80

/* Blocks of sizes from a half to one and a half of the mean, with one tiny one in ten, named as a transformer's are. */
static void make_blocks(struct plan_block *blocks, char (*names)[NAME_MAX_BYTES], size_t count, uint64_t seed)
{
	uint64_t state = seed * 2 + 1;

	for (size_t i = 0; i < count; i++) {
		uint64_t size;

		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		size = (uint64_t)(MODEL_BYTES / (double)count * (0.5 + (double)(state >> 40) * 0x1p-24));
		snprintf(names[i], NAME_MAX_BYTES, "diffusion_model.double_blocks.%zu.img_attn.norm.query_norm", i);
		blocks[i] = (struct plan_block) { .name = names[i],
						  .size_bytes = i % 10 == 9 ? 128 : size,
						  .weight_size_bytes = i % 10 == 9 ? 128 : size,
						  .has_bias = true };
	}
}

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* One timed plan; also counts what moved. */
static bool time_one(const struct plan_request *request, uint64_t *elapsed_ns, size_t *moved, struct error *e)
{
	uint64_t start = clock_now_ns();
	struct plan *plan = plan_make(request, NULL, e);

	if (!plan)
		return false;
	*moved = 0;
	for (size_t i = 0; i < plan->share_count; i++)
		*moved += i == plan->compute_share ? 0 : (size_t)plan->shares[i].block_count;
	plan_free(plan);
	*elapsed_ns = clock_now_ns() - start;
	return true;
}

static bool time_all(const struct plan_request *request, uint64_t *times, struct bench_plan_point *point, struct error *e)
{
	for (unsigned i = 0; i < point->repeats; i++) {
		if (!time_one(request, &times[i], &point->moved_count, e))
			return false;
	}
	qsort(times, point->repeats, sizeof(*times), compare_times);
	point->median_ns = times[point->repeats / 2];
	point->least_ns = times[0];
	point->most_ns = times[point->repeats - 1];
	return true;
}

static bool measure_point(size_t block_count, size_t mode, unsigned repeats, uint64_t seed, struct bench_plan_point *point,
			  struct error *e)
{
	struct plan_block *blocks = array_new(block_count, sizeof(*blocks), e);
	char(*names)[NAME_MAX_BYTES] = array_new(block_count, NAME_MAX_BYTES, e);
	uint64_t *times = array_new(repeats ? repeats : 1, sizeof(*times), e);
	bool fine = blocks && names && times;

	*point = (struct bench_plan_point) { .block_count = block_count,
					     .planner = modes[mode].planner,
					     .allocation = modes[mode].allocation,
					     .variant = modes[mode].variant,
					     .mode = modes[mode].mode,
					     .repeats = repeats ? repeats : 1 };
	if (fine) {
		struct plan_request request = { .rules = plan_rules_find(modes[mode].planner),
						.allocation = modes[mode].allocation,
						.is_clip = strcmp(modes[mode].variant, "clip") == 0,
						.blocks = blocks,
						.block_count = block_count,
						.devices = devices,
						.device_count = ARRAY_SIZE(devices) };

		make_blocks(blocks, names, block_count, seed);
		fine = time_all(&request, times, point, e);
	}
	free(times);
	free(names);
	free(blocks);
	return fine;
}

/* ---- upstream's own times ---- */

/* version,variant,mode,block_list,n_blocks,median_s,... Where upstream was timed with its load list ready as well, that time is the one
 * to compare with: it has placed, and done nothing else. */
static double time_in_line(char *line, const struct bench_plan_point *point, bool *is_ready)
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
static double peer_seconds(const char *text, const struct bench_plan_point *point, struct error *e)
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

/* ---- the row ---- */

static bool add_point(const struct bench_request *request, size_t mode, size_t count, const char *times,
		      struct bench_plan *plan, struct error *e)
{
	struct bench_plan_point *point = &plan->points[plan->point_count];

	if (!bench_goes_on(request, e) || !measure_point(count, mode, bench_repeats(request, REPEATS), request->seed, point, e))
		return false;
	point->upstream_s = peer_seconds(times, point, e);
	plan->point_count++;
	if (request->on_point)
		request->on_point(request->context, plan);
	return true;
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	struct bench_plan *plan = result;
	char *times = NULL;
	size_t length;
	bool fine = true;

	plan->has_upstream = bench_table(request, "planner/timing.csv", plan->upstream);
	if (plan->has_upstream) {
		times = file_read_whole(plan->upstream, &length, e);
		fine = times;
	}
	for (size_t mode = 0; mode < ARRAY_SIZE(modes); mode++)
		for (size_t i = 0; fine && i < ARRAY_SIZE(block_counts); i++)
			fine = add_point(request, mode, block_counts[i], times, plan, e);
	free(times);
	return fine;
}

_Static_assert(ARRAY_SIZE(modes) * ARRAY_SIZE(block_counts) <= BENCH_PLAN_POINTS_MAX, "every point has its place");

const struct bench bench_row_plan = {
	.name = "plan",
	.summary = "time to place a model's blocks, and how it grows with their number",
	.result_size_bytes = sizeof(struct bench_plan),
	.measure = measure,
};
