/* The file form of a topology. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/string.h"
#include "core/device/topology/topology.h"

#define WHERE_MAX 192

/* One element of a list, for messages: "topology x.json: links[3]". */
static void set_where(char where[WHERE_MAX], const char *file, const char *list, size_t index)
{
	snprintf(where, WHERE_MAX, "%.128s: %s[%zu]", file, list, index);
}

/* `known` is NULL-terminated. A member that is never read is a misspelt one. */
static bool members_are_known(const json_t *object, const char *const *known, const char *where, struct error *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return error_set(e, ERROR_FORMAT, "%s: a topology has no \"%.64s\" here", where, key);
	}
	return true;
}

static bool get_rate(const json_t *object, const char *key, const char *where, bool required, double *out, struct error *e)
{
	if (required ? !json_get_number(object, key, where, out, e) : !json_get_number_or(object, key, where, NAN, out, e))
		return false;
	if (!json_object_get(object, key) || (isfinite(*out) && *out > 0))
		return true;
	return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %g; a rate must be greater than 0", where, key, *out);
}

static bool get_name(const json_t *object, const char *where, char name[DEVICE_NAME_MAX], struct error *e)
{
	const char *text;

	if (!json_get_string(object, "name", where, &text, e))
		return false;
	if (!*text || strlen(text) >= DEVICE_NAME_MAX)
		return error_set(e, ERROR_FORMAT, "%s: a name has 1 to %d characters; \"%.48s\" has %zu", where,
				 DEVICE_NAME_MAX - 1, text, strlen(text));
	memcpy(name, text, strlen(text) + 1);
	return true;
}

static bool read_device(const json_t *object, const char *where, struct device_description *device, struct error *e)
{
	static const char *const known[] = { "name", "capacity_bytes", "flops_per_s", "memory_bytes_per_s", "source", NULL };
	unsigned index;
	int64_t capacity;

	if (!members_are_known(object, known, where, e) || !get_name(object, where, device->name, e))
		return false;
	if (!device_name_parse(device->name, &device->kind, &index))
		return error_set(e, ERROR_FORMAT,
				 "%s: \"%s\" is no device name (as cpu, cuda:0, xpu:1, npu:0, mlu:0, mps, "
				 "directml:0, corex:0)",
				 where, device->name);
	if (!json_get_integer(object, "capacity_bytes", where, &capacity, e))
		return false;
	if (capacity <= 0)
		return error_set(e, ERROR_FORMAT, "%s: \"capacity_bytes\" is %" PRId64 "; it must be greater than 0", where,
				 capacity);
	device->capacity_bytes = (uint64_t)capacity;
	return get_rate(object, "flops_per_s", where, false, &device->flops_per_s, e) &&
	       get_rate(object, "memory_bytes_per_s", where, false, &device->memory_bytes_per_s, e);
}

static int device_order(const void *left, const void *right)
{
	const struct device_description *a = left;
	const struct device_description *b = right;
	enum device_kind kind;
	unsigned index_a = 0;
	unsigned index_b = 0;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	device_name_parse(a->name, &kind, &index_a);
	device_name_parse(b->name, &kind, &index_b);
	return (index_a > index_b) - (index_a < index_b);
}

static bool read_devices(const json_t *list, const char *file, struct topology *topology, struct error *e)
{
	size_t count = json_array_size(list);
	char where[WHERE_MAX];

	if (count > DEVICE_MAX)
		return error_set(e, ERROR_FORMAT, "%s: %zu devices; a topology has at most %d", file, count, DEVICE_MAX);
	topology->devices = array_new(count, sizeof(*topology->devices), e);
	if (!topology->devices)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct device_description device = { .capacity_bytes = 0 };

		set_where(where, file, "devices", i);
		if (!read_device(json_array_get(list, i), where, &device, e))
			return false;
		if (topology_find(topology, device.name) >= 0)
			return error_set(e, ERROR_FORMAT, "%s: \"%s\" is there twice", where, device.name);
		topology->devices[topology->device_count++] = device;
	}
	if (topology_find(topology, "cpu") < 0)
		return error_set(e, ERROR_FORMAT, "%s: no device \"cpu\"; every machine has one", file);
	qsort(topology->devices, topology->device_count, sizeof(*topology->devices), device_order);
	return true;
}

