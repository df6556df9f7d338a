/* bench_links.c - for each link and size: copy until the samples agree, then compare what arrived.
 *
 * Buffers are filled from a sequence seeded by the pair of devices, so that stale bytes of another pair are not taken
 * for correct ones.
 */
#include "scenarios/bench/bench_links.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/units.h"
#include "scenarios/bench/bench.h"

#define SAMPLE_NS NS_PER_MS
#define COPIES_MAX 4096u
#define WARM_UPS_MAX 10
#define STEADY 0.1
#define REPEATS_MAX 1000u

/* One link under measurement. */
struct links_rig {
	const struct bench_links_options *options;
	const char *backend;
	const char *topology;
	struct machine *machine;
	struct device *from, *to;
	struct stream *stream; /* of the link */
	struct buffer source, target;
	double *values; /* repeats of one point */
	unsigned repeats;
};

/* A cheap sequence that differs between pairs, so that bytes left from another pair are not taken for the right ones. */
static bool fill(const struct buffer *buffer, uint64_t seed, struct error *e)
{
	struct mapping place;
	uint8_t *bytes;
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	if (!device_map(buffer, MAP_WRITE, &place, e))
		return false;
	bytes = place.bytes;
	for (uint64_t i = 0; i < buffer->size_bytes; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		bytes[i] = (uint8_t)(state >> 32);
	}
	return device_unmap(&place, true, e);
}

static bool compare_bytes(const struct links_rig *bench, const uint8_t *sent, const uint8_t *arrived, uint64_t size_bytes,
			  struct error *e)
{
	if (memcmp(sent, arrived, size_bytes) == 0)
		return true;
	for (uint64_t i = 0; i < size_bytes; i++) {
		if (sent[i] != arrived[i])
			return error_set(e, ERROR_UNTRUSTWORTHY,
					 "%s to %s: of %llu bytes copied byte %llu arrived as 0x%02x, sent was 0x%02x",
					 device_name(bench->from), device_name(bench->to), (unsigned long long)size_bytes,
					 (unsigned long long)i, arrived[i], sent[i]);
	}
	return true;
}

static bool compare(const struct links_rig *bench, uint64_t size_bytes, struct error *e)
{
	struct mapping sent;
	struct mapping arrived = { .bytes = NULL };
	bool fine = device_map(&bench->source, MAP_READ, &sent, e) && device_map(&bench->target, MAP_READ, &arrived, e) &&
		    compare_bytes(bench, sent.bytes, arrived.bytes, size_bytes, e);

	fine = device_unmap(&arrived, fine, e);
	return device_unmap(&sent, fine, e);
}

/* Seconds of one copy, mean of `copies`. */
static bool take_sample(const struct links_rig *bench, uint64_t size_bytes, unsigned copies, double *seconds, struct error *e)
{
	const struct transfer transfer = {
		.stream = bench->stream,
		.to = &bench->target,
		.from = &bench->source,
		.size_bytes = size_bytes,
	};
	uint64_t begin_ns = machine_now_ns(bench->machine);

	for (unsigned i = 0; i < copies; i++) {
		if (!device_copy(&transfer, e) || !stream_synchronize(bench->stream, e))
			return false;
	}
	*seconds = (double)(machine_now_ns(bench->machine) - begin_ns) / (double)NS_PER_S / copies;
	return true;
}

static unsigned copies_a_sample(double seconds)
{
	double copies = (double)SAMPLE_NS / (double)NS_PER_S / fmax(seconds, 1e-9);

	return (unsigned)fmin(fmax(copies, 1), COPIES_MAX);
}

static bool warm_up(const struct links_rig *bench, uint64_t size_bytes, unsigned *copies, bool *steady, struct error *e)
{
	double before;

	*steady = false;
	if (!take_sample(bench, size_bytes, 1, &before, e))
		return false;
	*copies = copies_a_sample(before);
	for (int i = 0; i < WARM_UPS_MAX && !*steady; i++) {
		double now;

		if (!take_sample(bench, size_bytes, *copies, &now, e))
			return false;
		*steady = fabs(now - before) <= STEADY * before;
		*copies = copies_a_sample(now);
		before = now;
	}
	return true;
}

static void record_point(const struct links_rig *bench, const struct bench_link_point *point)
{
	struct record_sample sample = { .x = (double)point->size_bytes };

	record_text(sample.series, sizeof(sample.series), "links");
	record_text(sample.topology, sizeof(sample.topology), bench->topology);
	record_text(sample.backend, sizeof(sample.backend), bench->backend);
	snprintf(sample.label, sizeof(sample.label), "%.28s->%.28s", device_name(bench->from), device_name(bench->to));
	for (unsigned i = 0; i < bench->repeats; i++) {
		sample.value = (double)point->size_bytes / bench->values[i];
		sample.repeat = i;
		record_put(bench->options->sink, RECORD_SAMPLE, &sample, sizeof(sample));
	}
}

