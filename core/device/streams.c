/* streams.c - copies, and the queues that they and kernels are put on.
 *
 * A device's stream of kernels is made with the machine, a link's when it is first asked for: most machines use few of their
 * links by streams of their own, and a modelled machine looks at each stream at each event. Checks are here, so that a backend
 * sees only what it can do.
 */
#include "core/device/machine.h"

#include <stdlib.h>

#include "core/base/array.h"

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

void *device_transfer_target(const struct transfer *transfer)
{
	return address_at(transfer->to, transfer->to_offset_bytes);
}

const void *device_transfer_source(const struct transfer *transfer)
{
	return address_at(transfer->from, transfer->from_offset_bytes);
}

bool device_copy(const struct transfer *transfer, struct error *e)
{
	const struct machine *machine;

	if (!transfer->stream)
		return error_set(e, ERROR_BUG, "a copy on no stream");
	if (!device_check_range(transfer->from, "copy", "from", transfer->from_offset_bytes, transfer->size_bytes, e) ||
	    !device_check_range(transfer->to, "copy", "to", transfer->to_offset_bytes, transfer->size_bytes, e) ||
	    !check_route(transfer->from->device, transfer->to->device, e))
		return false;
	machine = transfer->stream->device->machine;
	return machine->backend->copy(machine->state, transfer, e);
}

struct stream *device_stream(struct device *device)
{
	return &device->machine->streams[device->index];
}

struct stream *stream_of_link(struct device *from, struct device *to, struct error *e)
{
	struct machine *machine = to->machine;
	struct link_queue *link;

	for (link = machine->links; link; link = link->next) {
		if (link->from == from->index && link->to == to->index)
			return &link->stream;
	}
	link = array_new(1, sizeof(*link), e);
	if (!link)
		return NULL;
	if (!machine->backend->stream_create(machine->state, to->index, STREAM_COPY, &link->stream.handle, e)) {
		free(link);
		return NULL;
	}
	link->from = from->index;
	link->to = to->index;
	link->stream.device = to;
	link->stream.kind = STREAM_COPY;
	link->next = machine->links;
	machine->links = link;
	return &link->stream;
}

bool stream_kernel(const struct stream *stream, const struct kernel_cost *cost, struct error *e)
{
	const struct machine *machine = stream->device->machine;

	return machine->backend->kernel(machine->state, stream, cost, e);
}

bool stream_synchronize(const struct stream *stream, struct error *e)
{
	const struct machine *machine = stream->device->machine;

	return machine->backend->stream_synchronize(machine->state, stream, e);
}

/* What failed on them was told to whoever waited; the others only want them to be done. */
void streams_settle(struct machine *machine)
{
	for (size_t i = 0; i < machine->device_count; i++)
		stream_synchronize(&machine->streams[i], NULL);
	for (const struct link_queue *link = machine->links; link; link = link->next)
		stream_synchronize(&link->stream, NULL);
}

void streams_destroy(struct machine *machine)
{
	for (size_t i = 0; i < machine->device_count; i++)
		machine->backend->stream_destroy(machine->state, machine->streams[i].handle);
	while (machine->links) {
		struct link_queue *link = machine->links;

		machine->links = link->next;
		machine->backend->stream_destroy(machine->state, link->stream.handle);
		free(link);
	}
}

/* ---- events ---- */

bool stream_event_create(struct device *device, struct stream_event *event, struct error *e)
{
	struct machine *machine = device->machine;

	*event = (struct stream_event) { .machine = NULL };
	if (!machine->backend->event_create(machine->state, device->index, &event->handle, e))
		return false;
	event->machine = machine;
	return true;
}

void stream_event_destroy(struct stream_event *event)
{
	if (event->machine)
		event->machine->backend->event_destroy(event->machine->state, event->handle);
	*event = (struct stream_event) { .machine = NULL };
}

bool stream_event_record(const struct stream_event *event, const struct stream *stream, struct error *e)
{
	return event->machine->backend->event_record(event->machine->state, event->handle, stream, e);
}

bool stream_event_wait(const struct stream_event *event, const struct stream *stream, struct error *e)
{
	return event->machine->backend->event_wait(event->machine->state, event->handle, stream, e);
}

bool stream_event_query(const struct stream_event *event, bool *done, struct error *e)
{
	return event->machine->backend->event_query(event->machine->state, event->handle, done, e);
}

bool stream_event_synchronize(const struct stream_event *event, struct error *e)
{
	return event->machine->backend->event_synchronize(event->machine->state, event->handle, e);
}

bool stream_follow(const struct stream *stream, const struct stream *other, struct error *e)
{
	struct stream_event event;
	bool fine;

	if (stream == other)
		return true;
	if (!stream_event_create(other->device, &event, e))
		return false;
	fine = stream_event_record(&event, other, e) && stream_event_wait(&event, stream, e);
	stream_event_destroy(&event);
	return fine;
}
