/* Any bytes as a LoRA file for a small model: refused, or every adapter that it holds changes a weight or says why not. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SHAPE(...)                                                                                                             \
	(const int64_t[])                                                                                                      \
	{                                                                                                                      \
		__VA_ARGS__                                                                                                    \
	}

static const struct key_target targets[] = {
	{ "diffusion_model.double_blocks.0.img_attn.qkv.weight", 2, SHAPE(12, 4) },
	{ "diffusion_model.double_blocks.0.img_attn.qkv.bias", 1, SHAPE(12) },
	{ "diffusion_model.c.weight", 4, SHAPE(6, 4, 3, 3) },
	{ "diffusion_model.n.weight", 1, SHAPE(8) },
	{ "diffusion_model.s.weight", 2, SHAPE(8, 8) },
	{ "diffusion_model.final_layer.adaLN_modulation.1.weight", 2, SHAPE(8, 4) },
	{ "diffusion_model.img_in.weight", 2, SHAPE(8, 4) },
	{ "diffusion_model.img_in.bias", 1, SHAPE(8) },
	{ "diffusion_model.single_blocks.0.norm.key_norm.scale", 1, SHAPE(8) },
};

static void apply(const struct patch_list *list, size_t target, enum dtype dtype)
{
	struct weight_values weight = { .dtype = dtype, .rank = targets[target].rank };
	struct error e = ERROR_INIT;

	memcpy(weight.shape, targets[target].shape, weight.rank * sizeof(*weight.shape));
	weight.values = calloc(adapter_weight_count(&weight), sizeof(*weight.values));
	for (size_t i = 0; weight.values && i < adapter_weight_count(&weight); i++)
		weight.values[i] = (float)i;
	if (weight.values && !patch_weight(list, target, &weight, dtype, &e) && e.kind == ERROR_NONE)
		abort();
	free(weight.values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct lora_file *lora = lora_parse(data, size, "input", &e);
	struct key_map *map = lora ? key_map_new(targets, ARRAY_SIZE(targets), NULL) : NULL;
	struct lora_match *match = map ? lora_match_map(lora, map, &e) : NULL;
	struct patch_use use = { .match = match, .strength = 0.5, .strength_model = 1 };
	struct patch_list list = { .uses = &use, .use_count = 1 };

	if (!match && e.kind == ERROR_NONE)
		abort();
	for (size_t i = 0; match && i < ARRAY_SIZE(targets); i++) {
		list.rules = i % 2 ? &patch_rules_upstream : &patch_rules_ours;
		apply(&list, i, DTYPE_F32);
		apply(&list, i, DTYPE_BF16);
	}
	lora_match_end(match);
	key_map_free(map);
	lora_close(lora);
	return 0;
}