static bool measure_point(const struct links_rig *bench, struct bench_link_point *point, struct error *e)
{
	bool bytes_exist = machine_backend(bench->machine)->bytes_exist;
	unsigned copies;

	if (!device_fill(&bench->target, 0, point->size_bytes, 0, e) ||
	    !warm_up(bench, point->size_bytes, &copies, &point->steady, e))
		return false;
	for (unsigned i = 0; i < bench->repeats; i++) {
		if (bench->options->interrupted && *bench->options->interrupted)
			return error_set(e, ERROR_INTERRUPTED, "interrupted");
		if (!take_sample(bench, point->size_bytes, copies, &bench->values[i], e))
			return false;
	}
	record_point(bench, point);
	point->seconds = spread_of(bench->values, bench->repeats);
	return !bytes_exist || compare(bench, point->size_bytes, e);
}

static double point_rate(const struct bench_link_point *point)
{
	return (double)point->size_bytes / point->seconds.median;
}

static void sum_up(struct bench_link *link)
{
	const struct bench_link_point *first = &link->points[0];
	double best = 0;

	for (size_t i = 0; i < link->point_count; i++)
		best = fmax(best, point_rate(&link->points[i]));
	link->bandwidth_bytes_per_s = point_rate(&link->points[link->point_count - 1]);
	link->latency_s = fmax(0, first->seconds.median - (double)first->size_bytes / best);
}

static bool measure_link(struct links_rig *bench, struct bench_link *link, uint64_t smallest, uint64_t largest, struct error *e)
{
	size_t capacity = 0;

	for (uint64_t size = smallest; size <= largest; size *= BENCH_LINKS_SIZE_STEP) {
		struct bench_link_point *point;

		if (!array_reserve(&link->points, &capacity, link->point_count + 1, sizeof(*link->points), e))
			return false;
		point = &link->points[link->point_count++];
		*point = (struct bench_link_point) { .size_bytes = size };
		if (!measure_point(bench, point, e))
			return false;
	}
	sum_up(link);
	return true;
}

/* Buffers for one link, measured, and given back, so that the next link finds its devices empty. */
static bool bench_one(struct links_rig *bench, struct bench_link *link, uint64_t smallest, uint64_t largest, struct error *e)
{
	bool fine = false;

	bench->from = machine_device(bench->machine, link->from);
	bench->to = machine_device(bench->machine, link->to);
	bench->stream = stream_of_link(bench->from, bench->to, e);
	if (bench->stream && device_alloc(bench->from, largest, &bench->source, e) &&
	    device_alloc(bench->to, largest, &bench->target, e)) {
		fine = (!machine_backend(bench->machine)->bytes_exist ||
			fill(&bench->source, (uint64_t)link->from * DEVICE_MAX + link->to, e)) &&
		       measure_link(bench, link, smallest, largest, e);
	}
	device_free_after(&bench->target, bench->stream);
	device_free_after(&bench->source, bench->stream);
	device_empty_cache(bench->from);
	device_empty_cache(bench->to);
	return fine;
}

static bool check_sizes(uint64_t smallest, uint64_t largest, struct error *e)
{
	if (smallest <= largest && largest <= UINT64_MAX / BENCH_LINKS_SIZE_STEP)
		return true;
	return error_set(e, ERROR_USAGE, "links are measured from %llu to %llu bytes: the largest must not be the smaller one",
			 (unsigned long long)smallest, (unsigned long long)largest);
}

bool bench_links(const struct topology *topology, const struct backend *backend, const struct bench_links_options *options,
		 struct bench_links *result, struct error *e)
{
	uint64_t smallest = options->smallest_bytes ? options->smallest_bytes : 4 * KIB;
	uint64_t largest = options->largest_bytes ? options->largest_bytes : 256 * MIB;
	struct links_rig bench = { .options = options, .backend = backend->name, .topology = topology->name };
	bool fine = false;

	*result = (struct bench_links) { .verified = backend->bytes_exist };
	if (!check_sizes(smallest, largest, e))
		return false;
	bench.repeats = options->repeats ? options->repeats : 5;
	if (bench.repeats > REPEATS_MAX)
		bench.repeats = REPEATS_MAX;
	bench.values = array_new(bench.repeats, sizeof(*bench.values), e);
	result->links = array_new(topology->link_count, sizeof(*result->links), e);
	bench.machine = machine_open(topology, backend, e);
	if (!bench.values || !result->links || !bench.machine)
		goto out;
	fine = true;
	for (size_t i = 0; fine && i < topology->link_count; i++) {
		struct bench_link *link = &result->links[result->link_count++];

		link->from = topology->links[i].from;
		link->to = topology->links[i].to;
		fine = bench_one(&bench, link, smallest, largest, e);
	}
out:
	machine_close(bench.machine);
	free(bench.values);
	return fine;
}

void bench_links_free(struct bench_links *result)
{
	for (size_t i = 0; i < result->link_count; i++)
		free(result->links[i].points);
	free(result->links);
	*result = (struct bench_links) { .links = NULL };
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	const struct bench_links_options options = {
		.smallest_bytes = request->smallest_bytes,
		.largest_bytes = request->largest_bytes,
		.repeats = request->repeats,
		.sink = request->sink,
		.interrupted = request->interrupted,
	};

	return bench_links(request->topology, request->backend, &options, result, e);
}

static void free_result(void *result)
{
	bench_links_free(result);
}

const struct bench bench_row_links = {
	.name = "links",
	.summary = "bandwidth and latency of every link, by copying; every byte compared where there are bytes",
	.needs_topology = true,
	.result_size_bytes = sizeof(struct bench_links),
	.measure = measure,
	.free = free_result,
};
