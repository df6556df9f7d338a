#include "core/plan/cost_rows.h"

#include <math.h>
#include <string.h>

#include "core/base/array.h"

#define REFINER "txt_in.individual_token_refiner.blocks.0.mlp.0"

static const struct cost_row rows[] = {
	{ "hunyuan_video", "hunyuan_video_transformer", REFINER, 37761024, 1, 1, 3072, 256, 16, 4, true,
	  { ".img_attn.qkv", ".linear1" }, NULL },
	{ "flux", "flux1_dev_transformer", "single_blocks.0.linear1", 66081792, 1, 1, 3072, 256, 16, 0, true,
	  { ".img_attn.qkv", ".linear1" }, NULL },
	{ "qwen_image", "qwen_image_transformer", "transformer_blocks.0.img_mlp.net.0.proj", 37761024, 2, 1, 3072, 64, 16, 0, true,
	  { ".attn.to_v", NULL }, NULL },
	{ "wan_14b", "wan2.1_i2v_14b", "blocks.0.ffn.0", 70792704, 2, 1, 5120, 512, 16, 4, false,
	  { ".self_attn.v", NULL }, ".cross_attn.q" },
	{ "wan_5b", "wan2.2_ti2v_5b", "blocks.0.ffn.0", 44054528, 2, 1, 3072, 512, 32, 4, false,
	  { ".self_attn.v", NULL }, ".cross_attn.q" },
	{ "mochi", "mochi_transformer", "blocks.0.mlp_x.w1", 50331648, 2, 1, 3072, 256, 16, 6, true,
	  { ".attn.qkv_x", NULL }, NULL },
	{ "ltxv", "ltxv_2b_transformer", "transformer_blocks.0.ff.net.0.proj", 16785408, 2, 1, 2048, 128, 32, 8, false,
	  { ".attn1.to_v", NULL }, ".attn2.to_q" },
	{ "sd15", "sd15_unet", "input_blocks.1.1.transformer_blocks.0.attn1.to_q", 320 * 320, 1, 2, 0, 77, 8, 0, false,
	  { ".attn1.to_v", NULL }, ".attn2.to_q" },
	{ "sdxl", "sdxl_base_unet", "input_blocks.4.1.transformer_blocks.1.attn1.to_q", 640 * 640, 1, 2, 0, 77, 8, 0, false,
	  { ".attn1.to_v", NULL }, ".attn2.to_q" },
};

#define CLIP_QUERY "text_model.encoder.layers.0.self_attn.q_proj"
#define T5_QUERY "encoder.block.0.layer.0.SelfAttention.q"
#define LLAMA_QUERY "model.layers.0.self_attn.q_proj"

static const struct tower_row towers[] = {
	{ "clip_l", NULL, CLIP_QUERY, 768 * 769, 77, false },
	{ "clip_g", NULL, CLIP_QUERY, 1280 * 1281, 77, false },
	{ "umt5", "umt5", T5_QUERY, 4096 * 4096, 512, true },
	{ "t5", NULL, T5_QUERY, 4096 * 4096, 256, true },
	{ "qwen2.5_vl", NULL, LLAMA_QUERY, 3584 * 3585, 128, false },
	{ "llama3", NULL, LLAMA_QUERY, 4096 * 4096, 256, true },
};

const char *cost_inner_name(const char *name)
{
	static const char *const prefixes[] = { "model.diffusion_model.", "diffusion_model." };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return name + strlen(prefixes[i]);
	}
	return name;
}

bool cost_ends_with(const char *name, const char *end)
{
	size_t length = strlen(name);
	size_t wanted = strlen(end);

	return length >= wanted && strcmp(name + length - wanted, end) == 0;
}

bool cost_is_stored(double bytes_per_element, bool may_be_quantised)
{
	static const double widths[] = { 4, 2, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		if (fabs(bytes_per_element - widths[i]) < 0.01 * widths[i])
			return true;
	}
	return may_be_quantised && bytes_per_element > 0.25 && bytes_per_element < 1.1;
}

const struct cost_row *cost_row_find(const struct plan_block *blocks, size_t count, double *bytes_per_element)
{
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		for (size_t i = 0; i < count; i++) {
			if (blocks[i].size_bytes == PLAN_NO_SIZE || strcmp(cost_inner_name(blocks[i].name), rows[r].block) != 0)
				continue;
			*bytes_per_element = (double)blocks[i].size_bytes / rows[r].elements;
			if (cost_is_stored(*bytes_per_element, true))
				return &rows[r];
		}
	}
	return NULL;
}

const struct tower_row *cost_tower_of(const struct plan_block *block, size_t *prefix_length, double *bytes_per_element)
{
	for (size_t i = 0; i < ARRAY_SIZE(towers); i++) {
		const struct tower_row *row = &towers[i];

		if (block->size_bytes == PLAN_NO_SIZE || !cost_ends_with(block->name, row->block) ||
		    (row->word && !strstr(block->name, row->word)))
			continue;
		*prefix_length = strlen(block->name) - strlen(row->block);
		*bytes_per_element = (double)block->size_bytes / row->elements;
		if (cost_is_stored(*bytes_per_element, row->is_quantised))
			return row;
	}
	return NULL;
}
