#include "core/device/device.h"

#include <string.h>

const struct backend *const backends[] = { &backend_host, &backend_sim, NULL };

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
		{ "summary", backend->summary },
		{ "operations", backend->operations },
		{ "open", backend->open },
		{ "close", backend->close },
		{ "memory_take", backend->memory_take },
		{ "memory_give", backend->memory_give },
		{ "pinned_take", backend->pinned_take },
		{ "pinned_give", backend->pinned_give },
		{ "read", backend->read },
		{ "write", backend->write },
		{ "fill", backend->fill },
		{ "copy", backend->copy },
		{ "kernel", backend->kernel },
		{ "stream_create", backend->stream_create },
		{ "stream_destroy", backend->stream_destroy },
		{ "stream_synchronize", backend->stream_synchronize },
		{ "event_create", backend->event_create },
		{ "event_destroy", backend->event_destroy },
		{ "event_record", backend->event_record },
		{ "event_wait", backend->event_wait },
		{ "event_query", backend->event_query },
		{ "event_synchronize", backend->event_synchronize },
		{ "now_ns", backend->now_ns },
		{ "sleep", backend->sleep },
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
