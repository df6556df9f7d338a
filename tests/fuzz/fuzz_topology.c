/* Any bytes as a topology: refused with words, or a machine that works. */
#include <stdlib.h>

#include "core/device/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct topology *topology)
{
	struct error e = ERROR_INIT;
	struct machine *machine = machine_open(topology, &sim_backend, &e);
	size_t count;

	if (!machine)
		return;
	count = machine_device_count(machine);
	for (unsigned i = 0; i < count; i++) {
		struct device *device = machine_device(machine, i);
		struct device *next = machine_device(machine, (i + 1) % count);
		struct buffer from;
		struct buffer to;
		const struct transfer transfer = {
			.stream = i % 2 ? stream_of_link(device, next, &e) : device_stream(next),
			.to = &to,
			.from = &from,
			.size_bytes = 1000,
		};

		if (device_alloc(device, 1000, &from, &e) && device_alloc(next, 1000, &to, &e))
			device_copy(&transfer, &e);
		error_clear(&e);
	}
	machine_close(machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct topology *topology = topology_parse((const char *)data, size, "fuzz", &e);
	json_t *json;

	if (!topology) {
		if (!error_is_set(&e))
			abort();
		return 0;
	}
	json = topology_to_json(topology);
	if (!json)
		abort();
	json_decref(json);
	use(topology);
	topology_free(topology);
	return 0;
}
