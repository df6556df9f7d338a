/* Two tables, of diffusion models and of text encoders. A row is known by the name of one block and the number of its
 * elements; the bytes that the block has in a list then say how an element is stored, and a size that no type gives is
 * another model's block.
 */
#include "core/plan/suggest/cost_rows.h"

#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"

static const struct cost_row rows[] = {
	{ .family = "hunyuan_video",
	  .variant = "hunyuan_video_transformer",
	  .block = "txt_in.individual_token_refiner.blocks.0.mlp.0",
	  .elements = 37761024,
	  .other = "single_blocks.0.linear1",
	  .other_elements = 66081792,
	  .passes = 1,
	  .batch = 1,
	  .hidden = 3072,
	  .text_tokens = 256,
	  .pixels = 16,
	  .frames = 4,
	  .is_joint = true,
	  .attention = { ".img_attn.qkv", ".linear1" } },
	{ .family = "flux",
	  .variant = "flux1_dev_transformer",
	  .block = "single_blocks.0.linear1",
	  .elements = 66081792,
	  .other = "double_blocks.0.img_mlp.0",
	  .other_elements = 37761024,
	  .passes = 1,
	  .batch = 1,
	  .hidden = 3072,
	  .text_tokens = 256,
	  .pixels = 16,
	  .is_joint = true,
	  .attention = { ".img_attn.qkv", ".linear1" } },
	{ .family = "qwen_image",
	  .variant = "qwen_image_transformer",
	  .block = "transformer_blocks.0.img_mlp.net.0.proj",
	  .elements = 37761024,
	  .other = "transformer_blocks.0.attn.to_q",
	  .other_elements = 9440256,
	  .passes = 2,
	  .batch = 1,
	  .hidden = 3072,
	  .text_tokens = 64,
	  .pixels = 16,
	  .is_joint = true,
	  .attention = { ".attn.to_v" } },
	{ .family = "wan_14b",
	  .variant = "wan2.1_i2v_14b",
	  .block = "blocks.0.ffn.0",
	  .elements = 70792704,
	  .other = "blocks.0.self_attn.q",
	  .other_elements = 26219520,
	  .passes = 2,
	  .batch = 1,
	  .hidden = 5120,
	  .text_tokens = 512,
	  .pixels = 16,
	  .frames = 4,
	  .attention = { ".self_attn.v" },
	  .cross_attention = ".cross_attn.q" },
	{ .family = "wan_5b",
	  .variant = "wan2.2_ti2v_5b",
	  .block = "blocks.0.ffn.0",
	  .elements = 44054528,
	  .other = "blocks.0.self_attn.q",
	  .other_elements = 9440256,
	  .passes = 2,
	  .batch = 1,
	  .hidden = 3072,
	  .text_tokens = 512,
	  .pixels = 32,
	  .frames = 4,
	  .attention = { ".self_attn.v" },
	  .cross_attention = ".cross_attn.q" },
	{ .family = "mochi",
	  .variant = "mochi_transformer",
	  .block = "blocks.0.mlp_x.w1",
	  .elements = 50331648,
	  .other = "blocks.0.attn.qkv_x",
	  .other_elements = 28311552,
	  .passes = 2,
	  .batch = 1,
	  .hidden = 3072,
	  .text_tokens = 256,
	  .pixels = 16,
	  .frames = 6,
	  .is_joint = true,
	  .attention = { ".attn.qkv_x" } },
	{ .family = "ltxv",
	  .variant = "ltxv_2b_transformer",
	  .block = "transformer_blocks.0.ff.net.0.proj",
	  .elements = 16785408,
	  .other = "transformer_blocks.0.attn1.to_q",
	  .other_elements = 4196352,
	  .absent = "transformer_blocks.28.attn1.to_q",
	  .passes = 2,
	  .batch = 1,
	  .hidden = 2048,
	  .text_tokens = 128,
	  .pixels = 32,
	  .frames = 8,
	  .attention = { ".attn1.to_v" },
	  .cross_attention = ".attn2.to_q" },
	{ .family = "sd15",
	  .variant = "sd15_unet",
	  .block = "input_blocks.1.1.transformer_blocks.0.attn1.to_q",
	  .elements = 320 * 320,
	  .other = "input_blocks.1.1.transformer_blocks.0.ff.net.0.proj",
	  .other_elements = 821760,
	  .passes = 1,
	  .batch = 2,
	  .text_tokens = 77,
	  .pixels = 8,
	  .attention = { ".attn1.to_v" },
	  .cross_attention = ".attn2.to_q" },
	{ .family = "sdxl",
	  .variant = "sdxl_base_unet",
	  .block = "input_blocks.4.1.transformer_blocks.1.attn1.to_q",
	  .elements = 640 * 640,
	  .other = "input_blocks.4.1.transformer_blocks.1.ff.net.0.proj",
	  .other_elements = 3281920,
	  .passes = 1,
	  .batch = 2,
	  .text_tokens = 77,
	  .pixels = 8,
	  .attention = { ".attn1.to_v" },
	  .cross_attention = ".attn2.to_q" },
};

