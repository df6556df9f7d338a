#include "tests/manager/flux.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

#include "core/workflow/library/model_library.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

static void make_patchers(struct flux_scene *scene, const char *file)
{
	static const struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct model_source source = { .kind = MODEL_UNET, .files = { file }, .file_count = 1 };
	struct patcher_change change = { .key = "lora", .lora_strength = 0.8, .sampling_shift = NAN };
	struct machine *machine = scene->machine;
	struct error e = ERROR_INIT;
	struct model *model = catalog.open(catalog.context, &source, machine, machine_device(machine, 0), &e);

	ck_assert_ok(model, &e);
	scene->base = patcher_new(scene->manager, model, machine_device(machine, 1), "base", &e);
	ck_assert_ok(scene->base, &e);
	reference_set(&scene->hold_base, scene->managed.root, &scene->base->object, "base");
	change.lora = lora_open(NULL, "flux-lora-small.safetensors", &e);
	scene->with_lora = patcher_clone(scene->base, &change, &e);
	lora_close(change.lora);
	ck_assert_ok(scene->with_lora, &e);
	reference_set(&scene->hold_clone, scene->managed.root, &scene->with_lora->object, "clone");
}

void flux_make(struct flux_scene *scene, const struct backend *backend, const char *file, const struct policy *policy)
{
	const struct manager_options options = { .policy = policy };
	struct error e = ERROR_INIT;

	openblas_set_num_threads(1);
	*scene = (struct flux_scene) { .topology = fixture_topology("host-2gpu.json", &e) };
	ck_assert_ok(scene->topology, &e);
	ck_assert_ok(managed_open(&scene->managed, fixture_machine(backend, "host-2gpu.json", &e), &options, &e), &e);
	scene->machine = scene->managed.machine;
	scene->manager = scene->managed.manager;
	make_patchers(scene, file);
}

void flux_unmake(struct flux_scene *scene)
{
	managed_close(&scene->managed);
	topology_free(scene->topology);
}

uint64_t flux_hash_weights(const struct model *model)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < model->parameter_count; i++)
		hash = XXH3_64bits_withSeed(harness_bytes(&model->parameters[i].resting), model->parameters[i].size_bytes,
					    hash);
	return hash;
}

static void sample(struct machine *machine, const struct patcher *patcher, char hash[VALUES_HASH_MAX])
{
	struct patch_pending pending = patcher_pending(patcher);
	struct inference inference = { .machine = machine, .pending = &pending };
	struct conditioning conditioning = { .guidance = 3.5 };
	struct sample_request request = {
		.sampler = "euler", .cfg = 1, .seed = 7, .add_noise = true, .positive = &conditioning
	};
	struct values latent;
	struct values out;
	struct error e = ERROR_INIT;
	float *sigmas;
	bool fine = inference_sigmas(&inference, patcher_model(patcher), NAN, "simple", 2, 1.0, &sigmas, &request.sigma_count,
				     &e) &&
		    values_new(&latent, machine, 4, (int64_t[]) { 1, 16, 4, 4 }, &e) &&
		    values_new(&conditioning.cond, machine, 3, (int64_t[]) { 1, 8, 64 }, &e) &&
		    values_new(&conditioning.pooled, machine, 2, (int64_t[]) { 1, 32 }, &e);

	ck_assert_ok(fine, &e);
	request.sigmas = sigmas;
	request.latent = &latent;
	ck_assert_ok(inference_sample(&inference, patcher_model(patcher), patcher->load_device, &request, &out, &e), &e);
	values_hash(&out, hash);
	values_free(&out);
	values_free(&latent);
	compute_conditioning_free(&conditioning);
	free(sigmas);
}

void flux_load_and_sample(const struct flux_scene *scene, struct patcher *patcher, double bytes, size_t *cast,
			  char hash[VALUES_HASH_MAX])
{
	const struct inner *inner = patcher_inner(patcher);
	struct error e = ERROR_INIT;

	ck_assert_ok(place_partially_load(patcher, bytes, false, NULL, &e), &e);
	*cast = 0;
	for (size_t i = 0; i < inner->model->block_count; i++)
		*cast += inner->cast[i];
	sample(scene->machine, patcher, hash);
}
