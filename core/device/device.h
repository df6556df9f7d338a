/* device.h - memory, copies and time on the devices of a machine.
 *
 * A machine is a topology realised by a backend:
 *	host   real bytes: every device is an arena in main memory with the capacity of its description
 *	sim    no bytes: memory is accounted, copies and kernels take modelled time on a virtual clock; links are contended
 * A caching allocator (cache.h) stands between device_alloc and the backend, as PyTorch's does: what is freed stays reserved
 * until device_empty_cache, so `allocated` and `reserved` differ, and free memory can be in pieces.
 *
 * A stream is a queue of a device; what is put on one stream runs in order. Each device has one for kernels, each link one for
 * copies. Streams are put in order among each other by events: one stream records an event, another waits for it. host runs
 * everything at once, in the caller's thread; sim works a stream's queue off when the caller waits for it, because what comes
 * later on another stream may share a link with it and make it slower. A machine belongs to one thread.
 */
#ifndef RESIDENCY_DEVICE_DEVICE_H
#define RESIDENCY_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/topology/topology.h"

struct machine;
struct device;
struct stream;
struct observer;
struct piece;
struct transfer_event;

/* A piece of a device's memory. Zero-initialised means none. `address` is private to core/device and its backends: it may lead
 * to nothing, or to memory that this processor cannot reach. Others reach the bytes with device_read, device_write, device_fill
 * and device_map. */
struct buffer {
	struct device *device;
	void *address;
	uint64_t size_bytes; /* as asked for; the piece may be larger */
	struct piece *piece; /* the allocator's own; NULL for a buffer of 0 bytes */
	bool pinned; /* page-locked (device_alloc_pinned) */
};

enum stream_kind { STREAM_COMPUTE, STREAM_COPY };

/* Owned by its machine. */
struct stream {
	struct device *device; /* which it is a queue of */
	enum stream_kind kind;
	void *handle; /* private to core/device and its backends */
};

/* A point in a stream's work. Zero-initialised means none. */
struct stream_event {
	struct machine *machine;
	void *handle; /* private to core/device and its backends */
};

struct memory_use {
	uint64_t capacity_bytes;
	uint64_t reserved_bytes; /* taken from the device: allocated and cached */
	uint64_t allocated_bytes; /* in buffers: whole pieces, since nothing else can use the rest */
	uint64_t requested_bytes; /* in buffers, as asked for */
	uint64_t largest_free_bytes; /* largest piece that device_alloc could give without taking more from the device */
	uint64_t peak_bytes; /* largest allocated_bytes since the machine was opened */
	uint64_t pinned_bytes; /* of those requested, page-locked; a cpu's alone */
	uint64_t pinned_most_bytes; /* how many may be: the rest of the host must stay able to breathe */
};

/* How far what is kept and free is in pieces: 0 for one piece, or nothing; towards 1 the less of it one piece can give. */
double memory_use_fragmentation(const struct memory_use *use);

/* What one kernel does; sim turns it into time (roofline: the larger of flops / rate and bytes / rate), host ignores it. */
struct kernel_cost {
	double flops;
	double bytes;
};

/* One copy. All that it names is borrowed for the call; the memory of the buffers is used until the copy is done. A buffer that
 * may still be copied is given back with device_free_after. */
struct transfer {
	struct stream *stream;
	const struct buffer *to;
	uint64_t to_offset_bytes;
	const struct buffer *from;
	uint64_t from_offset_bytes;
	uint64_t size_bytes; /* 0 still costs the latency */
};

/* Where a transfer writes and reads; for backends. Nothing may be behind the addresses (sim). */
void *device_transfer_target(const struct transfer *transfer);
const void *device_transfer_source(const struct transfer *transfer);

/* What a machine is told by its backend. */
struct backend_listener {
	void *context;
	void (*copied)(void *context, const struct transfer_event *event); /* once for each copy, when its times are known */
};

/* What a backend must provide. A user calls the device_, stream_ and machine_ functions below, never these. Every slot is
 * required; backend_check says which is missing. `state` is the backend's own, per machine. */
