/* placed_pass.c - each block of the load list becomes copies and operations on the simulated machine, in running
 * order.
 *
 * Copies of weights that are stored elsewhere are issued before the operations that need them, and their memory is
 * freed after use. The time is the simulator's clock after the last operation, the memory the peak of each device.
 */
#include "scenarios/placed/placed_pass.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/event.h"
#include "core/compute/ops.h"
#include "core/device/device.h"

struct pass {
	const struct pass_request *request;
	struct machine *machine;
	struct device *compute;
	struct stream *stream; /* of compute */
	struct buffer *weights; /* per block, where the plan has it */
	struct buffer state;
	size_t *brought; /* blocks in the order of their copies, which is that of the stream */
	size_t brought_count, told_count;
	uint64_t copy_ns;
	uint64_t moved_bytes;
};

static void on_transfer(void *context, const struct transfer_event *event)
{
	struct pass *pass = context;
	uint64_t duration_ns = event->end_ns - event->start_ns;
	double *seconds = pass->request->block_copy_seconds;
	size_t block = pass->brought[pass->told_count++];

	pass->copy_ns += duration_ns;
	pass->moved_bytes += event->size_bytes;
	if (seconds)
		seconds[block] = pass->request->passes * (double)duration_ns / (double)NS_PER_S;
}

static uint64_t size_of(const struct plan_block *block)
{
	return block->size_bytes == PLAN_NO_SIZE ? 0 : block->size_bytes;
}

static uint64_t cast_bytes(const struct pass *pass, const struct block_cost *cost)
{
	return (uint64_t)(cost->elements * pass->request->costs->element_size_bytes);
}

static bool put_weights(struct pass *pass, struct error *e)
{
	const struct pass_request *request = pass->request;

	for (size_t i = 0; i < request->costs->count; i++) {
		struct device *device = machine_device(pass->machine, request->device_of[i]);

		if (!device_alloc(device, size_of(&request->blocks[i]), &pass->weights[i], e))
			return false;
	}
	return device_alloc(pass->compute, request->costs->state_bytes, &pass->state, e);
}

static bool is_card(const struct device *device)
{
	return device_description(device)->kind != DEVICE_CPU;
}

static bool converts_at_source(const struct pass *pass, const struct device *from, const struct block_cost *cost)
{
	return pass->request->converts_at_source && cost->is_eight_bits && is_card(from) && is_card(pass->compute);
}

static bool convert(struct device *device, uint64_t stored_bytes, uint64_t converted_bytes, struct error *e)
{
	struct kernel_cost cost = ops_conversion_cost(stored_bytes, converted_bytes);

	return stream_kernel(device_stream(device), &cost, e);
}

/* Weights that wait on another device, into *arrived. */
static bool bring(struct pass *pass, size_t block, struct buffer *arrived, struct error *e)
{
	const struct buffer *from = &pass->weights[block];
	const struct block_cost *cost = &pass->request->costs->blocks[block];
	struct buffer converted = { .device = NULL };
	bool fine;

	if (converts_at_source(pass, from->device, cost)) {
		if (!device_alloc_on(device_stream(from->device), cast_bytes(pass, cost), &converted, e))
			return false;
		if (!convert(from->device, from->size_bytes, converted.size_bytes, e) ||
		    !stream_follow(pass->stream, device_stream(from->device), e)) {
			device_free_after(&converted, device_stream(from->device));
			return false;
		}
		from = &converted;
	}
	fine = device_alloc_on(pass->stream, from->size_bytes, arrived, e) &&
	       device_copy(
		       &(struct transfer) {
			       .stream = pass->stream, .to = arrived, .from = from, .size_bytes = from->size_bytes },
		       e);
	if (fine)
		pass->brought[pass->brought_count++] = block;
	device_free_after(&converted, pass->stream);
	return fine;
}

static bool run_kernels(struct pass *pass, const struct block_cost *cost, struct error *e)
{
	double element = pass->request->costs->element_size_bytes;
	struct kernel_cost product = { cost->flops, element * (cost->activations + cost->elements) };
	struct kernel_cost between = { 0, element * cost->outputs * COST_TRAFFIC_BETWEEN };
	struct kernel_cost attention = { cost->attention_flops, 0 };

	return (!(cost->flops > 0) || stream_kernel(pass->stream, &product, e)) &&
	       (!(cost->outputs > 0) || stream_kernel(pass->stream, &between, e)) &&
	       (!(cost->attention_flops > 0) || stream_kernel(pass->stream, &attention, e));
}

