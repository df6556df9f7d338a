#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/event.h"
#include "core/base/units.h"
#include "core/device/cache/cache.h"
#include "core/device/device.h"

struct device {
	struct machine *machine;
	unsigned index;
	struct cache cache;
};

struct machine {
	const struct backend *backend;
	void *state; /* the backend's; NULL while it is not open */
	struct topology *topology;
	const struct observer *observer;
	struct backend_listener listener;
	struct device *devices;
	size_t device_count; /* of those that are open */
};

static void tell_copied(void *context, const struct transfer_event *event)
{
	const struct machine *machine = context;

	if (machine->observer && machine->observer->transfer)
		machine->observer->transfer(machine->observer->context, event);
}

static bool open_devices(struct machine *machine, struct error *e)
{
	size_t count = machine->topology->device_count;

	machine->devices = array_new(count, sizeof(*machine->devices), e);
	if (!machine->devices)
		return false;
	for (unsigned i = 0; i < count; i++) {
		struct device *device = &machine->devices[i];

		device->machine = machine;
		device->index = i;
		cache_open(&device->cache, machine->backend, machine->state, i, &machine->topology->devices[i]);
	}
	machine->device_count = count;
	return true;
}

struct machine *machine_open(const struct topology *topology, const struct backend *backend, struct error *e)
{
	struct machine *machine;

	if (!backend_check(backend, e))
		return NULL;
	machine = array_new(1, sizeof(*machine), e);
	if (!machine)
		return NULL;
	machine->backend = backend;
	machine->listener = (struct backend_listener) { .context = machine, .copied = tell_copied };
	machine->topology = topology_copy(topology, e);
	if (!machine->topology || !backend->open(&machine->state, machine->topology, &machine->listener, e) ||
	    !open_devices(machine, e)) {
		machine_close(machine);
		return NULL;
	}
	return machine;
}

void machine_close(struct machine *machine)
{
	if (!machine)
		return;
	for (size_t i = 0; i < machine->device_count; i++)
		cache_close(&machine->devices[i].cache);
	if (machine->state)
		machine->backend->close(machine->state);
	free(machine->devices);
	topology_free(machine->topology);
	free(machine);
}

const struct backend *machine_backend(const struct machine *machine)
{
	return machine->backend;
}

const struct topology *machine_topology(const struct machine *machine)
{
	return machine->topology;
}

size_t machine_device_count(const struct machine *machine)
{
	return machine->device_count;
}

struct device *machine_device(struct machine *machine, size_t index)
{
	return &machine->devices[index];
}

struct device *machine_find(struct machine *machine, const char *name)
{
	int index = topology_find(machine->topology, name);

	return index < 0 ? NULL : &machine->devices[index];
}

void machine_observe(struct machine *machine, const struct observer *observer)
{
	machine->observer = observer;
}

uint64_t machine_now_ns(struct machine *machine)
{
	return machine->backend->now_ns(machine->state);
}

void machine_sleep(struct machine *machine, uint64_t duration_ns)
{
	machine->backend->sleep(machine->state, duration_ns);
}

const struct device_description *device_description(const struct device *device)
{
	return &device->machine->topology->devices[device->index];
}

const char *device_name(const struct device *device)
{
	return device_description(device)->name;
}

unsigned device_index(const struct device *device)
{
	return device->index;
}

struct machine *device_machine(const struct device *device)
{
	return device->machine;
}

static bool out_of_device_memory(const struct device *device, uint64_t size_bytes, struct error *e)
{
	struct memory_use use = device_memory_use(device);
	uint64_t free_bytes = use.capacity_bytes - use.allocated_bytes;
	char asked[UNITS_TEXT_MAX];
	char segment[UNITS_TEXT_MAX];
	char unused[UNITS_TEXT_MAX];
	char largest[UNITS_TEXT_MAX];
	char capacity[UNITS_TEXT_MAX];

	return error_set(e, ERROR_DEVICE_MEMORY,
			 "%s is out of memory: %s asked for (%llu bytes, a segment of %s); of %s %s are free (%llu of %llu "
			 "bytes), the largest piece of the cache is %s",
			 device_name(device), units_bytes(size_bytes, asked), (unsigned long long)size_bytes,
			 units_bytes(cache_segment_bytes(&device->cache, size_bytes), segment),
			 units_bytes(use.capacity_bytes, capacity), units_bytes(free_bytes, unused),
			 (unsigned long long)free_bytes, (unsigned long long)use.capacity_bytes,
			 units_bytes(use.largest_free_bytes, largest));
}

