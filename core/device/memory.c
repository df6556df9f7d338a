/* memory.c - buffers of a device: taken from its cache, given back, and their bytes.
 *
 * Pinned memory is the cpu's, and at most a share of it. A buffer that a stream may still use is given back with that stream; the
 * cache then knows whom it may go to before the stream is done. A mapping is the buffer's own bytes where this processor may
 * follow its address, else a copy that is read before and written after.
 */
#include "core/device/machine.h"

#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/units.h"

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

/* What every way of taking memory does with the piece it got, or did not get. */
static bool settle_buffer(struct device *device, struct buffer *buffer, struct piece *piece, const struct error *cause,
			  struct error *e)
{
	uint64_t size_bytes = buffer->size_bytes;

	if (piece) {
		buffer->piece = piece;
		buffer->address = cache_piece_address(piece);
		device->cache.use.requested_bytes += size_bytes;
		return true;
	}
	*buffer = (struct buffer) { .device = NULL };
	if (cause->kind == ERROR_DEVICE_MEMORY)
		return out_of_device_memory(device, size_bytes, e);
	return error_set(e, cause->kind, "%s: %s", device_name(device), cause->text);
}

static bool alloc(struct device *device, uint64_t size_bytes, const struct stream *stream, struct buffer *buffer,
		  struct error *e)
{
	struct error cause = ERROR_INIT;

	*buffer = (struct buffer) { .device = device, .size_bytes = size_bytes };
	if (!size_bytes)
		return true;
	return settle_buffer(device, buffer, cache_take(&device->cache, size_bytes, stream, &cause), &cause, e);
}

bool device_alloc(struct device *device, uint64_t size_bytes, struct buffer *buffer, struct error *e)
{
	return alloc(device, size_bytes, NULL, buffer, e);
}

bool device_alloc_on(const struct stream *stream, uint64_t size_bytes, struct buffer *buffer, struct error *e)
{
	return alloc(stream->device, size_bytes, stream, buffer, e);
}

static bool too_much_to_pin(const struct device *device, uint64_t size_bytes, struct error *e)
{
	const struct memory_use *use = &device->cache.use;
	char asked[UNITS_TEXT_MAX];
	char pinned[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];

	return error_set(e, ERROR_DEVICE_MEMORY, "%s: %s cannot be pinned, since %s of at most %s are", device_name(device),
			 units_bytes(size_bytes, asked), units_bytes(use->pinned_bytes, pinned),
			 units_bytes(use->pinned_most_bytes, most));
}

bool device_alloc_pinned(struct device *device, uint64_t size_bytes, struct buffer *buffer, struct error *e)
{
	struct memory_use *use = &device->cache.use;
	struct error cause = ERROR_INIT;

	*buffer = (struct buffer) { .device = NULL };
	if (device_description(device)->kind != DEVICE_CPU)
		return error_set(e, ERROR_BUG, "memory of %s cannot be pinned: only the host's can", device_name(device));
	if (size_bytes > use->pinned_most_bytes - use->pinned_bytes)
		return too_much_to_pin(device, size_bytes, e);
	*buffer = (struct buffer) { .device = device, .size_bytes = size_bytes };
	if (!size_bytes)
		return true;
	if (!settle_buffer(device, buffer, cache_take_pinned(&device->cache, size_bytes, &cause), &cause, e))
		return false;
	buffer->pinned = true;
	use->pinned_bytes += size_bytes;
	return true;
}

double memory_use_fragmentation(const struct memory_use *use)
{
	uint64_t free_bytes = use->reserved_bytes - use->allocated_bytes;

	return free_bytes ? 1 - (double)use->largest_free_bytes / (double)free_bytes : 0;
}

void device_free_after(struct buffer *buffer, const struct stream *stream)
{
	struct memory_use *use;

	if (buffer->piece) {
		use = &buffer->device->cache.use;
		use->requested_bytes -= buffer->size_bytes;
		if (buffer->pinned)
			use->pinned_bytes -= buffer->size_bytes;
		cache_give(&buffer->device->cache, buffer->piece, stream);
	}
	*buffer = (struct buffer) { .device = NULL };
}

void device_free(struct buffer *buffer)
{
	device_free_after(buffer, NULL);
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

bool device_check_range(const struct buffer *buffer, const char *act, const char *way, uint64_t offset, uint64_t size_bytes,
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

/* ---- bytes ---- */

bool device_read(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, void *to, struct error *e)
{
	const struct device *device = buffer->device;

	if (!device_check_range(buffer, "read", "from", offset_bytes, size_bytes, e))
		return false;
	return !size_bytes || device->machine->backend->read(device->machine->state, device->index, buffer->address,
							     offset_bytes, size_bytes, to, e);
}

bool device_write(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, const void *from, struct error *e)
{
	const struct device *device = buffer->device;

	if (!device_check_range(buffer, "write", "to", offset_bytes, size_bytes, e))
		return false;
	return !size_bytes || device->machine->backend->write(device->machine->state, device->index, buffer->address,
							      offset_bytes, size_bytes, from, e);
}

bool device_fill(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value, struct error *e)
{
	const struct device *device = buffer->device;

	if (!device_check_range(buffer, "fill", "from", offset_bytes, size_bytes, e))
		return false;
	return !size_bytes || device->machine->backend->fill(device->machine->state, device->index, buffer->address,
							     offset_bytes, size_bytes, value, e);
}

bool device_map(const struct buffer *buffer, enum map_use use, struct mapping *mapping, struct error *e)
{
	const struct backend *backend;

	*mapping = (struct mapping) { .bytes = NULL };
	if (!device_check_range(buffer, "map", "from", 0, buffer->size_bytes, e))
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