static bool run_block(struct pass *pass, size_t block, struct error *e)
{
	const struct pass_costs *costs = pass->request->costs;
	const struct block_cost *cost = &costs->blocks[block];
	struct buffer arrived = { .device = NULL };
	struct buffer cast = { .device = NULL };
	struct buffer live = { .device = NULL };
	const struct buffer *stored = &pass->weights[block];
	uint64_t live_bytes = (uint64_t)(COST_LIVE * cost->activations * costs->element_size_bytes);
	bool waits = pass->request->device_of[block] != pass->request->compute;
	bool fine;

	if (cost->is_skipped || stored->size_bytes == 0)
		return true;
	fine = device_alloc_on(pass->stream, live_bytes, &live, e) && (!waits || bring(pass, block, &arrived, e));
	if (fine && cost->is_cast && !(waits && converts_at_source(pass, stored->device, cost))) {
		fine = device_alloc_on(pass->stream, cast_bytes(pass, cost), &cast, e) &&
		       convert(pass->compute, stored->size_bytes, cast.size_bytes, e);
	}
	fine = fine && run_kernels(pass, cost, e);
	device_free_after(&cast, pass->stream);
	device_free_after(&arrived, pass->stream);
	device_free_after(&live, pass->stream);
	return fine;
}

static bool run_all(struct pass *pass, struct error *e)
{
	const struct pass_costs *costs = pass->request->costs;

	for (size_t i = 0; i < costs->count; i++) {
		if (!run_block(pass, costs->order[i], e))
			return false;
	}
	return stream_synchronize(pass->stream, e);
}

/* Runs on a topology, and tells its time and the most that each device held. */
static bool run_on(const struct pass_request *request, const struct topology *topology, struct pass_result *result,
		   uint64_t reserved[DEVICE_MAX], struct error *e)
{
	struct pass pass = { .request = request };
	struct observer observer = { .context = &pass, .transfer = on_transfer };
	size_t count = request->costs->count ? request->costs->count : 1;
	double per_ns = request->passes / (double)NS_PER_S;
	uint64_t began_ns;
	bool fine;

	pass.machine = machine_open(topology, &sim_backend, e);
	pass.weights = array_new(count, sizeof(*pass.weights), e);
	pass.brought = array_new(count, sizeof(*pass.brought), e);
	fine = pass.machine && pass.weights && pass.brought;
	if (fine) {
		machine_observe(pass.machine, &observer);
		pass.compute = machine_device(pass.machine, request->compute);
		pass.stream = device_stream(pass.compute);
		fine = put_weights(&pass, e);
		began_ns = machine_now_ns(pass.machine);
		fine = fine && run_all(&pass, e);
		result->seconds = per_ns * (double)(machine_now_ns(pass.machine) - began_ns);
		result->copy_seconds = per_ns * (double)pass.copy_ns;
		result->moved_bytes = (uint64_t)(request->passes * (double)pass.moved_bytes);
	}
	for (size_t i = 0; pass.machine && i < topology->device_count; i++) {
		struct memory_use use = device_memory_use(machine_device(pass.machine, i));

		result->peak_bytes[i] = use.peak_bytes;
		reserved[i] = use.reserved_bytes;
	}
	for (size_t i = 0; pass.weights && i < request->costs->count; i++)
		device_free(&pass.weights[i]);
	device_free(&pass.state);
	if (pass.machine)
		machine_close(pass.machine); /* which may still tell of copies */
	free(pass.weights);
	free(pass.brought);
	return fine;
}

struct topology *placed_pass_boundless(const struct topology *topology, struct error *e)
{
	struct topology *copy = topology_copy(topology, e);

	for (size_t i = 0; copy && i < copy->device_count; i++)
		copy->devices[i].capacity_bytes = PLAN_SIZE_MAX;
	return copy;
}

static bool tell_lack(const struct pass_request *request, struct pass_result *result, struct error *e)
{
	struct topology *topology = placed_pass_boundless(request->topology, e);
	uint64_t reserved[DEVICE_MAX];
	bool fine = topology && run_on(request, topology, result, reserved, e);

	result->seconds = (double)NAN;
	result->copy_seconds = (double)NAN;
	for (unsigned i = 0; fine && i < topology->device_count; i++) {
		uint64_t capacity = request->topology->devices[i].capacity_bytes;
		uint64_t lacking = reserved[i] > capacity ? reserved[i] - capacity : 0;

		if (lacking <= result->lacking_bytes)
			continue;
		result->lacking_bytes = lacking;
		result->short_device = i;
	}
	if (topology)
		topology_free(topology);
	return fine;
}

bool placed_pass(const struct pass_request *request, struct pass_result *result, struct error *e)
{
	struct error why = ERROR_INIT;
	uint64_t reserved[DEVICE_MAX];

	*result = (struct pass_result) { .fits = true, .short_device = request->compute };
	if (run_on(request, request->topology, result, reserved, &why))
		return true;
	if (why.kind != ERROR_DEVICE_MEMORY)
		return error_set(e, why.kind, "%s", why.text);
	*result = (struct pass_result) { .short_device = request->compute };
	return tell_lack(request, result, e);
}
