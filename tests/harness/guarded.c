/* Each segment is an anonymous mapping without rights. A slot opens the pages of the range it works on, does its work and closes
 * them again. The allocator above cuts segments into pieces of 512 bytes, so two pieces may share a page: that is safe, since
 * nothing is open between slots. Time and the streams, which are in order and at once, are host's own slots on a host state.
 */
#include "tests/harness/guarded.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/event.h"
#include "tests/harness/harness.h"

struct guarded {
	void *host;
	const struct topology *topology;
	uint64_t used_bytes[DEVICE_MAX];
};

static bool guarded_open(void **state, const struct topology *topology, const struct backend_listener *listener,
			 struct error *e)
{
	struct guarded *guarded = array_new(1, sizeof(*guarded), e);

	if (!guarded)
		return false;
	guarded->topology = topology;
	if (!backend_host.open(&guarded->host, topology, listener, e)) {
		free(guarded);
		return false;
	}
	*state = guarded;
	return true;
}

static void guarded_close(void *state)
{
	struct guarded *guarded = state;

	backend_host.close(guarded->host);
	free(guarded);
}

static bool guarded_take(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *e)
{
	struct guarded *guarded = state;
	const struct device_description *device = &guarded->topology->devices[d];

	if (size_bytes > device->capacity_bytes - guarded->used_bytes[d])
		return error_set(e, ERROR_DEVICE_MEMORY, "%s has no %llu bytes left", device->name,
				 (unsigned long long)size_bytes);
	*address = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*address == MAP_FAILED)
		return error_no_memory(e);
	guarded->used_bytes[d] += size_bytes;
	return true;
}

static void guarded_give(void *state, unsigned d, void *address, uint64_t size_bytes)
{
	struct guarded *guarded = state;

	guarded->used_bytes[d] -= size_bytes;
	munmap(address, size_bytes);
}

/* Gives the pages that hold a range these rights. */
static bool protect(const void *address, uint64_t size_bytes, int rights, struct error *e)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)address / page * page;
	uintptr_t end = ((uintptr_t)address + size_bytes + page - 1) / page * page;

	if (mprotect((void *)first, end - first, rights) == 0)
		return true;
	return error_set(e, ERROR_BUG, "cannot protect %llu bytes of guarded memory", (unsigned long long)size_bytes);
}

static bool guarded_read(void *state, unsigned d, const void *address, uint64_t offset_bytes, uint64_t size_bytes, void *to,
			 struct error *e)
{
	const uint8_t *bytes = (const uint8_t *)address + offset_bytes;

	(void)state;
	(void)d;
	if (!protect(bytes, size_bytes, PROT_READ, e))
		return false;
	memcpy(to, bytes, size_bytes);
	return protect(bytes, size_bytes, PROT_NONE, e);
}

static bool guarded_write(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, const void *from,
			  struct error *e)
{
	uint8_t *bytes = (uint8_t *)address + offset_bytes;

	(void)state;
	(void)d;
	if (!protect(bytes, size_bytes, PROT_READ | PROT_WRITE, e))
		return false;
	memcpy(bytes, from, size_bytes);
	return protect(bytes, size_bytes, PROT_NONE, e);
}

static bool guarded_fill(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value,
			 struct error *e)
{
	uint8_t *bytes = (uint8_t *)address + offset_bytes;

	(void)state;
	(void)d;
	if (!protect(bytes, size_bytes, PROT_READ | PROT_WRITE, e))
		return false;
	memset(bytes, value, size_bytes);
	return protect(bytes, size_bytes, PROT_NONE, e);
}

/* Both ranges are opened before the copy and closed after it: they may share a page. */
static bool guarded_copy(void *state, const struct transfer *transfer, struct error *e)
{
	const struct guarded *guarded = state;
	const void *source = transfer_source(transfer);
	const void *target = transfer_target(transfer);
	uint64_t size_bytes = transfer->size_bytes;

	if (size_bytes && (!protect(source, size_bytes, PROT_READ | PROT_WRITE, e) ||
			   !protect(target, size_bytes, PROT_READ | PROT_WRITE, e)))
		return false;
	if (!backend_host.copy(guarded->host, transfer, e))
		return false;
	return !size_bytes || (protect(source, size_bytes, PROT_NONE, e) && protect(target, size_bytes, PROT_NONE, e));
}

static bool guarded_kernel(void *state, unsigned d, unsigned s, const struct kernel_cost *cost, struct error *e)
{
	const struct guarded *guarded = state;

	return backend_host.kernel(guarded->host, d, s, cost, e);
}

static bool guarded_wait(void *state, unsigned d, unsigned s, unsigned d2, unsigned s2, struct error *e)
{
	const struct guarded *guarded = state;

	return backend_host.wait(guarded->host, d, s, d2, s2, e);
}

static bool guarded_synchronize(void *state, unsigned d, unsigned s, struct error *e)
{
	const struct guarded *guarded = state;

	return backend_host.synchronize(guarded->host, d, s, e);
}

static uint64_t guarded_now_ns(void *state)
{
	const struct guarded *guarded = state;

	return backend_host.now_ns(guarded->host);
}

static void guarded_sleep(void *state, uint64_t duration_ns)
{
	const struct guarded *guarded = state;

	backend_host.sleep(guarded->host, duration_ns);
}

const void *harness_bytes(const struct buffer *buffer)
{
	static struct mapping places[16];
	static size_t next;
	struct mapping *place = &places[next++ % ARRAY_SIZE(places)];
	struct error e = ERROR_INIT;

	device_unmap(place, true, NULL);
	ck_assert_ok(device_map(buffer, MAP_READ, place, &e), &e);
	return place->bytes;
}

const struct backend backend_guarded = {
	.name = "guarded",
	.summary = "bytes that only the backend may touch, for tests",
	.bytes_exist = true,
	.host_addressable = false,
	.computes = true,
	.open = guarded_open,
	.close = guarded_close,
	.memory_take = guarded_take,
	.memory_give = guarded_give,
	.read = guarded_read,
	.write = guarded_write,
	.fill = guarded_fill,
	.copy = guarded_copy,
	.kernel = guarded_kernel,
	.wait = guarded_wait,
	.synchronize = guarded_synchronize,
	.now_ns = guarded_now_ns,
	.sleep = guarded_sleep,
};
