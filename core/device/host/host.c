/* Real bytes: every device is an arena of main memory. Its capacity is an account; only what is allocated is taken. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/event.h"
#include "core/base/units.h"
#include "core/device/device.h"

#define ALIGNMENT 64 /* a cache line, and the widest vector */

struct host {
	const struct topology *topology;
	const struct backend_listener *listener;
	uint64_t opened_ns;
	uint64_t slept_ns;
	uint64_t used_bytes[DEVICE_MAX];
};

static bool host_open(void **state, const struct topology *topology, const struct backend_listener *listener, struct error *e)
{
	struct host *host = array_new(1, sizeof(*host), e);

	if (!host)
		return false;
	host->topology = topology;
	host->listener = listener;
	host->opened_ns = clock_now_ns();
	*state = host;
	return true;
}

static void host_close(void *state)
{
	free(state);
}

static uint64_t host_now_ns(void *state)
{
	const struct host *host = state;

	return clock_now_ns() - host->opened_ns + host->slept_ns;
}

static bool host_memory_take(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *e)
{
	struct host *host = state;
	const struct device_description *device = &host->topology->devices[d];

	if (size_bytes > device->capacity_bytes - host->used_bytes[d])
		return error_set(e, ERROR_DEVICE_MEMORY, "%s has no %llu bytes left", device->name,
				 (unsigned long long)size_bytes);
	*address = aligned_alloc(ALIGNMENT, (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
	if (!*address)
		return error_no_memory(e);
	host->used_bytes[d] += size_bytes;
	return true;
}

static void host_memory_give(void *state, unsigned d, void *address, uint64_t size_bytes)
{
	struct host *host = state;

	host->used_bytes[d] -= size_bytes;
	free(address);
}

static bool host_read(void *state, unsigned d, const void *address, uint64_t offset_bytes, uint64_t size_bytes, void *to,
		      struct error *e)
{
	(void)state;
	(void)d;
	(void)e;
	memcpy(to, (const uint8_t *)address + offset_bytes, size_bytes);
	return true;
}

static bool host_write(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, const void *from,
		       struct error *e)
{
	(void)state;
	(void)d;
	(void)e;
	memcpy((uint8_t *)address + offset_bytes, from, size_bytes);
	return true;
}

static bool host_fill(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value,
		      struct error *e)
{
	(void)state;
	(void)d;
	(void)e;
	memset((uint8_t *)address + offset_bytes, value, size_bytes);
	return true;
}

static bool host_copy(void *state, const struct transfer *transfer, struct error *e)
{
	struct host *host = state;
	struct transfer_event event = {
		.from = device_index(transfer->from->device),
		.to = device_index(transfer->to->device),
		.stream = transfer->stream->kind,
		.size_bytes = transfer->size_bytes,
	};

	(void)e;
	event.start_ns = host_now_ns(state);
	if (transfer->size_bytes)
		memmove(device_transfer_target(transfer), device_transfer_source(transfer), transfer->size_bytes);
	event.end_ns = host_now_ns(state);
	host->listener->copied(host->listener->context, &event);
	return true;
}

/* Everything is done when its call returns, so that streams and events have nothing to keep. */
static bool host_stream_create(void *state, unsigned d, enum stream_kind kind, void **handle, struct error *e)
{
	(void)state;
	(void)d;
	(void)kind;
	(void)e;
	*handle = NULL;
	return true;
}

static bool host_event_create(void *state, unsigned d, void **handle, struct error *e)
{
	(void)state;
	(void)d;
	(void)e;
	*handle = NULL;
	return true;
}

static void host_destroy(void *state, void *handle)
{
	(void)state;
	(void)handle;
}

static bool host_synchronize(void *state, const struct stream *stream, struct error *e)
{
	(void)state;
	(void)stream;
	(void)e;
	return true;
}

static bool host_event_order(void *state, void *handle, const struct stream *stream, struct error *e)
{
	(void)state;
	(void)handle;
	(void)stream;
	(void)e;
	return true;
}

static bool host_event_query(void *state, void *handle, bool *done, struct error *e)
{
	(void)state;
	(void)handle;
	(void)e;
	*done = true;
	return true;
}

static bool host_event_synchronize(void *state, void *handle, struct error *e)
{
	(void)state;
	(void)handle;
	(void)e;
	return true;
}

static bool host_kernel(void *state, const struct stream *stream, const struct kernel_cost *cost, struct error *e)
{
	(void)state;
	(void)stream;
	(void)cost;
	(void)e;
	return true;
}

static void host_sleep(void *state, uint64_t duration_ns)
{
	struct host *host = state;

	host->slept_ns = clock_add_ns(host->slept_ns, duration_ns);
}

const struct backend host_backend = {
	.name = "host",
	.summary = "real bytes: every device is an arena in main memory; copies and kernels really run",
	.bytes_exist = true,
	.host_addressable = true,
	.computes = true,
	.operations = "host",
	.open = host_open,
	.close = host_close,
	.memory_take = host_memory_take,
	.memory_give = host_memory_give,
	.pinned_take = host_memory_take, /* its copies take no detour */
	.pinned_give = host_memory_give,
	.read = host_read,
	.write = host_write,
	.fill = host_fill,
	.stream_create = host_stream_create,
	.stream_destroy = host_destroy,
	.stream_synchronize = host_synchronize,
	.event_create = host_event_create,
	.event_destroy = host_destroy,
	.event_record = host_event_order,
	.event_wait = host_event_order,
	.event_query = host_event_query,
	.event_synchronize = host_event_synchronize,
	.copy = host_copy,
	.kernel = host_kernel,
	.now_ns = host_now_ns,
	.sleep = host_sleep,
};
