/* flux.h - a small FLUX under a manager, with a clone that has a LoRA: for tests of patches. */
#ifndef RESIDENCY_TESTS_MANAGER_FLUX_H
#define RESIDENCY_TESTS_MANAGER_FLUX_H

#include "core/compute/inference.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "tests/fixtures/manager.h"

struct flux_scene {
	struct managed managed;
	struct topology *topology; /* of the machine */
	struct machine *machine; /* the managed one's, as manager is */
	struct manager *manager;
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
