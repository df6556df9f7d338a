/* bench_patch.c - patches a synthetic weight with adapters of several kinds and ranks.
 *
 * What is timed is what loading does: the values taken as float32, the adapter applied, the result rounded back. The first round
 * is not counted, since it finds memory cold. A checksum of the bytes shows that what was timed was done.
 */
#include "scenarios/bench/bench_patch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/patch/apply/stored.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/dtype/small_float.h"

#define REPEATS 11

static const struct {
	const char *kind;
	enum dtype dtype;
	int64_t rows, columns, rank;
} cases[] = {
	{ .kind = "lora", .dtype = DTYPE_F32, .rows = 3072, .columns = 3072, .rank = 16 },
	{ .kind = "lora", .dtype = DTYPE_F16, .rows = 3072, .columns = 3072, .rank = 16 },
	{ .kind = "lora", .dtype = DTYPE_BF16, .rows = 3072, .columns = 3072, .rank = 16 },
	{ .kind = "lora", .dtype = DTYPE_BF16, .rows = 3072, .columns = 3072, .rank = 128 },
	{ .kind = "lora", .dtype = DTYPE_BF16, .rows = 9216, .columns = 3072, .rank = 32 },
	{ .kind = "lora", .dtype = DTYPE_F8_E4M3, .rows = 3072, .columns = 3072, .rank = 16 },
	{ .kind = "lora", .dtype = DTYPE_F8_E5M2, .rows = 3072, .columns = 3072, .rank = 16 },
	{ .kind = "dora", .dtype = DTYPE_BF16, .rows = 3072, .columns = 3072, .rank = 16 },
	{ .kind = "loha", .dtype = DTYPE_BF16, .rows = 3072, .columns = 3072, .rank = 16 },
};

/* A weight, the tensors of an adapter, and the patch that uses them. */
struct patched_weight {
	void *weight, *out;
	uint16_t *factors[4], *scale; /* in half precision, as files mostly are */
	struct safetensors_tensor tensors[5];
	uint64_t shapes[5][2];
	struct adapter adapter;
	struct lora_match match;
	struct patch_use use;
};

static float next_value(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (float)(*state >> 40) * 0x1p-23F - 1.0F;
}

static void fill_tensor(struct safetensors_tensor *tensor, uint64_t shape[2], uint16_t *values, uint64_t rows, uint64_t columns,
			uint64_t *state)
{
	for (uint64_t i = 0; i < rows * columns; i++)
		values[i] = dtype_f32_to_f16(0.1F * next_value(state));
	shape[0] = rows;
	shape[1] = columns;
	*tensor = (struct safetensors_tensor) { .name = "bench",
						.name_length = 5,
						.dtype = DTYPE_F16,
						.rank = 2,
						.shape = shape,
						.bytes = (const uint8_t *)values,
						.size_bytes = 2 * rows * columns,
						.element_count = rows * columns };
}

/* Two factors, or the four of LoHa. */
static bool make_adapter(struct patched_weight *bench, const struct bench_patch_point *point, uint64_t *state, struct error *e)
{
	bool is_loha = strcmp(point->kind, "loha") == 0;
	size_t largest = (size_t)(point->rows > point->columns ? point->rows : point->columns);

	bench->adapter = (struct adapter) {
		.kind = is_loha ? &kind_loha : &kind_lora, .file = "bench", .key = "bench", .alpha = (double)point->rank
	};
	for (size_t i = 0; i < (is_loha ? 4 : 2); i++) {
		uint64_t rows = (uint64_t)(i % 2 ? point->rank : point->rows);
		uint64_t columns = (uint64_t)(i % 2 ? point->columns : point->rank);

		bench->factors[i] = array_new(largest * (size_t)point->rank, sizeof(*bench->factors[i]), e);
		if (!bench->factors[i])
			return false;
		fill_tensor(&bench->tensors[i], bench->shapes[i], bench->factors[i], rows, columns, state);
		bench->adapter.parts[i] = &bench->tensors[i];
	}
	if (strcmp(point->kind, "dora") == 0) {
		bench->scale = array_new((size_t)point->rows, sizeof(*bench->scale), e);
		if (!bench->scale)
			return false;
		fill_tensor(&bench->tensors[4], bench->shapes[4], bench->scale, (uint64_t)point->rows, 1, state);
		bench->adapter.dora_scale = &bench->tensors[4];
	}
	bench->match = (struct lora_match) { .adapters = &bench->adapter, .count = 1 };
	bench->use = (struct patch_use) { .match = &bench->match, .strength = 0.75, .strength_model = 1 };
	return true;
}

