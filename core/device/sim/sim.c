/* sim.c - a backend without bytes: memory is accounted, copies and kernels take modelled time on a virtual clock.
 *
 * Memory is a count a device and an address that is never followed. Copies, kernels and waits go to the queues of their streams
 * (sim_queue.c says what they cost); whoever waits for one has its events worked off, and the caller's clock goes to its end.
 */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/device/device.h"
#include "core/device/sim/sim_queue.h"

/* Addresses are told apart but never followed; on any machine of today these fault. */
#define FIRST_ADDRESS (UINT64_C(1) << 52)

/* An event: `stream` has done `amount` operations. */
struct sim_event {
	const struct sim_stream *stream; /* NULL until it is recorded */
	uint64_t amount;
};

static bool sim_open(void **state, const struct topology *topology, const struct backend_listener *listener, struct error *e)
{
	struct sim *sim = array_new(1, sizeof(*sim), e);

	if (!sim)
		return false;
	sim->topology = topology;
	sim->listener = listener;
	sim->next_address = FIRST_ADDRESS;
	sim->used_bytes = array_new(topology->device_count, sizeof(*sim->used_bytes), e);
	if (!sim->used_bytes) {
		free(sim);
		return false;
	}
	*state = sim;
	return true;
}

static bool sim_memory_take(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *e)
{
	struct sim *sim = state;
	const struct device_description *device = &sim->topology->devices[d];

	if (size_bytes > device->capacity_bytes - sim->used_bytes[d])
		return error_set(e, ERROR_DEVICE_MEMORY, "%s has no %llu bytes left", device->name,
				 (unsigned long long)size_bytes);
	sim->used_bytes[d] += size_bytes;
	*address = (void *)(uintptr_t)sim->next_address;
	sim->next_address += size_bytes;
	return true;
}

static void sim_memory_give(void *state, unsigned d, void *address, uint64_t size_bytes)
{
	struct sim *sim = state;

	(void)address;
	sim->used_bytes[d] -= size_bytes;
}

static bool sim_read(void *state, unsigned d, const void *address, uint64_t offset_bytes, uint64_t size_bytes, void *to,
		     struct error *e)
{
	const struct sim *sim = state;

	(void)address;
	(void)offset_bytes;
	(void)to;
	return error_set(e, ERROR_BUG, "sim keeps no bytes: %llu of %s cannot be read", (unsigned long long)size_bytes,
			 sim->topology->devices[d].name);
}

static bool sim_write(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, const void *from,
		      struct error *e)
{
	(void)state;
	(void)d;
	(void)address;
	(void)offset_bytes;
	(void)size_bytes;
	(void)from;
	(void)e;
	return true;
}

static bool sim_fill(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value,
		     struct error *e)
{
	(void)state;
	(void)d;
	(void)address;
	(void)offset_bytes;
	(void)size_bytes;
	(void)value;
	(void)e;
	return true;
}

static bool sim_copy(void *state, const struct transfer *transfer, struct error *e)
{
	struct sim *sim = state;
	struct sim_op op = {
		.kind = OP_COPY,
		.from = device_index(transfer->from->device),
		.to = device_index(transfer->to->device),
		.amount = transfer->size_bytes,
	};

	(void)e;
	sim_put(sim, transfer->stream->handle, &op);
	return true;
}

static bool sim_kernel(void *state, const struct stream *stream, const struct kernel_cost *cost, struct error *e)
{
	struct sim *sim = state;
	unsigned d = device_index(stream->device);
	struct sim_op op = { .kind = OP_KERNEL, .from = d, .to = d, .amount = sim_kernel_ns(&sim->topology->devices[d], cost) };

	(void)e;
	sim_put(sim, stream->handle, &op);
	return true;
}

static bool sim_stream_create(void *state, unsigned d, enum stream_kind kind, void **handle, struct error *e)
{
	struct sim *sim = state;
	struct sim_stream *stream;

	(void)d;
	if (!array_reserve(&sim->streams, &sim->stream_capacity, sim->stream_count + 1, sizeof(*sim->streams), e))
		return false;
	stream = array_new(1, sizeof(*stream), e);
	if (!stream)
		return false;
	stream->kind = kind;
	stream->ops = stream->few;
	stream->capacity = SIM_OPS_AT_FIRST;
	sim->streams[sim->stream_count++] = stream;
	*handle = stream;
	return true;
}