bool device_alloc(struct device *device, uint64_t size_bytes, struct buffer *buffer, struct error *e)
{
	struct error cause = ERROR_INIT;

	*buffer = (struct buffer) { .device = device, .size_bytes = size_bytes };
	if (!size_bytes)
		return true;
	buffer->piece = cache_take(&device->cache, size_bytes, &cause);
	if (buffer->piece) {
		buffer->address = piece_address(buffer->piece);
		device->cache.use.requested_bytes += size_bytes;
		return true;
	}
	*buffer = (struct buffer) { .device = NULL };
	if (cause.kind == ERROR_DEVICE_MEMORY)
		return out_of_device_memory(device, size_bytes, e);
	return error_set(e, cause.kind, "%s: %s", device_name(device), cause.text);
}

bool device_pin(struct buffer *buffer, struct error *e)
{
	struct device *device = buffer->device;
	struct memory_use *use;
	char asked[UNITS_TEXT_MAX];
	char pinned[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];

	if (!device || buffer->pinned)
		return true;
	if (device_description(device)->kind != DEVICE_CPU)
		return error_set(e, ERROR_BUG, "memory of %s cannot be pinned: only the host's can", device_name(device));
	use = &device->cache.use;
	if (buffer->size_bytes > use->pinned_most_bytes - use->pinned_bytes)
		return error_set(e, ERROR_DEVICE_MEMORY, "%s: %s cannot be pinned, since %s of at most %s are",
				 device_name(device), units_bytes(buffer->size_bytes, asked),
				 units_bytes(use->pinned_bytes, pinned), units_bytes(use->pinned_most_bytes, most));
	use->pinned_bytes += buffer->size_bytes;
	buffer->pinned = true;
	return true;
}

void device_unpin(struct buffer *buffer)
{
	if (!buffer->pinned)
		return;
	buffer->device->cache.use.pinned_bytes -= buffer->size_bytes;
	buffer->pinned = false;
}

double memory_use_fragmentation(const struct memory_use *use)
{
	uint64_t free_bytes = use->reserved_bytes - use->allocated_bytes;

	return free_bytes ? 1 - (double)use->largest_free_bytes / (double)free_bytes : 0;
}

void device_free(struct buffer *buffer)
{
	device_unpin(buffer);
	if (buffer->piece) {
		buffer->device->cache.use.requested_bytes -= buffer->size_bytes;
		cache_give(&buffer->device->cache, buffer->piece);
	}
	*buffer = (struct buffer) { .device = NULL };
}

struct memory_use device_memory_use(const struct device *device)
{
	struct memory_use use = device->cache.use;

	use.largest_free_bytes = cache_largest_free_bytes(&device->cache);
	return use;
}

uint64_t device_free_bytes(const struct device *device)
{
	return device->cache.use.capacity_bytes - device->cache.use.allocated_bytes;
}

void device_empty_cache(struct device *device)
{
	cache_empty(&device->cache);
}

/* `act` and `way` are for the error: a "copy" "from" a buffer. */
static bool check_range(const struct buffer *buffer, const char *act, const char *way, uint64_t offset, uint64_t size_bytes,
			struct error *e)
{
	if (!buffer || !buffer->device)
		return error_set(e, ERROR_BUG, "a %s %s no buffer", act, way);
	if (offset <= buffer->size_bytes && size_bytes <= buffer->size_bytes - offset)
		return true;
	return error_set(e, ERROR_BUG, "a %s of %llu bytes %s byte %llu of a buffer of %llu on %s", act,
			 (unsigned long long)size_bytes, way, (unsigned long long)offset,
			 (unsigned long long)buffer->size_bytes, device_name(buffer->device));
}

static bool check_route(const struct device *from, const struct device *to, struct error *e)
{
	const struct link_description *links[2];

	if (from->index == to->index || topology_route(from->machine->topology, from->index, to->index, links))
		return true;
	return error_set(e, ERROR_ABSENT, "topology %s has no way from %s to %s: add that link, or links to and from cpu",
			 from->machine->topology->name, device_name(from), device_name(to));
}

/* address + offset, also for addresses that nothing is behind (sim). */
static void *address_at(const struct buffer *buffer, uint64_t offset)
{
	return (void *)((uintptr_t)buffer->address + offset);
}

