/* Some trainers' files name modules as no rule does: by marks that upstream looks for, they are brought to names that one knows. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/patch/keys/key_rules.h"
#include "core/patch/lora/lora_private.h"

struct trainer_renaming {
	const char *marks[2]; /* tensors that such a file has; the second may be NULL */
	const char *begins; /* or, without marks, what the name of one of its tensors begins with */
	void (*rename)(char name[KEY_MAX_BYTES]);
	bool grows_input; /* img_in has more columns than the model's: the file implies the shape */
};

static void put_root(char name[KEY_MAX_BYTES])
{
	char whole[KEY_MAX_BYTES];

	key_print(whole, "diffusion_model.%s", name);
	memcpy(name, whole, sizeof(whole));
}

/* Black Forest Labs' control LoRAs: biases are differences, the scales of norms are set. */
static void rename_control(char name[KEY_MAX_BYTES])
{
	key_replace(name, ".lora_B.bias", ".diff_b");
	key_replace(name, "_norm.scale", "_norm.scale.set_weight");
	put_root(name);
}

static void rename_wan_fun(char name[KEY_MAX_BYTES])
{
	static const char mark[] = "lora_unet__";

	if (strncmp(name, mark, sizeof(mark) - 1) == 0)
		memmove(name + sizeof(mark) - 2, name + sizeof(mark) - 1, strlen(name + sizeof(mark) - 1) + 1);
}

static void rename_uso(char name[KEY_MAX_BYTES])
{
	static const char *const pairs[][2] = {
		{ ".down.weight", ".lora_down.weight" },
		{ ".up.weight", ".lora_up.weight" },
		{ ".qkv_lora2.", ".txt_attn.qkv." },
		{ ".qkv_lora1.", ".img_attn.qkv." },
		{ ".proj_lora1.", ".img_attn.proj." },
		{ ".proj_lora2.", ".txt_attn.proj." },
		{ ".qkv_lora.", ".linear1_qkv." },
		{ ".proj_lora.", ".linear2." },
		{ ".processor.", "." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		key_replace(name, pairs[i][0], pairs[i][1]);
	put_root(name);
}

/* DiffSynth's names are diffusers' without the model's. */
static void rename_diffsynth(char name[KEY_MAX_BYTES])
{
	char whole[KEY_MAX_BYTES];

	if (strncmp(name, "transformer_blocks.", 19) != 0 && strncmp(name, "single_transformer_blocks.", 26) != 0)
		return;
	key_print(whole, "transformer.%s", name);
	memcpy(name, whole, sizeof(whole));
}

static const struct trainer_renaming renamings[] = {
	{
		.marks = { "img_in.lora_A.weight", "single_blocks.0.norm.key_norm.scale" },
		.rename = rename_control,
		.grows_input = true,
	},
	{
		.marks = { "lora_unet__blocks_0_cross_attn_k.lora_down.weight" },
		.rename = rename_wan_fun,
	},
	{
		.marks = { "single_blocks.37.processor.qkv_lora.up.weight", "double_blocks.18.processor.qkv_lora2.up.weight" },
		.rename = rename_uso,
	},
	{ .begins = "transformer_blocks.", .rename = rename_diffsynth },
	{ .begins = "single_transformer_blocks.", .rename = rename_diffsynth },
};

static bool has_beginning(const struct safetensors *file, const char *begins)
{
	for (size_t i = 0; i < safetensors_count(file); i++) {
		if (strncmp(safetensors_tensor(file, i)->name, begins, strlen(begins)) == 0)
			return true;
	}
	return false;
}

static bool is_marked(const struct trainer_renaming *renaming, const struct safetensors *file)
{
	const char *const *marks = renaming->marks;

	if (renaming->begins)
		return has_beginning(file, renaming->begins);
	return safetensors_find(file, marks[0]) && (!marks[1] || safetensors_find(file, marks[1]));
}

static const struct trainer_renaming *find_renaming(const struct safetensors *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(renamings); i++) {
		if (is_marked(&renamings[i], file))
			return &renamings[i];
	}
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	const struct lora_name *left = a;
	const struct lora_name *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : (left->index > right->index) - (left->index < right->index);
}

/* The rows of the pair's second factor, the columns of its first. */
static bool imply_shape(struct lora_names *names, const struct safetensors *file, struct error *e)
{
	const struct safetensors_tensor *first = safetensors_find(file, "img_in.lora_A.weight");
	const struct safetensors_tensor *second = safetensors_find(file, "img_in.lora_B.weight");

	if (!first || !second || first->rank < 2 || second->rank < 1)
		return true;
	names->reshape_name = string_copy("diffusion_model.img_in.reshape_weight", e);
	if (!names->reshape_name)
		return false;
	names->reshape_shape[0] = (int64_t)second->shape[0];
	names->reshape_shape[1] = (int64_t)first->shape[1];
	names->reshape_rank = ARRAY_SIZE(names->reshape_shape);
	names->reshape = (struct safetensors_tensor) { .name = names->reshape_name,
						       .name_length = strlen(names->reshape_name),
						       .dtype = DTYPE_I64,
						       .rank = 1,
						       .shape = &names->reshape_rank,
						       .bytes = (const uint8_t *)names->reshape_shape,
						       .size_bytes = sizeof(names->reshape_shape),
						       .element_count = ARRAY_SIZE(names->reshape_shape),
						       .file_offset = first->file_offset };
	return true;
}

bool lora_names_make(struct lora_names *names, const struct safetensors *file, struct error *e)
{
	const struct trainer_renaming *renaming = find_renaming(file);

	if (!renaming)
		return true;
	names->by_tensor = array_new(safetensors_count(file), sizeof(*names->by_tensor), e);
	names->sorted = array_new(safetensors_count(file), sizeof(*names->sorted), e);
	if (!names->by_tensor || !names->sorted || (renaming->grows_input && !imply_shape(names, file, e)))
		return false;
	for (; names->count < safetensors_count(file); names->count++) {
		char name[KEY_MAX_BYTES];
		char *copy;

		key_print(name, "%s", safetensors_tensor(file, names->count)->name);
		renaming->rename(name);
		copy = string_copy(name, e);
		if (!copy)
			return false;
		names->by_tensor[names->count] = copy;
		names->sorted[names->count] = (struct lora_name) { copy, names->count };
	}
	qsort(names->sorted, names->count, sizeof(*names->sorted), compare_names);
	return true;
}

void lora_names_end(struct lora_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->by_tensor[i]);
	free(names->by_tensor);
	free(names->sorted);
	free(names->reshape_name);
	*names = (struct lora_names) { .by_tensor = NULL };
}

const char *lora_tensor_name(const struct lora_file *lora, size_t index)
{
	return lora->names.by_tensor ? lora->names.by_tensor[index] : safetensors_tensor(lora->file, index)->name;
}

static int compare_name(const void *name, const void *known)
{
	return strcmp(name, ((const struct lora_name *)known)->name);
}

const struct safetensors_tensor *lora_find(const struct lora_file *lora, const char *name)
{
	const struct lora_names *names = &lora->names;
	const struct lora_name *found;

	if (!names->by_tensor)
		return safetensors_find(lora->file, name);
	if (names->reshape_name && strcmp(name, names->reshape_name) == 0)
		return &names->reshape;
	found = bsearch(name, names->sorted, names->count, sizeof(*names->sorted), compare_name);
	return found ? safetensors_tensor(lora->file, found->index) : NULL;
}
