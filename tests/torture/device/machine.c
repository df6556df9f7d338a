/* machine.c - memory taken and freed on each backend, copies and kernels queued on its streams, and a topology as JSON. */
#include "core/device/device.h"
#include "tests/fixtures/machine.h"
#include "tests/torture/torture.h"

/* Pieces cut, freed, joined; a queue longer than what a stream has ready. */
static bool use_machine(const struct topology *topology, const struct backend *backend, struct error *e)
{
	static const struct kernel_cost cost = { .flops = 1e6, .bytes = 1e6 };
	struct machine *machine = machine_open(topology, backend, e);
	struct buffer buffers[8] = { { .device = NULL } };
	struct device *gpu;
	bool fine = true;

	if (!machine)
		return false;
	gpu = machine_find(machine, "cuda:0");
	for (size_t i = 0; fine && i < 8; i++) {
		fine = device_alloc(i % 2 ? gpu : machine_find(machine, "cpu"), (i + 1) << 20, &buffers[i], e) &&
		       device_fill(&buffers[i], 0, 1 << 20, 0, e);
	}
	for (size_t i = 0; fine && i < 7; i++) {
		struct stream *link = stream_of_link(buffers[i].device, buffers[i + 1].device, e);
		const struct transfer transfer = {
			.stream = link,
			.to = &buffers[i + 1],
			.from = &buffers[i],
			.size_bytes = 1 << 20,
		};

		fine = link && device_copy(&transfer, e) && stream_kernel(device_stream(gpu), &cost, e) &&
		       stream_follow(device_stream(gpu), link, e);
	}
	fine = fine && stream_synchronize(device_stream(gpu), e);
	for (size_t i = 0; i < 8; i++)
		device_free(&buffers[i * 3 % 8]);
	device_empty_cache(gpu);
	machine_close(machine);
	return fine;
}

TORTURE_PIECE(torture_devices, "devices")
{
	struct topology *topology = fixture_card_topology(99999999, 99999999, e);
	json_t *json;
	bool fine;

	if (!topology)
		return false;
	json = topology_to_json(topology);
	fine = json || error_no_memory(e);
	json_decref(json);
	for (size_t i = 0; fine && backends[i]; i++)
		fine = use_machine(topology, backends[i], e);
	topology_free(topology);
	return fine;
}
