/* snapshot_state.h - what a probe remembers of a cell. Private to probes/snapshot.
 *
 * A probe belongs to the thread of its engine.
 */
#ifndef RESIDENCY_PROBES_SNAPSHOT_STATE_H
#define RESIDENCY_PROBES_SNAPSHOT_STATE_H

#include "core/manager/view.h"
#include "probes/snapshot/ledger.h"
#include "probes/snapshot/snapshot.h"

/* An object that was told of. Its weak references must not move: each is memory of its own, kept from cell to cell. */
struct known_object {
	uint64_t id, model_id;
	struct record_model record;
	struct object_watch watch;
	uint64_t placement_version;
	bool blocks_told;
	enum residency_state state; /* at the last stage; STATE_COUNT before the first */
	bool is_listed; /* then */
};

struct probe {
	const struct engine *engine;
	const struct record_sink *sink;
	struct observer observer;
	struct probe_settings settings;
	uint32_t cell;
	uint32_t snapshot; /* the last one */
	struct known_object **objects;
	size_t object_count, object_capacity; /* capacity counts pointers that may be used */
	size_t made; /* objects that exist; from object_count on they are spare */
	uint32_t told; /* objects that were ever told of in this cell */
	const struct model **models; /* room for the ledger */
	size_t model_capacity;
	struct ledger *lines;
	size_t line_capacity;
	bool failed; /* no memory */
	void (*image)(void *context, const struct image_event *event);
	void *image_context;
};

/* The observer's slot: puts a snapshot. */
void probe_on_stage(void *context, const struct stage_event *event);

#endif
