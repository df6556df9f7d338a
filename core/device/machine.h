/* machine.h - what a machine and its devices are made of.
 *
 * Private to core/device. Owned by machine.c; the other files of the room read it. One thread a machine.
 */
#ifndef RESIDENCY_DEVICE_MACHINE_H
#define RESIDENCY_DEVICE_MACHINE_H

#include "core/device/cache/cache.h"
#include "core/device/device.h"

struct device {
	struct machine *machine;
	unsigned index;
	struct cache cache;
};

/* Owned by the machine. */
struct link_queue {
	unsigned from, to; /* device indexes */
	struct stream stream;
	struct link_queue *next;
};

struct machine {
	const struct backend *backend;
	void *state; /* the backend's; NULL while it is not open */
	struct topology *topology;
	const struct observer *observer;
	struct backend_listener listener;
	struct device *devices;
	struct stream *streams; /* of kernels, by device */
	size_t device_count; /* of those that are open */
	struct link_queue *links; /* those that were asked for */
};

/* Whether a range lies within a buffer. `act` and `way` are for the error, which is ERROR_BUG: a "copy" "from" a buffer. */
bool device_check_range(const struct buffer *buffer, const char *act, const char *way, uint64_t offset, uint64_t size_bytes,
			struct error *e);

/* Waits for all streams and destroys them; nothing asks their events any more. */
void streams_settle(struct machine *machine);
void streams_destroy(struct machine *machine);

#endif