static int find_group(const struct topology *topology, const char *name)
{
	for (size_t i = 0; i < topology->group_count; i++)
		if (strcmp(topology->groups[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool read_groups(const json_t *list, const char *file, struct topology *topology, struct error *e)
{
	static const char *const known[] = { "name", "bandwidth_bytes_per_s", "source", NULL };
	size_t count = json_array_size(list);
	char where[WHERE_MAX];

	if (count > (size_t)DEVICE_MAX * DEVICE_MAX)
		return error_set(e, ERROR_FORMAT, "%s: %zu groups; there cannot be more than links", file, count);
	topology->groups = array_new(count, sizeof(*topology->groups), e);
	if (!topology->groups)
		return false;
	for (size_t i = 0; i < count; i++) {
		const json_t *object = json_array_get(list, i);
		struct link_group *group = &topology->groups[i];

		set_where(where, file, "groups", i);
		if (!members_are_known(object, known, where, e) || !get_name(object, where, group->name, e) ||
		    !get_rate(object, "bandwidth_bytes_per_s", where, true, &group->bandwidth_bytes_per_s, e))
			return false;
		if (find_group(topology, group->name) >= 0)
			return error_set(e, ERROR_FORMAT, "%s: \"%s\" is there twice", where, group->name);
		topology->group_count++;
	}
	return true;
}

static bool get_end(const json_t *object, const char *key, const char *where, const struct topology *topology, unsigned *out,
		    struct error *e)
{
	const char *name;
	int index;

	if (!json_get_string(object, key, where, &name, e))
		return false;
	index = topology_find(topology, name);
	if (index < 0)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" is \"%.48s\", not one of the %zu devices", where, key, name,
				 topology->device_count);
	*out = (unsigned)index;
	return true;
}

static bool get_group(const json_t *object, const char *where, const struct topology *topology, int *out, struct error *e)
{
	const char *name;

	if (!json_get_string_or(object, "group", where, NULL, &name, e))
		return false;
	*out = name ? find_group(topology, name) : -1;
	if (name && *out < 0)
		return error_set(e, ERROR_FORMAT, "%s: \"group\" is \"%.48s\", not one of the %zu groups", where, name,
				 topology->group_count);
	return true;
}

static bool read_link(const json_t *object, const char *where, const struct topology *topology, struct link_description *link,
		      struct error *e)
{
	static const char *const known[] = { "from",   "to", "bandwidth_bytes_per_s", "efficiency", "latency_ns", "group",
					     "source", NULL };
	int64_t latency;

	if (!members_are_known(object, known, where, e) || !get_end(object, "from", where, topology, &link->from, e) ||
	    !get_end(object, "to", where, topology, &link->to, e) ||
	    !get_rate(object, "bandwidth_bytes_per_s", where, true, &link->bandwidth_bytes_per_s, e) ||
	    !get_rate(object, "efficiency", where, false, &link->efficiency, e) ||
	    !json_get_integer_or(object, "latency_ns", where, 0, &latency, e) ||
	    !get_group(object, where, topology, &link->group, e))
		return false;
	if (link->efficiency > 1)
		return error_set(e, ERROR_FORMAT, "%s: \"efficiency\" is %g; it is at most 1", where, link->efficiency);
	if (latency < 0)
		return error_set(e, ERROR_FORMAT, "%s: \"latency_ns\" is %" PRId64 "; it cannot be negative", where, latency);
	if (link->from == link->to)
		return error_set(e, ERROR_FORMAT, "%s: from and to are both \"%s\"", where, topology->devices[link->from].name);
	if (topology_link(topology, link->from, link->to))
		return error_set(e, ERROR_FORMAT, "%s: %s to %s is there twice", where, topology->devices[link->from].name,
				 topology->devices[link->to].name);
	link->latency_ns = (uint64_t)latency;
	return true;
}

static bool read_links(const json_t *list, const char *file, struct topology *topology, struct error *e)
{
	size_t count = json_array_size(list);
	char where[WHERE_MAX];

	/* A pair is there once, so that the table below can be no larger than the devices allow. */
	if (count > topology->device_count * topology->device_count)
		return error_set(e, ERROR_FORMAT, "%s: %zu links between %zu devices", file, count, topology->device_count);
	topology->links = array_new(count, sizeof(*topology->links), e);
	if (!topology->links)
		return false;
	for (size_t i = 0; i < count; i++) {
		set_where(where, file, "links", i);
		if (!read_link(json_array_get(list, i), where, topology, &topology->links[i], e))
			return false;
		topology->link_count++;
	}
	return true;
}

static bool get_list_or_none(const json_t *object, const char *key, const char *where, json_t **out, struct error *e)
{
	*out = NULL;
	return !json_object_get(object, key) || json_get_array(object, key, where, out, e);
}

static bool read_topology(const json_t *root, const char *where, struct topology *topology, struct error *e)
{
	static const char *const known[] = { "schema", "name", "title", "devices", "links", "groups", "source", NULL };
	const char *name;
	const char *title;
	int64_t schema;
	json_t *devices;
	json_t *links;
	json_t *groups;

	if (!json_is_object(root))
		return error_set(e, ERROR_FORMAT, "%s: the file is %s; a topology is an object", where, json_type_words(root));
	if (!json_get_integer(root, "schema", where, &schema, e))
		return false;
	if (schema != 1)
		return error_set(e, ERROR_FORMAT, "%s: schema %" PRId64 "; this residency reads schema 1", where, schema);
	if (!members_are_known(root, known, where, e) || !json_get_string(root, "name", where, &name, e) ||
	    !json_get_string_or(root, "title", where, "", &title, e) || !json_get_array(root, "devices", where, &devices, e) ||
	    !get_list_or_none(root, "links", where, &links, e) || !get_list_or_none(root, "groups", where, &groups, e))
		return false;
	topology->name = string_copy(name, e);
	topology->title = string_copy(title, e);
	return topology->name && topology->title && read_devices(devices, where, topology, e) &&
	       read_groups(groups, where, topology, e) && read_links(links, where, topology, e);
}

struct topology *topology_parse(const char *text, size_t length, const char *where, struct error *e)
{
	struct topology *topology;
	json_t *root = json_parse(text, length, where, false, e);

	if (!root)
		return NULL;
	topology = array_new(1, sizeof(*topology), e);
	if (topology && !read_topology(root, where, topology, e)) {
		topology_free(topology);
		topology = NULL;
	}
	json_decref(root);
	return topology;
}

/* Leaves unknown rates out, as the file does. */
static bool set_rate(json_t *object, const char *key, double rate)
{
	return isnan(rate) || json_object_set_new(object, key, json_real(rate)) == 0;
}

static json_t *device_to_json(const struct device_description *device)
{
	json_t *object = json_pack("{s:s, s:I}", "name", device->name, "capacity_bytes", (json_int_t)device->capacity_bytes);

	if (object && set_rate(object, "flops_per_s", device->flops_per_s) &&
	    set_rate(object, "memory_bytes_per_s", device->memory_bytes_per_s))
		return object;
	json_decref(object);
	return NULL;
}

static json_t *link_to_json(const struct topology *topology, const struct link_description *link)
{
	json_t *object = json_pack("{s:s, s:s, s:f}", "from", topology->devices[link->from].name, "to",
				   topology->devices[link->to].name, "bandwidth_bytes_per_s", link->bandwidth_bytes_per_s);

	if (object && set_rate(object, "efficiency", link->efficiency) &&
	    json_object_set_new(object, "latency_ns", json_integer((json_int_t)link->latency_ns)) == 0 &&
	    (link->group < 0 || json_object_set_new(object, "group", json_string(topology->groups[link->group].name)) == 0))
		return object;
	json_decref(object);
	return NULL;
}

json_t *topology_to_json(const struct topology *topology)
{
	json_t *devices = json_array();
	json_t *links = json_array();
	json_t *groups = json_array();
	bool fine = devices && links && groups;

	/* json_array_append_new takes the value, and fails on NULL. */
	for (size_t i = 0; fine && i < topology->device_count; i++)
		fine = json_array_append_new(devices, device_to_json(&topology->devices[i])) == 0;
	for (size_t i = 0; fine && i < topology->link_count; i++)
		fine = json_array_append_new(links, link_to_json(topology, &topology->links[i])) == 0;
	for (size_t i = 0; fine && i < topology->group_count; i++)
		fine = json_array_append_new(groups,
					     json_pack("{s:s, s:f}", "name", topology->groups[i].name, "bandwidth_bytes_per_s",
						       topology->groups[i].bandwidth_bytes_per_s)) == 0;
	if (fine)
		return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o}", "schema", 1, "name", topology->name, "title",
				 topology->title, "devices", devices, "links", links, "groups", groups);
	json_decref(devices);
	json_decref(links);
	json_decref(groups);
	return NULL;
}
