#include "core/device/device.h"

#include <string.h>

const struct backend *const backends[] = { &host_backend, &sim_backend, NULL };

const struct backend *backend_find(const char *name)
{
	for (size_t i = 0; backends[i]; i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

bool backend_check(const struct backend *backend, struct error *e)
{
	const struct {
		const char *name;
		bool filled;
	} slots[] = {
		{ .name = "summary", .filled = backend->summary },
		{ .name = "operations", .filled = backend->operations },
		{ .name = "open", .filled = backend->open },
		{ .name = "close", .filled = backend->close },
		{ .name = "memory_take", .filled = backend->memory_take },
		{ .name = "memory_give", .filled = backend->memory_give },
		{ .name = "pinned_take", .filled = backend->pinned_take },
		{ .name = "pinned_give", .filled = backend->pinned_give },
		{ .name = "read", .filled = backend->read },
		{ .name = "write", .filled = backend->write },
		{ .name = "fill", .filled = backend->fill },
		{ .name = "copy", .filled = backend->copy },
		{ .name = "kernel", .filled = backend->kernel },
		{ .name = "stream_create", .filled = backend->stream_create },
		{ .name = "stream_destroy", .filled = backend->stream_destroy },
		{ .name = "stream_synchronize", .filled = backend->stream_synchronize },
		{ .name = "event_create", .filled = backend->event_create },
		{ .name = "event_destroy", .filled = backend->event_destroy },
		{ .name = "event_record", .filled = backend->event_record },
		{ .name = "event_wait", .filled = backend->event_wait },
		{ .name = "event_query", .filled = backend->event_query },
		{ .name = "event_synchronize", .filled = backend->event_synchronize },
		{ .name = "now_ns", .filled = backend->now_ns },
		{ .name = "sleep", .filled = backend->sleep },
	};

	if (!backend->name)
		return error_set(e, ERROR_BUG, "a backend without a name");
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		if (!slots[i].filled)
			return error_set(e, ERROR_BUG, "backend %s has no %s", backend->name, slots[i].name);
	if (backend->host_addressable && !backend->bytes_exist)
		return error_set(e, ERROR_BUG, "backend %s: no bytes exist, so none are addressable", backend->name);
	if (backend->computes && !backend->bytes_exist)
		return error_set(e, ERROR_BUG, "backend %s: no bytes exist, so none are computed", backend->name);
	return true;
}