static bool make_weight(struct patched_weight *bench, const struct bench_patch_point *point, uint64_t *state, struct error *e)
{
	size_t count = (size_t)(point->rows * point->columns);
	float *values = array_new(count, sizeof(*values), e);
	bool fine;

	bench->weight = array_new(count, dtype_size_bytes(point->dtype), e);
	bench->out = array_new(count, dtype_size_bytes(point->dtype), e);
	for (size_t i = 0; values && i < count; i++)
		values[i] = 0.05F * next_value(state);
	fine = values && bench->weight && bench->out && convert_from_f32(point->dtype, values, bench->weight, count, e);
	free(values);
	return fine;
}

static bool time_one(struct patched_weight *bench, const struct bench_patch_point *point, uint64_t *elapsed_ns, struct error *e)
{
	const int64_t shape[2] = { point->rows, point->columns };
	struct stored stored = { .key = "diffusion_model.double_blocks.0.img_attn.proj.weight",
				 .dtype = point->dtype,
				 .rank = 2,
				 .shape = shape,
				 .bytes = bench->weight };
	struct patch_list list = { .uses = &bench->use, .use_count = 1 };
	uint64_t start = clock_now_ns();
	bool fine = stored_patch_round(&stored, &list, 0, bench->out, e);

	*elapsed_ns = clock_now_ns() - start;
	return fine;
}

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool time_all(struct patched_weight *bench, struct bench_patch_point *point, struct error *e)
{
	uint64_t *times = array_new(point->repeats, sizeof(*times), e);
	bool fine = times && time_one(bench, point, times, e);

	for (unsigned i = 0; fine && i < point->repeats; i++)
		fine = time_one(bench, point, &times[i], e);
	if (fine) {
		qsort(times, point->repeats, sizeof(*times), compare_times);
		point->median_ns = times[point->repeats / 2];
		point->least_ns = times[0];
		point->most_ns = times[point->repeats - 1];
		point->checksum = (uint32_t)crc32(
			0, bench->out, (uInt)((size_t)(point->rows * point->columns) * dtype_size_bytes(point->dtype)));
	}
	free(times);
	return fine;
}

static bool measure_point(size_t which, unsigned repeats, uint64_t seed, struct bench_patch_point *point, struct error *e)
{
	struct patched_weight bench = { .weight = NULL };
	uint64_t state = seed * 2 + 1;
	bool fine;

	*point = (struct bench_patch_point) { .kind = cases[which].kind,
					      .dtype = cases[which].dtype,
					      .rows = cases[which].rows,
					      .columns = cases[which].columns,
					      .rank = cases[which].rank,
					      .repeats = repeats ? repeats : 1 };
	fine = make_weight(&bench, point, &state, e) && make_adapter(&bench, point, &state, e) && time_all(&bench, point, e);
	for (size_t i = 0; i < ARRAY_SIZE(bench.factors); i++)
		free(bench.factors[i]);
	free(bench.scale);
	free(bench.weight);
	free(bench.out);
	return fine;
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	struct bench_patch *patch = result;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!bench_goes_on(request, e) ||
		    !measure_point(i, bench_repeats(request, REPEATS), request->seed, &patch->points[i], e))
			return false;
		patch->point_count++;
		if (request->on_point)
			request->on_point(request->context, patch);
	}
	return true;
}

_Static_assert(ARRAY_SIZE(cases) <= BENCH_PATCH_POINTS_MAX, "every case has its place");

const struct bench bench_row_patch = {
	.name = "patch",
	.summary = "time to put a LoRA into a weight, by type, rank and kind",
	.result_size_bytes = sizeof(struct bench_patch),
	.measure = measure,
};
