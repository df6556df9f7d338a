/* pressure_world.h - what a sequence of part pressure happens in: a machine whose memory is believed to be the sequence's, the
 * engine's own manager, models, and the names by which a sequence knows patchers.
 *
 * Weights are accounted on sim, on devices that hold everything; how much is free is what the sequence says: capacity less what
 * others have less the bytes of parameters that are there, exact, and possibly negative.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_PRESSURE_WORLD_H
#define RESIDENCY_TESTS_CONFORMANCE_PRESSURE_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/manager/manager.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"

/* A reference of its own, since references must not move. */
struct holder_reference {
	struct holder_reference *next;
	struct reference reference;
};

/* A patcher by its name: the sequence's variable, and further holders of it. */
struct actor {
	struct actor *next;
	char *name;
	struct weak patcher; /* also while only a clone holds it */
	struct reference variable;
	struct holder_reference *holders;
	unsigned patch_count; /* times that patches were added */
};

/* A model by the name of its first patcher. */
struct part_model {
	struct part_model *next;
	char *name;
	char *class_name;
	struct weak inner;
	struct reference held; /* by itself, when its patcher is dropped and it is not */
	json_t *told; /* its state at the last step that told it */
};

/* Whose patches an id means. */
struct label {
	struct label *next;
	uint64_t patches_id;
	char *text;
};

struct world {
	struct machine *machine;
	struct heap *heap;
	struct manager *manager;
	struct object *root;
	struct manager_trace trace;
	bool multigpu, out_of_memory;
	double capacity_bytes[DEVICE_MAX], other_bytes[DEVICE_MAX], cached_bytes[DEVICE_MAX];
	struct actor *actors;
	struct part_model *models; /* in the order of the sequence */
	struct label *labels;
	json_t *events; /* of the step that runs */
};

/* From a sequence's cfg and models. The caller closes, also on failure. */
bool world_open(struct world *world, const json_t *sequence, struct error *e);
void world_close(struct world *world);

struct actor *world_actor(const struct world *world, const char *name, struct error *e);
struct patcher *world_patcher(const struct world *world, const char *name, struct error *e);
struct device *world_device(const struct world *world, const char *name, struct error *e);
struct part_model *world_model(const struct world *world, const char *name);

/* A new name for a patcher, held by it. */
struct actor *world_add_actor(struct world *world, const char *name, struct patcher *patcher, struct error *e);
bool world_add_holder(struct world *world, struct actor *actor, struct error *e);

/* The variable's and all other holds end. */
void world_let_go(struct actor *actor);

bool world_add_label(struct world *world, uint64_t patches_id, const char *name, unsigned number, struct error *e);

/* The name of a living patcher; NULL for none. */
const char *world_name_of(const struct world *world, const struct patcher *patcher);

double world_free_bytes(const struct world *world, unsigned device);

/* What a step is to show. The caller owns the result; NULL when out of memory. */
json_t *world_list(const struct world *world);
json_t *world_free_memory(const struct world *world);
json_t *world_changed_models(struct world *world);

/* A trace's event as the sequences write it, or NULL for one that they do not have. */
json_t *world_event(const struct world *world, const struct trace_event *event);

/* Indexes of a model's load list for which `wanted` says so: "0,3-10,12". */
json_t *world_ranges(const struct inner *inner, bool (*wanted)(const struct inner *inner, size_t block, unsigned value),
		     unsigned value);

#endif
