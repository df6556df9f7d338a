#include "core/device/topology/topology.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/string.h"

/* In ComfyUI-MultiGPU's order of its device list. */
static const struct {
	const char *name;
	bool indexed;
} kinds[DEVICE_KIND_COUNT] = {
	[DEVICE_CPU] = { .name = "cpu", .indexed = false },	     [DEVICE_CUDA] = { .name = "cuda", .indexed = true },
	[DEVICE_XPU] = { .name = "xpu", .indexed = true },	     [DEVICE_NPU] = { .name = "npu", .indexed = true },
	[DEVICE_MLU] = { .name = "mlu", .indexed = true },	     [DEVICE_MPS] = { .name = "mps", .indexed = false },
	[DEVICE_DIRECTML] = { .name = "directml", .indexed = true }, [DEVICE_COREX] = { .name = "corex", .indexed = true },
};

const char *device_kind_name(enum device_kind kind)
{
	return kinds[kind].name;
}

/* Digits without a leading zero, so that a device has one name only. */
static bool parse_index(const char *text, unsigned *index)
{
	unsigned value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > 99999)
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	*index = value;
	return true;
}

bool device_name_parse(const char *name, enum device_kind *kind, unsigned *index)
{
	for (enum device_kind k = 0; k < DEVICE_KIND_COUNT; k++) {
		size_t length = strlen(kinds[k].name);

		if (strncmp(name, kinds[k].name, length) != 0)
			continue;
		if (!kinds[k].indexed && name[length] == '\0')
			*index = 0;
		else if (!kinds[k].indexed || name[length] != ':' || !parse_index(name + length + 1, index))
			continue;
		*kind = k;
		return true;
	}
	return false;
}

int topology_find(const struct topology *topology, const char *name)
{
	for (size_t i = 0; i < topology->device_count; i++)
		if (strcmp(topology->devices[i].name, name) == 0)
			return (int)i;
	return -1;
}

const struct link_description *topology_link(const struct topology *topology, unsigned from, unsigned to)
{
	for (size_t i = 0; i < topology->link_count; i++)
		if (topology->links[i].from == from && topology->links[i].to == to)
			return &topology->links[i];
	return NULL;
}

unsigned topology_route(const struct topology *topology, unsigned from, unsigned to, const struct link_description *links[2])
{
	const struct link_description *direct = topology_link(topology, from, to);
	const struct link_description *up;
	const struct link_description *down;

	if (direct) {
		links[0] = direct;
		return 1;
	}
	up = topology_link(topology, from, 0);
	down = topology_link(topology, 0, to);
	if (from == to || !up || !down)
		return 0;
	links[0] = up;
	links[1] = down;
	return 2;
}

uint64_t topology_link_copy_ns(const struct link_description *link, uint64_t size_bytes)
{
	double rate = link->bandwidth_bytes_per_s * (isnan(link->efficiency) ? 1.0 : link->efficiency);

	return clock_add_ns(link->latency_ns, clock_ns_from_seconds((double)size_bytes / rate));
}

void topology_free(struct topology *topology)
{
	if (!topology)
		return;
	free(topology->name);
	free(topology->title);
	free(topology->devices);
	free(topology->links);
	free(topology->groups);
	free(topology);
}

static void *copy_array(const void *items, size_t count, size_t item_size_bytes, struct error *e)
{
	void *copy = array_new(count, item_size_bytes, e);

	if (copy && count)
		memcpy(copy, items, count * item_size_bytes);
	return copy;
}

struct topology *topology_copy(const struct topology *topology, struct error *e)
{
	struct topology *copy = array_new(1, sizeof(*copy), e);

	if (!copy)
		return NULL;
	copy->device_count = topology->device_count;
	copy->link_count = topology->link_count;
	copy->group_count = topology->group_count;
	copy->name = string_copy(topology->name, e);
	copy->title = string_copy(topology->title, e);
	copy->devices = copy_array(topology->devices, topology->device_count, sizeof(*topology->devices), e);
	copy->links = copy_array(topology->links, topology->link_count, sizeof(*topology->links), e);
	copy->groups = copy_array(topology->groups, topology->group_count, sizeof(*topology->groups), e);
	if (!copy->name || !copy->title || !copy->devices || !copy->links || !copy->groups) {
		topology_free(copy);
		return NULL;
	}
	return copy;
}