struct backend {
	const char *name;
	const char *summary; /* one line, for help */
	/* Three facts. host: yes, yes, yes; sim: no, no, no; a card: yes, no, yes. */
	bool bytes_exist; /* what is written can be read again */
	bool host_addressable; /* this processor may dereference an address */
	bool computes; /* kernels have results */
	const char *operations; /* the name of the table of operations that run on its devices (core/compute/ops.h) */
	/* topology and listener live as long as the state. */
	bool (*open)(void **state, const struct topology *topology, const struct backend_listener *listener, struct error *e);
	void (*close)(void *state);
	/* Raw memory of device d; false with ERROR_DEVICE_MEMORY when its capacity is spent. Nothing on a stream uses what is given. */
	bool (*memory_take)(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *e);
	void (*memory_give)(void *state, unsigned d, void *address, uint64_t size_bytes);
	/* The same for page-locked memory of a cpu. This processor may dereference it where bytes exist. */
	bool (*pinned_take)(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *e);
	void (*pinned_give)(void *state, unsigned d, void *address, uint64_t size_bytes);
	/* Between the caller's memory and size_bytes that start offset_bytes behind an address that memory_take gave, or anywhere
	 * within it. They return when it is done, and do not wait for streams. Where no bytes exist, write and fill do nothing, and
	 * read is ERROR_BUG. size_bytes is not 0. */
	bool (*read)(void *state, unsigned d, const void *address, uint64_t offset_bytes, uint64_t size_bytes, void *to,
		     struct error *e);
	bool (*write)(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, const void *from,
		      struct error *e);
	bool (*fill)(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value,
		     struct error *e);
	/* A queue of device d; *handle may be NULL where the backend needs none. Before a stream is destroyed its work is done, and
	 * the events that were recorded on it are no longer asked. */
	bool (*stream_create)(void *state, unsigned d, enum stream_kind kind, void **handle, struct error *e);
	void (*stream_destroy)(void *state, void *handle);
	/* The caller waits for one stream. False if something on it failed, also if that was put there long before; it stays so. */
	bool (*stream_synchronize)(void *state, const struct stream *stream, struct error *e);
	/* An event stands for all that is on the stream when it is recorded; recorded again it stands for that. One that was never
	 * recorded is done. It may be destroyed while a stream waits for it. */
	bool (*event_create)(void *state, unsigned d, void **handle, struct error *e);
	void (*event_destroy)(void *state, void *handle);
	bool (*event_record)(void *state, void *handle, const struct stream *stream, struct error *e);
	bool (*event_wait)(void *state, void *handle, const struct stream *stream, struct error *e); /* the stream waits */
	bool (*event_query)(void *state, void *handle, bool *done, struct error *e); /* does not wait */
	bool (*event_synchronize)(void *state, void *handle, struct error *e); /* the caller waits */
	/* Puts a copy on its stream. Its ranges lie within their buffers, and there is a route from one device to the other. */
	bool (*copy)(void *state, const struct transfer *transfer, struct error *e);
	bool (*kernel)(void *state, const struct stream *stream, const struct kernel_cost *cost, struct error *e);
	uint64_t (*now_ns)(void *state);
	void (*sleep)(void *state, uint64_t duration_ns); /* virtual on every backend: no thread really waits */
};

extern const struct backend host_backend;
extern const struct backend sim_backend;

/* NULL-terminated; in the order that help shows. */
extern const struct backend *const backends[];
const struct backend *backend_find(const char *name);
bool backend_check(const struct backend *backend, struct error *e);

/* Takes nothing of topology: it may be freed afterwards. The caller closes. */
struct machine *machine_open(const struct topology *topology, const struct backend *backend, struct error *e);
void machine_close(struct machine *machine);

const struct backend *machine_backend(const struct machine *machine);
const struct topology *machine_topology(const struct machine *machine);
size_t machine_device_count(const struct machine *machine);
struct device *machine_device(struct machine *machine, size_t index);
struct device *machine_find(struct machine *machine, const char *name); /* NULL if not found */

/* Who is notified of copies (event.h); NULL for none. Borrowed. A copy is reported when its times are known: on host at once, on
 * sim at the latest when the caller waits for its stream or closes the machine. */
void machine_observe(struct machine *machine, const struct observer *observer);

/* Nanoseconds since the machine was opened: real on host plus what machine_sleep skipped, virtual on sim. */
uint64_t machine_now_ns(struct machine *machine);
void machine_sleep(struct machine *machine, uint64_t duration_ns);

const struct device_description *device_description(const struct device *device);
const char *device_name(const struct device *device);
unsigned device_index(const struct device *device);
struct machine *device_machine(const struct device *device);

