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
		.stream = transfer->stream,
		.size_bytes = transfer->size_bytes,
	};

	(void)e;
	event.start_ns = host_now_ns(state);
	if (transfer->size_bytes)
		memmove(transfer_target(transfer), transfer_source(transfer), transfer->size_bytes);
	event.end_ns = host_now_ns(state);
	host->listener->copied(host->listener->context, &event);
	return true;
}

static bool host_kernel(void *state, unsigned d, unsigned s, const struct kernel_cost *cost, struct error *e)
{
	(void)state;
	(void)d;
	(void)s;
	(void)cost;
	(void)e;
	return true;
}

static bool host_wait(void *state, unsigned d, unsigned s, unsigned d2, unsigned s2, struct error *e)
{
	(void)state;
	(void)d;
	(void)s;
	(void)d2;
	(void)s2;
	(void)e;
	return true;
}

static bool host_synchronize(void *state, unsigned d, unsigned s, struct error *e)
{
	(void)state;
	(void)d;
	(void)s;
	(void)e;
	return true;
}

static void host_sleep(void *state, uint64_t duration_ns)
{
	struct host *host = state;

	host->slept_ns = clock_add_ns(host->slept_ns, duration_ns);
}

const struct backend backend_host = {
	.name = "host",
	.summary = "real bytes: every device is an arena in main memory; copies and kernels really run",
	.bytes_exist = true,
	.host_addressable = true,
	.computes = true,
	.open = host_open,
	.close = host_close,
	.memory_take = host_memory_take,
	.memory_give = host_memory_give,
	.read = host_read,
	.write = host_write,
	.fill = host_fill,
	.copy = host_copy,
	.kernel = host_kernel,
	.wait = host_wait,
	.synchronize = host_synchronize,
	.now_ns = host_now_ns,
	.sleep = host_sleep,
};
