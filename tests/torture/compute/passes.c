/* passes.c - a text is encoded and a latent decoded by small models, on the backend that computes and on the simulator.
 *
 * Values, operands and the copies of weights that are stored on another device are all allocated on the way. A pass that fails
 * must free them: the card holds no allocated byte afterwards. */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/compute/inference.h"
#include "core/workflow/library/model_library.h"
#include "tests/fixtures/machine.h"
#include "tests/torture/torture.h"

static struct model *open_model(struct machine *machine, enum model_kind kind, const char *file, struct error *e)
{
	static const struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct model_source source = { .kind = kind, .files = { file }, .file_count = 1, .type = "flux" };

	return catalog.open(catalog.context, &source, machine, machine_device(machine, 0), e);
}

static bool encode(struct machine *machine, const struct model *clip, struct error *e)
{
	struct inference inference = { .machine = machine };
	struct conditioning conditioning = { .guidance = 0 };
	bool fine = inference_encode_text(&inference, clip, machine_device(machine, 1), "a lighthouse", &conditioning, e);

	if (fine)
		compute_conditioning_free(&conditioning);
	return fine;
}

static bool decode(struct machine *machine, const struct model *vae, struct error *e)
{
	struct inference inference = { .machine = machine };
	struct values latent;
	struct values image;
	bool fine = values_new(&latent, machine, 4, (int64_t[]) { 1, 16, 2, 2 }, e);

	if (!fine)
		return false;
	fine = inference_decode(&inference, vae, machine_device(machine, 1), &latent, &image, e);
	if (fine)
		values_free(&image);
	values_free(&latent);
	return fine;
}

/* A machine and its models. */
struct world {
	const struct backend *backend;
	struct machine *machine;
	struct model *clip, *vae;
};

/* Opened by the first run and kept: weights take far longer to make than a pass takes, and the runs are to be many. */
static struct world worlds[] = { { .backend = &host_backend }, { .backend = &sim_backend } };

static bool open_world(struct world *world, struct error *e)
{
	if (world->vae)
		return true;
	world->machine = fixture_card(world->backend, 1 << 30, 1 << 30, e);
	world->clip = world->machine ? open_model(world->machine, MODEL_CLIP, "clip_l-small.safetensors", e) : NULL;
	world->vae = world->clip ? open_model(world->machine, MODEL_VAE, "ae-small.safetensors", e) : NULL;
	return world->vae != NULL;
}

static bool run_passes(const struct world *world, struct error *e)
{
	bool fine = encode(world->machine, world->clip, e) && decode(world->machine, world->vae, e);

	if (device_memory_use(machine_device(world->machine, 1)).allocated_bytes)
		return torture_bug(e, "a pass left memory on the card");
	return fine;
}

TORTURE_PIECE(torture_passes, "passes")
{
	bool fine = true;

	for (size_t i = 0; fine && i < ARRAY_SIZE(worlds); i++)
		fine = open_world(&worlds[i], e) && run_passes(&worlds[i], e);
	return fine;
}