/* ERROR_DEVICE_MEMORY names the device, what was asked for and what is free. The buffer is on `device` until it is freed. Nothing
 * on a stream uses its memory any more. */
bool device_alloc(struct device *device, uint64_t size_bytes, struct buffer *buffer, struct error *e);
/* For work on `stream` alone, on the stream's device: the memory may be what earlier work on it still uses. */
bool device_alloc_on(const struct stream *stream, uint64_t size_bytes, struct buffer *buffer, struct error *e);
/* Page-locked memory of a cpu, so that copies need no detour. ERROR_DEVICE_MEMORY when more would be locked than may be. */
bool device_alloc_pinned(struct device *device, uint64_t size_bytes, struct buffer *buffer, struct error *e);
/* No stream uses the buffer any more. A zero buffer is fine; it is zeroed. */
void device_free(struct buffer *buffer);
/* The work that is on `stream` now may use the buffer, on whichever device it is: only what is put on that stream later gets its
 * memory at once, everything else when that work is done. Until then it counts as allocated. stream NULL: as device_free. */
void device_free_after(struct buffer *buffer, const struct stream *stream);

/* Bytes between the caller's memory and a buffer, whatever its device; done on return, streams are not waited for. A range
 * outside the buffer is ERROR_BUG. Where no bytes exist, write and fill do nothing and read is ERROR_BUG. */
bool device_read(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, void *to, struct error *e);
bool device_write(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, const void *from, struct error *e);
bool device_fill(const struct buffer *buffer, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value, struct error *e);

enum map_use {
	MAP_READ, /* the bytes are read only */
	MAP_WRITE, /* every byte is written; what was there is not read */
	MAP_CHANGE /* both */
};

/* The bytes of a whole buffer in the caller's memory, until device_unmap: the buffer's own where host_addressable, else a copy. */
struct mapping {
	void *bytes; /* NULL for a buffer of 0 bytes */
	struct buffer buffer; /* borrowed: the caller's stays allocated until device_unmap */
	void *copy; /* owned; NULL where bytes are the buffer's own */
	enum map_use use;
};

/* On error there is nothing to unmap; device_unmap of that mapping, or of a zeroed one, does nothing. */
bool device_map(const struct buffer *buffer, enum map_use use, struct mapping *mapping, struct error *e);
/* Brings a changed copy to the buffer if `fine`, and frees the copy. False if it was not fine or that failed. */
bool device_unmap(struct mapping *mapping, bool fine, struct error *e);

struct memory_use device_memory_use(const struct device *device);
uint64_t device_free_bytes(const struct device *device); /* capacity - reserved + cached: what an allocation may hope for */
void device_empty_cache(struct device *device); /* gives cached pieces back to the device */

/* The stream of a device's kernels. */
struct stream *device_stream(struct device *device);
/* The stream of the link between two devices, or within one: a queue of the device that receives. The first call makes it; NULL
 * on error. */
struct stream *stream_of_link(struct device *from, struct device *to, struct error *e);

/* Copies between any two devices and tells the observer. ERROR_BUG for a missing stream or buffer or a range outside its buffer;
 * ERROR_ABSENT where the topology has no way from one to the other, not even through cpu. */
bool device_copy(const struct transfer *transfer, struct error *e);
/* What fails after it was put on a stream is told by stream_synchronize. */
bool stream_kernel(const struct stream *stream, const struct kernel_cost *cost, struct error *e);
bool stream_synchronize(const struct stream *stream, struct error *e);

/* The caller destroys it before the machine closes. Destroying a zero event does nothing. */
bool stream_event_create(struct device *device, struct stream_event *event, struct error *e);
void stream_event_destroy(struct stream_event *event);
/* The event stands for all that is on the stream now. */
bool stream_event_record(const struct stream_event *event, const struct stream *stream, struct error *e);
/* What is put on the stream from now on waits for the event as it was recorded last. */
bool stream_event_wait(const struct stream_event *event, const struct stream *stream, struct error *e);
/* Whether it is done, without waiting; one that was never recorded is. */
bool stream_event_query(const struct stream_event *event, bool *done, struct error *e);
/* The caller waits for the event. */
bool stream_event_synchronize(const struct stream_event *event, struct error *e);
/* What is put on `stream` from now on starts when all that is on `other` now is done: an event for once. */
bool stream_follow(const struct stream *stream, const struct stream *other, struct error *e);

#endif
