/* passes.c - a text is encoded and a latent decoded by small models, on the backend that computes and on the simulator.
 *
 * Values, operands and the copies of weights that wait on another device are all allocated on the way. A pass that fails must
 * free them: the machine holds no allocated byte afterwards but the models'. */
#include <stdlib.h>

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
		conditioning_free(&conditioning);
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

static bool run_passes(const struct backend *backend, struct error *e)
{
	struct machine *machine = fixture_card(backend, 1 << 30, 1 << 30, e);
	struct model *clip = machine ? open_model(machine, MODEL_CLIP, "clip_l-small.safetensors", e) : NULL;
	struct model *vae = clip ? open_model(machine, MODEL_VAE, "ae-small.safetensors", e) : NULL;
	bool fine = vae && encode(machine, clip, e) && decode(machine, vae, e);

	model_free(clip);
	model_free(vae);
	if (machine && device_memory_use(machine_device(machine, 1)).allocated_bytes)
		fine = error_set(e, ERROR_BUG, "a pass left memory on the card");
	machine_close(machine);
	return fine;
}

TORTURE_PIECE(torture_passes, "passes")
{
	return run_passes(&backend_host, e) && run_passes(&backend_sim, e);
}
