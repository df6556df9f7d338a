/* live_models.c - writes the small models of the matrices as safetensors files full of holes.
 *
 * A kind of model is a table of tensors that ComfyUI's detection asks for. Bytes are skipped, never written, so a file is sparse
 * and reads as zeros. Diffusion models differ in the side of their position table, by the first letter of their name: upstream
 * takes two models of one class and size for one.
 */
#include "scenarios/subject/live_models.h"

#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/tensor/safetensors/safetensors.h"
#include "scenarios/models/matrix_workflow.h"

struct live_tensor {
	const char *name;
	int64_t shape[4]; /* ends at the first 0 */
};

#define HIDDEN 64 /* 64 a block, and there is one */

/* A norm has the same two, and no second dimension. */
#define LINEAR(tensor_name, out, in)                                                                                           \
	{ tensor_name ".weight", { out, in } },                                                                                \
	{                                                                                                                      \
		tensor_name ".bias",                                                                                           \
		{                                                                                                              \
			out                                                                                                    \
		}                                                                                                              \
	}

static const struct live_tensor unet[] = {
	{ .name = "x_embedder.proj.weight", .shape = { HIDDEN, 16, 2, 2 } },
	{ .name = "x_embedder.proj.bias", .shape = { HIDDEN } },
	{ .name = "pos_embed", .shape = { 1, 64, HIDDEN } },
	LINEAR("t_embedder.mlp.0", HIDDEN, 256),
	LINEAR("t_embedder.mlp.2", HIDDEN, HIDDEN),
	LINEAR("y_embedder.mlp.0", HIDDEN, 2048),
	LINEAR("y_embedder.mlp.2", HIDDEN, HIDDEN),
	LINEAR("context_embedder", HIDDEN, 4096),
	LINEAR("joint_blocks.0.context_block.attn.qkv", 3 * HIDDEN, HIDDEN),
	LINEAR("joint_blocks.0.context_block.adaLN_modulation.1", 2 * HIDDEN, HIDDEN),
	LINEAR("joint_blocks.0.x_block.attn.qkv", 3 * HIDDEN, HIDDEN),
	LINEAR("joint_blocks.0.x_block.attn.proj", HIDDEN, HIDDEN),
	LINEAR("joint_blocks.0.x_block.mlp.fc1", 4 * HIDDEN, HIDDEN),
	LINEAR("joint_blocks.0.x_block.mlp.fc2", HIDDEN, 4 * HIDDEN),
	LINEAR("joint_blocks.0.x_block.adaLN_modulation.1", 6 * HIDDEN, HIDDEN),
	LINEAR("final_layer.linear", 4 * 16, HIDDEN),
	LINEAR("final_layer.adaLN_modulation.1", 2 * HIDDEN, HIDDEN),
};

static const struct live_tensor clip[] = {
	LINEAR("text_model.encoder.layers.0.mlp.fc1", 3072, 768),
	LINEAR("text_model.final_layer_norm", 768, 0),
};

static const struct live_tensor vae[] = {
	{ .name = "taesd_decoder.1.weight", .shape = { 64, 16, 3, 3 } },
	{ .name = "taesd_decoder.1.bias", .shape = { 64 } },
};

static const struct live_tensor lora[] = {
	{ .name = "diffusion_model.context_embedder.lora_up.weight", .shape = { HIDDEN, 1 } },
	{ .name = "diffusion_model.context_embedder.lora_down.weight", .shape = { 1, 4096 } },
};

#define TENSORS_MAX 40

/* ComfyUI-MultiGPU keeps what it noted of a model under its class, size and first keys: two that agree in these would be one to
 * it. So diffusion models have position tables of a side of their own. */
static int64_t positions_of(char name)
{
	int64_t side = 8 + (unsigned char)name % 32;

	return side * side;
}

static bool write_zeros(const char *path, const struct live_tensor *tensors, size_t count, char name, struct error *e)
{
	const int64_t positions[4] = { 1, positions_of(name), HIDDEN };
	struct safetensors_entry entries[TENSORS_MAX];
	struct safetensors_writer *writer;

	for (size_t i = 0; i < count; i++) {
		entries[i] =
			(struct safetensors_entry) { .name = tensors[i].name, .dtype = DTYPE_F32, .shape = tensors[i].shape };
		if (strcmp(tensors[i].name, "pos_embed") == 0)
			entries[i].shape = positions;
		while (entries[i].rank < 4 && entries[i].shape[entries[i].rank] > 0)
			entries[i].rank++;
	}
	writer = safetensors_writer_open(path, entries, count, NULL, e);
	for (size_t i = 0; writer && i < count; i++) {
		uint64_t size_bytes = sizeof(float);

		for (size_t r = 0; r < entries[i].rank; r++)
			size_bytes *= (uint64_t)entries[i].shape[r];
		if (!safetensors_writer_skip(writer, size_bytes, e)) {
			safetensors_writer_abandon(writer);
			return false;
		}
	}
	return writer && safetensors_writer_finish(writer, e);
}

/* The kinds in enum model_kind's order, then the LoRA. */
static const struct {
	const char *folder;
	const struct live_tensor *tensors;
	size_t count;
} files[] = {
	[MODEL_UNET] = { .folder = "diffusion_models", .tensors = unet, .count = ARRAY_SIZE(unet) },
	[MODEL_CLIP] = { .folder = "text_encoders", .tensors = clip, .count = ARRAY_SIZE(clip) },
	[MODEL_VAE] = { .folder = "vae", .tensors = vae, .count = ARRAY_SIZE(vae) },
	{ .folder = "loras", .tensors = lora, .count = ARRAY_SIZE(lora) },
};
#define FILES_LORA (ARRAY_SIZE(files) - 1)

static bool write_file(const char *folder, size_t kind, const char *name, struct error *e)
{
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s/models/%s", folder, files[kind].folder);

	if (length < 0 || (size_t)length + strlen(name) + sizeof("/.safetensors") > sizeof(path))
		return error_set(e, ERROR_USAGE, "%.80s...: the path is too long", folder);
	if (!file_make_folder(path, e))
		return false;
	snprintf(path + length, sizeof(path) - (size_t)length, "/%s.safetensors", name);
	return write_zeros(path, files[kind].tensors, files[kind].count, name[0], e);
}

bool live_models_write(const char *folder, struct error *e)
{
	if (!write_file(folder, FILES_LORA, "lora", e) || !write_file(folder, MODEL_UNET, "S", e))
		return false;
	for (size_t m = 0; matrix_list[m]; m++) {
		for (size_t i = 0; i < matrix_list[m]->model_count; i++) {
			const struct matrix_model *model = &matrix_list[m]->models[i];

			if (!write_file(folder, (size_t)model->kind, model->name, e))
				return false;
		}
	}
	return true;
}
