/* file.c - a model of two shards is planned; two LoRAs are put into it and written to one file; the same in open_clip's layout. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/patch/file/patch_file.h"
#include "core/plan/place/blocks.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/torture/torture.h"

#define DIMENSIONS(...)                                                                                                        \
	(const int64_t[])                                                                                                      \
	{                                                                                                                      \
		__VA_ARGS__                                                                                                    \
	}

static const float values[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

struct files {
	char a[256], b[256], index[256], lora[256], clip[256], clip_lora[256], out[256];
};

static void name_files(struct files *files)
{
	const char *folder = getenv("TMPDIR");
	long self = (long)getpid();

	folder = folder && folder[0] ? folder : "/tmp";
	snprintf(files->a, sizeof(files->a), "%s/residency-torture-%ld-a.safetensors", folder, self);
	snprintf(files->b, sizeof(files->b), "%s/residency-torture-%ld-b.safetensors", folder, self);
	snprintf(files->index, sizeof(files->index), "%s/residency-torture-%ld.safetensors.index.json", folder, self);
	snprintf(files->lora, sizeof(files->lora), "%s/residency-torture-%ld-lora.safetensors", folder, self);
	snprintf(files->clip, sizeof(files->clip), "%s/residency-torture-%ld-clip.safetensors", folder, self);
	snprintf(files->clip_lora, sizeof(files->clip_lora), "%s/residency-torture-%ld-clip-lora.safetensors", folder, self);
	snprintf(files->out, sizeof(files->out), "%s/residency-torture-%ld-out.safetensors", folder, self);
}

static bool write_index(const struct files *files, struct error *e)
{
	FILE *stream = fopen(files->index, "we");

	if (!stream)
		return error_no_memory(e);
	fprintf(stream,
		"{\"weight_map\":{\"a.weight\":\"residency-torture-%ld-a.safetensors\","
		"\"b.weight\":\"residency-torture-%ld-b.safetensors\"}}",
		(long)getpid(), (long)getpid());
	fclose(stream);
	return true;
}

static bool write_files(const struct files *files, struct error *e)
{
	static const char *const metadata[] = { "format", "pt", NULL };
	const struct safetensors_entry a[] = { { "a.weight", DTYPE_F32, 2, DIMENSIONS(4, 4), values } };
	const struct safetensors_entry b[] = { { "b.weight", DTYPE_F8_E4M3, 2, DIMENSIONS(4, 4), values } };
	const struct safetensors_entry lora[] = {
		{ "diffusion_model.a.lora_up.weight", DTYPE_F32, 2, DIMENSIONS(4, 1), values },
		{ "diffusion_model.a.lora_down.weight", DTYPE_F32, 2, DIMENSIONS(1, 4), values },
		{ "diffusion_model.b.diff", DTYPE_F32, 2, DIMENSIONS(4, 4), values },
		{ "diffusion_model.z.diff", DTYPE_F32, 1, DIMENSIONS(4), values },
	};

	return safetensors_write(files->a, a, ARRAY_SIZE(a), metadata, e) &&
	       safetensors_write(files->b, b, ARRAY_SIZE(b), NULL, e) &&
	       safetensors_write(files->lora, lora, ARRAY_SIZE(lora), NULL, e) && write_index(files, e);
}

/* A third of a tensor, and one whose rows are columns. */
static bool write_clip(const struct files *files, struct error *e)
{
	const struct safetensors_entry clip[] = {
		{ "transformer.resblocks.0.attn.in_proj_weight", DTYPE_F32, 2, DIMENSIONS(6, 2), values },
		{ "transformer.resblocks.0.mlp.c_fc.weight", DTYPE_F32, 2, DIMENSIONS(4, 2), values },
		{ "token_embedding.weight", DTYPE_F32, 2, DIMENSIONS(3, 2), values },
		{ "positional_embedding", DTYPE_F32, 2, DIMENSIONS(2, 2), values },
		{ "text_projection", DTYPE_F32, 2, DIMENSIONS(2, 2), values },
	};
	const struct safetensors_entry lora[] = {
		{ "lora_te_text_model_encoder_layers_0_self_attn_k_proj.lora_up.weight", DTYPE_F32, 2, DIMENSIONS(2, 1),
		  values },
		{ "lora_te_text_model_encoder_layers_0_self_attn_k_proj.lora_down.weight", DTYPE_F32, 2, DIMENSIONS(1, 2),
		  values },
		{ "lora_te2_text_projection.lora_up.weight", DTYPE_F32, 2, DIMENSIONS(2, 1), values },
		{ "lora_te2_text_projection.lora_down.weight", DTYPE_F32, 2, DIMENSIONS(1, 2), values },
	};

	return safetensors_write(files->clip, clip, ARRAY_SIZE(clip), NULL, e) &&
	       safetensors_write(files->clip_lora, lora, ARRAY_SIZE(lora), NULL, e);
}

static bool list_blocks(const struct files *files, struct error *e)
{
	struct block_list list;
	bool fine = block_list_from_weights(&list, files->index, NULL, e);

	if (fine)
		block_list_free(&list);
	return fine;
}

static bool patch(const char *model, const char *lora_path, const char *out, size_t wanted, struct error *e)
{
	struct lora_file *lora = lora_open_path(lora_path, e);
	const struct patch_file_lora loras[] = { { lora, 0.5 }, { lora, -1.0 } };
	const struct patch_file_request request = { .model = model,
						    .out = out,
						    .loras = loras,
						    .lora_count = ARRAY_SIZE(loras),
						    .has_dtype = true,
						    .dtype = DTYPE_BF16 };
	struct patch_file *file = lora ? patch_file_begin(&request, e) : NULL;
	bool fine = file && patch_file_write(file, e);

	if (fine && patch_file_patched(file) != wanted)
		fine = torture_bug(e, "%s: %zu tensors were patched, not %zu", model, patch_file_patched(file), wanted);
	patch_file_end(file);
	lora_close(lora);
	return fine;
}

TORTURE_PIECE(torture_patch_file, "LoRAs into files")
{
	struct files files;
	bool fine;

	name_files(&files);
	fine = write_files(&files, e) && write_clip(&files, e) && list_blocks(&files, e) &&
	       patch(files.index, files.lora, files.out, 2, e) && patch(files.clip, files.clip_lora, files.out, 2, e);
	unlink(files.a);
	unlink(files.b);
	unlink(files.index);
	unlink(files.lora);
	unlink(files.clip);
	unlink(files.clip_lora);
	unlink(files.out);
	return fine;
}
