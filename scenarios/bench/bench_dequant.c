/* bench_dequant.c - every quantised type with every instruction set, over a block that stays in the second-level
 * cache.
 *
 * Thread time is measured, not wall time: a core shared with others would otherwise look slow.
 */
#include "scenarios/bench/bench_dequant.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/mt19937.h"
#include "core/tensor/kernels/kernels.h"
#include "scenarios/bench/bench.h"

#define ELEMENTS (64u * 1024u) /* 256 KiB of floats */
#define SAMPLE_NS (10 * NS_PER_MS)
#define REPEATS_MAX 64u

struct dequant_rig {
	unsigned repeats;
	const struct record_sink *sink;
	uint8_t *blocks;
	float *values;
};

/* Of this thread, so that a core shared with others counts for what it gave. */
static uint64_t processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static double sample(const struct dequant_rig *bench, kernel_dequantise kernel, enum quant type)
{
	size_t block_count = ELEMENTS / quant_block_elements(type);
	uint64_t started_ns = processor_ns();
	uint64_t elapsed_ns = 0;
	uint64_t rounds = 0;

	while (elapsed_ns < SAMPLE_NS) {
		kernel(bench->blocks, bench->values, block_count);
		rounds++;
		elapsed_ns = processor_ns() - started_ns;
	}
	return (double)(rounds * ELEMENTS) * 1e9 / (double)elapsed_ns;
}

static void put_sample(const struct dequant_rig *bench, const struct bench_dequant_point *point)
{
	struct record_sample record = { .x = ELEMENTS, .value = point->elements_per_s.median };
	char label[RECORD_NAME_MAX];

	snprintf(label, sizeof(label), "%s%s, %s", quant_name(point->type), point->way == QUANT_HALF ? " half" : "",
		 point->kernels);
	record_text(record.series, sizeof(record.series), "dequant");
	record_text(record.backend, sizeof(record.backend), "host");
	record_text(record.label, sizeof(record.label), label);
	if (bench->sink)
		record_put(bench->sink, RECORD_SAMPLE, &record, sizeof(record));
}

static bool measure_kernels(const struct dequant_rig *bench, const struct kernels *kernels, enum quant type, enum quant_way way,
			    struct bench_dequant *result, struct error *e)
{
	struct bench_dequant_point *point;
	double values[REPEATS_MAX];

	if (!array_reserve(&result->points, &result->point_capacity, result->point_count + 1, sizeof(*result->points), e))
		return false;
	kernels->dequantise[type][way](bench->blocks, bench->values, ELEMENTS / quant_block_elements(type));
	for (unsigned i = 0; i < bench->repeats; i++)
		values[i] = sample(bench, kernels->dequantise[type][way], type);
	point = &result->points[result->point_count++];
	*point = (struct bench_dequant_point) {
		.type = type, .way = way, .kernels = kernels->name, .elements_per_s = spread_of(values, bench->repeats)
	};
	put_sample(bench, point);
	return true;
}

static bool measure_type(const struct dequant_rig *bench, enum quant type, const bool *interrupted,
			 struct bench_dequant *result, struct error *e)
{
	for (unsigned way = 0; way < QUANT_WAYS; way++) {
		for (size_t i = 0; kernels_all[i]; i++) {
			if (interrupted && *interrupted)
				return error_set(e, ERROR_INTERRUPTED, "interrupted");
			if (kernels_all[i]->dequantise[type][way] && kernels_all[i]->runs_here() &&
			    !measure_kernels(bench, kernels_all[i], type, (enum quant_way)way, result, e))
				return false;
		}
	}
	return true;
}

bool bench_dequant(unsigned repeats, const struct record_sink *sink, const bool *interrupted, struct bench_dequant *result,
		   struct error *e)
{
	struct dequant_rig bench = { .repeats = repeats ? repeats : 5, .sink = sink };
	struct mt19937 generator;
	bool fine;

	*result = (struct bench_dequant) { .element_count = ELEMENTS };
	if (bench.repeats > REPEATS_MAX)
		bench.repeats = REPEATS_MAX;
	bench.blocks = array_new(ELEMENTS, 2, e);
	bench.values = aligned_alloc(64, ELEMENTS * sizeof(*bench.values)); /* as a device's memory is */
	fine = bench.blocks && (bench.values || error_no_memory(e));
	mt19937_seed(&generator, 1);
	/* No byte is above 0x3f, so no half is infinite or no number: those are slower to convert on some machines. */
	for (size_t i = 0; fine && i < (size_t)ELEMENTS * 2; i++)
		bench.blocks[i] = mt19937_next(&generator) & 0x3f;
	for (unsigned type = 0; fine && type < QUANT_COUNT; type++)
		fine = measure_type(&bench, (enum quant)type, interrupted, result, e);
	free(bench.blocks);
	free(bench.values);
	return fine;
}

void bench_dequant_free(struct bench_dequant *result)
{
	free(result->points);
	*result = (struct bench_dequant) { .points = NULL };
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	return bench_dequant(request->repeats, request->sink, request->interrupted, result, e);
}

static void free_result(void *result)
{
	bench_dequant_free(result);
}

const struct bench bench_row_dequant = {
	.name = "dequant",
	.summary = "elements a second of every quantised type, one core, by instruction set",
	.result_size_bytes = sizeof(struct bench_dequant),
	.measure = measure,
	.free = free_result,
};
