/* machine.c - a topology realised by a backend: opening and closing, and what is known of the devices.
 *
 * Each device has its cache and its stream from the start; streams of links are made when they are asked for (streams.c). Closing
 * first waits for all streams, so that no queued work uses what the caches then give back, and copies that the caller never
 * waited for are told.
 */
#include "core/device/machine.h"

#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/event.h"

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
	machine->streams = array_new(count, sizeof(*machine->streams), e);
	if (!machine->devices || !machine->streams)
		return false;
	for (unsigned i = 0; i < count; i++) {
		struct device *device = &machine->devices[i];

		device->machine = machine;
		device->index = i;
		if (!machine->backend->stream_create(machine->state, i, STREAM_COMPUTE, &machine->streams[i].handle, e))
			return false;
		machine->streams[i].device = device;
		cache_open(&device->cache, machine->backend, machine->state, i, &machine->topology->devices[i]);
		machine->device_count = i + 1;
	}
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
	streams_settle(machine);
	for (size_t i = 0; i < machine->device_count; i++)
		cache_close(&machine->devices[i].cache);
	streams_destroy(machine);
	if (machine->state)
		machine->backend->close(machine->state);
	free(machine->streams);
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
