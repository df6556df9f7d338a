/* library.c - models opened as a loader opens them: a quantised file, one in another program's layout, and synthetic weights. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/model/recipe.h"
#include "core/model/synthesis/synthesis_file.h"
#include "core/tensor/transcode/transcode.h"
#include "core/workflow/library/model_library.h"
#include "tests/fixtures/machine.h"
#include "tests/torture/torture.h"

/* A file of the folder, opened as a loader would, then dropped. */
static bool open_model(const char *folder, const char *file, enum model_kind kind, struct error *e)
{
	struct model_library library = { .folder = folder };
	struct catalog catalog = model_library_catalog(&library);
	struct model_source source = { .kind = kind, .files = { file }, .file_count = 1, .type = "" };
	struct machine *machine = fixture_card(&host_backend, 99999999, 99999999, e);
	struct model *model = machine ? catalog.open(catalog.context, &source, machine, machine_device(machine, 0), e) : NULL;
	bool fine = model != NULL;

	model_free(model);
	machine_close(machine);
	return fine;
}

static bool synthesise(const char *recipe_wanted, const char *path, struct error *e)
{
	struct recipe recipe;
	struct synthesis_order order = { .recipe = &recipe, .small = true, .zeros = true, .dtype = DTYPE_BF16 };
	struct synthesis_result result;

	return recipe_find(recipe_wanted, &recipe) && synthesis_write_file(&order, path, &result, e);
}

TORTURE_PIECE(torture_gguf_model, "a GGUF model")
{
	static const struct weights_type type = { .is_quantised = true, .quant = QUANT_Q8_0 };
	char plain[64];
	char blocks[64];
	struct transcode_request request = { .from = plain, .to = blocks, .format = WEIGHTS_GGUF, .type = &type };
	struct transcode_result result;
	bool fine;

	snprintf(plain, sizeof(plain), "/tmp/residency-torture-%ld.safetensors", (long)getpid());
	snprintf(blocks, sizeof(blocks), "/tmp/residency-torture-%ld.gguf", (long)getpid());
	request.architecture = "t5";
	fine = synthesise("t5", plain, e) && transcode(&request, &result, e) &&
	       open_model("/tmp", strrchr(blocks, '/') + 1, MODEL_CLIP, e);
	unlink(plain);
	unlink(blocks);
	return fine;
}

TORTURE_PIECE(torture_other_layout, "another layout")
{
	char path[64];
	bool fine;

	snprintf(path, sizeof(path), "/tmp/residency-torture-%ld.safetensors", (long)getpid());
	fine = synthesise("flux1_dev_transformer_diffusers", path, e) &&
	       open_model("/tmp", strrchr(path, '/') + 1, MODEL_UNET, e);
	unlink(path);
	return fine;
}

/* No file has its weights: they are synthetic, in blocks. */
TORTURE_PIECE(torture_synthetic_blocks, "synthetic blocks")
{
	return open_model(NULL, "t5-small-Q4_0.gguf", MODEL_CLIP, e);
}