void *transfer_target(const struct transfer *transfer)
{
	return address_at(transfer->to, transfer->to_offset_bytes);
}

const void *transfer_source(const struct transfer *transfer)
{
	return address_at(transfer->from, transfer->from_offset_bytes);
}

bool device_copy(const struct transfer *transfer, struct error *e)
{
	const struct machine *machine;

	if (!transfer->device)
		return error_set(e, ERROR_BUG, "a copy on a stream of no device");
	if (transfer->stream >= STREAM_COUNT)
		return error_set(e, ERROR_BUG, "a copy on stream %u of %s", transfer->stream, device_name(transfer->device));
	if (!check_range(transfer->from, "copy", "from", transfer->from_offset_bytes, transfer->size_bytes, e) ||
	    !check_range(transfer->to, "copy", "to", transfer->to_offset_bytes, transfer->size_bytes, e) ||
	    !check_route(transfer->from->device, transfer->to->device, e))
		return false;
	machine = transfer->device->machine;
	return machine->backend->copy(machine->state, transfer, e);
}

static bool check_stream(const struct device *device, unsigned s, struct error *e)
{
	return s < STREAM_COUNT || error_set(e, ERROR_BUG, "%s has no stream %u", device_name(device), s);
}

bool device_kernel(struct device *device, unsigned s, const struct kernel_cost *cost, struct error *e)
{
	return check_stream(device, s, e) &&
	       device->machine->backend->kernel(device->machine->state, device->index, s, cost, e);
}

bool stream_wait(struct device *device, unsigned s, struct device *other, unsigned s2, struct error *e)
{
	return check_stream(device, s, e) && check_stream(other, s2, e) &&
	       device->machine->backend->wait(device->machine->state, device->index, s, other->index, s2, e);
}

bool stream_synchronize(struct device *device, unsigned s, struct error *e)
{
	return check_stream(device, s, e) && device->machine->backend->synchronize(device->machine->state, device->index, s, e);
}

/* ---- bytes ---- */

bool device_read(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, void *to, struct error *e)
{
	const struct device *device = buffer->device;

	if (!check_range(buffer, "read", "from", offset_bytes, size_bytes, e))
		return false;
	return !size_bytes || device->machine->backend->read(device->machine->state, device->index, buffer->address,
							     offset_bytes, size_bytes, to, e);
}

bool device_write(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, const void *from, struct error *e)
{
	const struct device *device = buffer->device;

	if (!check_range(buffer, "write", "to", offset_bytes, size_bytes, e))
		return false;
	return !size_bytes || device->machine->backend->write(device->machine->state, device->index, buffer->address,
							      offset_bytes, size_bytes, from, e);
}

bool device_fill(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value, struct error *e)
{
	const struct device *device = buffer->device;

	if (!check_range(buffer, "fill", "from", offset_bytes, size_bytes, e))
		return false;
	return !size_bytes || device->machine->backend->fill(device->machine->state, device->index, buffer->address,
							     offset_bytes, size_bytes, value, e);
}

bool device_map(const struct buffer *buffer, enum map_use use, struct mapping *mapping, struct error *e)
{
	const struct backend *backend;

	*mapping = (struct mapping) { .bytes = NULL };
	if (!check_range(buffer, "map", "from", 0, buffer->size_bytes, e))
		return false;
	backend = buffer->device->machine->backend;
	if (!backend->bytes_exist)
		return error_set(e, ERROR_BUG, "%s keeps no bytes: a buffer of %s cannot be mapped", backend->name,
				 device_name(buffer->device));
	mapping->buffer = *buffer;
	mapping->use = use;
	if (backend->host_addressable || !buffer->size_bytes) {
		mapping->bytes = buffer->address;
		return true;
	}
	mapping->copy = array_new(buffer->size_bytes, 1, e);
	if (mapping->copy && (use == MAP_WRITE || device_read(buffer, 0, buffer->size_bytes, mapping->copy, e))) {
		mapping->bytes = mapping->copy;
		return true;
	}
	free(mapping->copy);
	*mapping = (struct mapping) { .bytes = NULL };
	return false;
}

bool device_unmap(struct mapping *mapping, bool fine, struct error *e)
{
	if (fine && mapping->copy && mapping->use != MAP_READ)
		fine = device_write(&mapping->buffer, 0, mapping->buffer.size_bytes, mapping->copy, e);
	free(mapping->copy);
	*mapping = (struct mapping) { .bytes = NULL };
	return fine;
}
