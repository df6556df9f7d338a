/* bench_offload.c - one engine run for each step of virtual VRAM and each donor; a point is the time of the last
 * sampler step.
 */
#include "scenarios/bench/bench_offload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/place/plan_model.h"
#include "scenarios/bench/bench.h"
#include "scenarios/placed/placed_run.h"

#define LEVELS 9u /* from nothing to all of it */
#define PLANNER "01df082"

void bench_offload_free(struct bench_offload *result)
{
	free(result->points);
	*result = (struct bench_offload) { .points = NULL };
}

/* Blocks where the planner wants them for so much virtual VRAM on a donor. */
struct share {
	const struct topology *topology;
	unsigned compute, donor;
	double of_model;
};

static bool place(void *context, const struct model *model, unsigned *device_of, struct error *e)
{
	const struct share *share = context;
	const struct topology *topology = share->topology;
	char allocation[128];

	snprintf(allocation, sizeof(allocation), "#%s;%.6f;%s", topology->devices[share->compute].name,
		 share->of_model * (double)model->size_bytes / (double)GIB, topology->devices[share->donor].name);
	return plan_model(model, topology, allocation, plan_rules_find(PLANNER), share->compute, device_of, e);
}

static void put_sample(const struct record_sink *sink, const struct topology *topology, const struct backend *backend,
		       const struct bench_offload *result, const struct bench_offload_point *point)
{
	struct record_sample sample = { .x = (double)point->offloaded_bytes, .value = point->seconds };
	char label[RECORD_NAME_MAX];

	snprintf(label, sizeof(label), "%.30s, donor %.16s", result->model, topology->devices[point->donor].name);
	record_text(sample.series, sizeof(sample.series), "offload");
	record_text(sample.topology, sizeof(sample.topology), topology->name);
	record_text(sample.backend, sizeof(sample.backend), backend->name);
	record_text(sample.label, sizeof(sample.label), label);
	if (!isnan(point->seconds))
		record_put(sink, RECORD_SAMPLE, &sample, sizeof(sample));
}

bool bench_offload(const struct topology *topology, const struct backend *backend, const struct record_sink *sink,
		   const bool *interrupted, struct bench_offload *result, struct error *e)
{
	int64_t side = backend->bytes_exist ? 16 : 128; /* of the latent: 128 or 1024 pixels */
	struct placed_request request = {
		.topology = topology, .backend = backend, .width = side, .height = side, .interrupted = interrupted
	};

	*result = (struct bench_offload) { .model = backend->bytes_exist ? "flux1-small.safetensors" : "flux1-dev.safetensors",
					   .compute = 1 };
	request.model = result->model;
	request.compute = result->compute;
	if (topology->device_count < 2)
		return error_set(e, ERROR_ABSENT, "topology %s has no card to compute on", topology->name);
	for (unsigned donor = 0; donor < topology->device_count; donor++) {
		for (unsigned level = 0; donor != result->compute && level < LEVELS; level++) {
			struct share share = { topology, result->compute, donor, (double)level / (LEVELS - 1) };
			struct placer placer = { &share, place };
			struct bench_offload_point point = { .donor = donor };
			struct placed_result trial;

			if (interrupted && *interrupted)
				return error_set(e, ERROR_INTERRUPTED, "interrupted");
			if (!placed_run(&request, &placer, &trial, &point.offloaded_bytes, e))
				return false;
			point.seconds = trial.seconds;
			point.moved_bytes = trial.moved_bytes;
			if (!array_reserve(&result->points, &result->point_capacity, result->point_count + 1, sizeof(point), e))
				return false;
			result->points[result->point_count++] = point;
			put_sample(sink, topology, backend, result, &point);
		}
	}
	return true;
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	return bench_offload(request->topology, request->backend, request->sink, request->interrupted, result, e);
}

static void free_result(void *result)
{
	bench_offload_free(result);
}

const struct bench bench_row_offload = {
	.name = "offload",
	.summary = "seconds per iteration of FLUX.1 against GB that wait on each donor",
	.needs_topology = true,
	.result_size_bytes = sizeof(struct bench_offload),
	.measure = measure,
	.free = free_result,
};