static void sim_stream_destroy(void *state, void *handle)
{
	struct sim *sim = state;
	struct sim_stream *stream = handle;
	size_t kept = 0;

	for (size_t i = 0; i < sim->stream_count; i++) {
		if (sim->streams[i] != stream)
			sim->streams[kept++] = sim->streams[i];
	}
	sim->stream_count = kept;
	sim_drop_queue(stream);
	free(stream);
}

/* The caller's clock goes to where the stream's has come. */
static void wait_until_done(struct sim *sim, const struct sim_stream *stream, uint64_t amount)
{
	sim_settle_stream(sim, stream, amount);
	if (stream->done_ns > sim->now_ns)
		sim->now_ns = stream->done_ns;
}

static bool sim_stream_synchronize(void *state, const struct stream *stream, struct error *e)
{
	const struct sim_stream *queue = stream->handle;

	(void)e;
	wait_until_done(state, queue, queue->issued);
	return true;
}

static bool sim_event_create(void *state, unsigned d, void **handle, struct error *e)
{
	(void)state;
	(void)d;
	*handle = array_new(1, sizeof(struct sim_event), e);
	return *handle;
}

static void sim_event_destroy(void *state, void *handle)
{
	(void)state;
	free(handle);
}

static bool sim_event_record(void *state, void *handle, const struct stream *stream, struct error *e)
{
	struct sim_event *event = handle;

	(void)state;
	(void)e;
	event->stream = stream->handle;
	event->amount = event->stream->issued;
	return true;
}

static bool sim_event_wait(void *state, void *handle, const struct stream *stream, struct error *e)
{
	const struct sim_event *event = handle;
	struct sim_op op = { .kind = OP_WAIT, .other = event->stream, .amount = event->amount };

	(void)e;
	/* A stream is behind its own work anyway. */
	if (event->stream && event->stream != stream->handle)
		sim_put(state, stream->handle, &op);
	return true;
}

/* All that happens until the caller's clock is settled: nothing that is put on a stream from now on can come before it. */
static bool sim_event_query(void *state, void *handle, bool *done, struct error *e)
{
	struct sim *sim = state;
	const struct sim_event *event = handle;

	(void)e;
	while (sim_settle_next(sim, sim->now_ns))
		;
	*done = !event->stream || event->stream->done >= event->amount;
	return true;
}

static bool sim_event_synchronize(void *state, void *handle, struct error *e)
{
	const struct sim_event *event = handle;

	(void)e;
	if (event->stream)
		wait_until_done(state, event->stream, event->amount);
	return true;
}

static uint64_t sim_now_ns(void *state)
{
	const struct sim *sim = state;

	return sim->now_ns;
}

static void sim_sleep(void *state, uint64_t duration_ns)
{
	struct sim *sim = state;

	sim->now_ns = clock_add_ns(sim->now_ns, duration_ns);
}

static void sim_close(void *state)
{
	struct sim *sim = state;

	free(sim->streams);
	free(sim->used_bytes);
	free(sim);
}

const struct backend sim_backend = {
	.name = "sim",
	.summary = "no bytes: memory is accounted, copies and kernels take modelled time on a virtual clock",
	.bytes_exist = false,
	.host_addressable = false,
	.computes = false,
	.operations = "sim",
	.open = sim_open,
	.close = sim_close,
	.memory_take = sim_memory_take,
	.memory_give = sim_memory_give,
	.pinned_take = sim_memory_take, /* its copies take no detour */
	.pinned_give = sim_memory_give,
	.read = sim_read,
	.write = sim_write,
	.fill = sim_fill,
	.stream_create = sim_stream_create,
	.stream_destroy = sim_stream_destroy,
	.stream_synchronize = sim_stream_synchronize,
	.event_create = sim_event_create,
	.event_destroy = sim_event_destroy,
	.event_record = sim_event_record,
	.event_wait = sim_event_wait,
	.event_query = sim_event_query,
	.event_synchronize = sim_event_synchronize,
	.copy = sim_copy,
	.kernel = sim_kernel,
	.now_ns = sim_now_ns,
	.sleep = sim_sleep,
};