#define CLIP_QUERY "text_model.encoder.layers.0.self_attn.q_proj"
#define T5_QUERY "encoder.block.0.layer.0.SelfAttention.q"
#define LLAMA_QUERY "model.layers.0.self_attn.q_proj"

static const struct tower_row towers[] = {
	{ .family = "clip_l", .block = CLIP_QUERY, .elements = 768 * 769, .tokens = 77 },
	{ .family = "clip_g", .block = CLIP_QUERY, .elements = 1280 * 1281, .tokens = 77 },
	{ .family = "umt5", .word = "umt5", .block = T5_QUERY, .elements = 4096 * 4096, .tokens = 512, .is_quantised = true },
	{ .family = "t5", .block = T5_QUERY, .elements = 4096 * 4096, .tokens = 256, .is_quantised = true },
	{ .family = "qwen2.5_vl", .block = LLAMA_QUERY, .elements = 3584 * 3585, .tokens = 128 },
	{ .family = "llama3", .block = LLAMA_QUERY, .elements = 4096 * 4096, .tokens = 256, .is_quantised = true },
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

bool cost_is_stored(double bytes_per_element, bool may_be_quantised)
{
	static const double widths[] = { 4, 2, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		if (fabs(bytes_per_element - widths[i]) < 0.01 * widths[i])
			return true;
	}
	return may_be_quantised && bytes_per_element > 0.25 && bytes_per_element < 1.1;
}

/* Bytes of the block of this name within the model; 0 if it has no such block. */
static double bytes_of(const struct plan_block *blocks, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(cost_inner_name(blocks[i].name), name) == 0 && blocks[i].size_bytes != PLAN_NO_SIZE)
			return (double)blocks[i].size_bytes;
	}
	return 0;
}

static bool is_row(const struct cost_row *row, const struct plan_block *blocks, size_t count, double *bytes_per_element)
{
	double other = bytes_of(blocks, count, row->other) / row->other_elements;

	*bytes_per_element = bytes_of(blocks, count, row->block) / row->elements;
	return cost_is_stored(*bytes_per_element, true) &&
	       (other <= 0 || fabs(other - *bytes_per_element) < 0.1 * *bytes_per_element) &&
	       (!row->absent || bytes_of(blocks, count, row->absent) <= 0);
}

const struct cost_row *cost_row_find(const struct plan_block *blocks, size_t count, double *bytes_per_element)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (is_row(&rows[i], blocks, count, bytes_per_element))
			return &rows[i];
	}
	*bytes_per_element = (double)NAN;
	return NULL;
}

const struct tower_row *cost_tower_of(const struct plan_block *block, size_t *prefix_length, double *bytes_per_element)
{
	for (size_t i = 0; i < ARRAY_SIZE(towers); i++) {
		const struct tower_row *row = &towers[i];

		if (block->size_bytes == PLAN_NO_SIZE || !string_ends_with(block->name, row->block) ||
		    (row->word && !strstr(block->name, row->word)))
			continue;
		*prefix_length = strlen(block->name) - strlen(row->block);
		*bytes_per_element = (double)block->size_bytes / row->elements;
		if (cost_is_stored(*bytes_per_element, row->is_quantised))
			return row;
	}
	return NULL;
}
