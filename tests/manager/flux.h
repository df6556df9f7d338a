/* flux.h - a small FLUX under a manager, with a clone that has a LoRA: for tests of patches. */
#ifndef RESIDENCY_TESTS_MANAGER_FLUX_H
#define RESIDENCY_TESTS_MANAGER_FLUX_H

#include "core/compute/inference.h"
#include "core/manager/manager.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"

struct flux_scene {
	struct topology *topology;
	struct machine *machine;
	struct heap *heap;
	struct manager *manager;
	struct object *root;
	struct reference hold_base, hold_clone;
	struct patcher *base, *with_lora;
};

/* On host or guarded. The file's name says which model is synthesised. */
void flux_make(struct flux_scene *scene, const struct backend *backend, const char *file, const struct policy *policy);
void flux_unmake(struct flux_scene *scene);

uint64_t flux_hash_weights(const struct model *model);

/* Loads so many bytes and samples; *cast says how many blocks stayed behind. */
void flux_load_and_sample(const struct flux_scene *scene, struct patcher *patcher, double bytes, size_t *cast,
			  char hash[VALUES_HASH_MAX]);

#endif
