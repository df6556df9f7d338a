/* Names of diffusion transformers, beyond those that every diffusion model has. */
#include <stdio.h>

#include "core/base/array.h"
#include "core/patch/keys/key_rules.h"

#define UNET "diffusion_model."

/* ---- FLUX, by diffusers ---- */

/* The parts of a fused product, in rows: three of the model's width, then the rest. */
enum product_part { WHOLE, Q, K, V, REST };

struct flux_name {
	const char *theirs, *ours; /* ours with its ".weight" or ".scale" */
	enum product_part part;
};

static const struct flux_name flux_double[] = {
	{ .theirs = "attn.to_q", .ours = "img_attn.qkv.weight", .part = Q },
	{ .theirs = "attn.to_k", .ours = "img_attn.qkv.weight", .part = K },
	{ .theirs = "attn.to_v", .ours = "img_attn.qkv.weight", .part = V },
	{ .theirs = "attn.add_q_proj", .ours = "txt_attn.qkv.weight", .part = Q },
	{ .theirs = "attn.add_k_proj", .ours = "txt_attn.qkv.weight", .part = K },
	{ .theirs = "attn.add_v_proj", .ours = "txt_attn.qkv.weight", .part = V },
	{ .theirs = "attn.to_out.0", .ours = "img_attn.proj.weight", .part = WHOLE },
	{ .theirs = "attn.to_add_out", .ours = "txt_attn.proj.weight", .part = WHOLE },
	{ .theirs = "attn.norm_q", .ours = "img_attn.norm.query_norm.scale", .part = WHOLE },
	{ .theirs = "attn.norm_k", .ours = "img_attn.norm.key_norm.scale", .part = WHOLE },
	{ .theirs = "attn.norm_added_q", .ours = "txt_attn.norm.query_norm.scale", .part = WHOLE },
	{ .theirs = "attn.norm_added_k", .ours = "txt_attn.norm.key_norm.scale", .part = WHOLE },
	{ .theirs = "norm1.linear", .ours = "img_mod.lin.weight", .part = WHOLE },
	{ .theirs = "norm1_context.linear", .ours = "txt_mod.lin.weight", .part = WHOLE },
	{ .theirs = "ff.net.0.proj", .ours = "img_mlp.0.weight", .part = WHOLE },
	{ .theirs = "ff.net.2", .ours = "img_mlp.2.weight", .part = WHOLE },
	{ .theirs = "ff_context.net.0.proj", .ours = "txt_mlp.0.weight", .part = WHOLE },
	{ .theirs = "ff_context.net.2", .ours = "txt_mlp.2.weight", .part = WHOLE },
};

static const struct flux_name flux_single[] = {
	{ .theirs = "attn.to_q", .ours = "linear1.weight", .part = Q },
	{ .theirs = "attn.to_k", .ours = "linear1.weight", .part = K },
	{ .theirs = "attn.to_v", .ours = "linear1.weight", .part = V },
	{ .theirs = "proj_mlp", .ours = "linear1.weight", .part = REST },
	{ .theirs = "proj_out", .ours = "linear2.weight", .part = WHOLE },
	{ .theirs = "norm.linear", .ours = "modulation.lin.weight", .part = WHOLE },
	{ .theirs = "attn.norm_q", .ours = "norm.query_norm.scale", .part = WHOLE },
	{ .theirs = "attn.norm_k", .ours = "norm.key_norm.scale", .part = WHOLE },
};

static const struct flux_name flux_outermost[] = {
	{ .theirs = "x_embedder", .ours = "img_in.weight", .part = WHOLE },
	{ .theirs = "context_embedder", .ours = "txt_in.weight", .part = WHOLE },
	{ .theirs = "controlnet_x_embedder", .ours = "pos_embed_input.weight", .part = WHOLE },
	{ .theirs = "proj_out", .ours = "final_layer.linear.weight", .part = WHOLE },
	{ .theirs = "time_text_embed.timestep_embedder.linear_1", .ours = "time_in.in_layer.weight", .part = WHOLE },
	{ .theirs = "time_text_embed.timestep_embedder.linear_2", .ours = "time_in.out_layer.weight", .part = WHOLE },
	{ .theirs = "time_text_embed.text_embedder.linear_1", .ours = "vector_in.in_layer.weight", .part = WHOLE },
	{ .theirs = "time_text_embed.text_embedder.linear_2", .ours = "vector_in.out_layer.weight", .part = WHOLE },
	{ .theirs = "time_text_embed.guidance_embedder.linear_1", .ours = "guidance_in.in_layer.weight", .part = WHOLE },
	{ .theirs = "time_text_embed.guidance_embedder.linear_2", .ours = "guidance_in.out_layer.weight", .part = WHOLE },
};

/* The products that are fused have the model's width for their input. */
static struct slice slice_of(const struct key_builder *b, const char *key, enum product_part part)
{
	const struct key_target *target = part == WHOLE ? NULL : key_find(b, "%s", key);
	int64_t width;

	if (!target || target->rank != 2)
		return (struct slice) { .count = 0 };
	width = target->shape[1];
	if (part == REST)
		return (struct slice) { .first = 3 * width, .count = target->shape[0] - 3 * width };
	return (struct slice) { .first = (part - Q) * width, .count = width };
}

/* A module by the three ways of writing diffusers' name: its own, lycoris', OneTrainer's. */
static void add_three(struct key_builder *b, const char *theirs, const char *key, struct slice slice, bool swapped)
{
	static const char *const prefixes[] = { "transformer.", "lycoris_", "lora_transformer_" };
	char name[KEY_MAX_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		key_print(name, "%s%s", prefixes[i], theirs);
		if (i > 0)
			key_underscore(name);
		if (swapped)
			key_add_swapped(b, name, key);
		else
			key_add_slice(b, name, key, slice);
	}
}

static void add_flux_names(struct key_builder *b, const char *theirs, const char *ours, const struct flux_name *names,
			   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[KEY_MAX_BYTES];
		char key[KEY_MAX_BYTES];

		key_print(name, "%s%s", theirs, names[i].theirs);
		key_print(key, UNET "%s%s", ours, names[i].ours);
		add_three(b, name, key, slice_of(b, key, names[i].part), false);
	}
}

static void add_flux(struct key_builder *b)
{
	char theirs[64];
	char ours[64];

	for (int i = 0; key_find(b, UNET "double_blocks.%d.img_attn.qkv.weight", i); i++) {
		snprintf(theirs, sizeof(theirs), "transformer_blocks.%d.", i);
		snprintf(ours, sizeof(ours), "double_blocks.%d.", i);
		add_flux_names(b, theirs, ours, flux_double, ARRAY_SIZE(flux_double));
	}
	for (int i = 0; key_find(b, UNET "single_blocks.%d.linear1.weight", i); i++) {
		const struct key_target *fused = key_find(b, UNET "single_blocks.%d.linear1.weight", i);
		char name[KEY_MAX_BYTES];

		snprintf(theirs, sizeof(theirs), "single_transformer_blocks.%d.", i);
		snprintf(ours, sizeof(ours), "single_blocks.%d.", i);
		add_flux_names(b, theirs, ours, flux_single, ARRAY_SIZE(flux_single));
		key_print(name, UNET "%slinear1_qkv", ours);
		key_add_slice(b, name, fused->key, (struct slice) { .count = fused->rank == 2 ? 3 * fused->shape[1] : 0 });
	}
	add_flux_names(b, "", "", flux_outermost, ARRAY_SIZE(flux_outermost));
	add_three(b, "norm_out.linear", UNET "final_layer.adaLN_modulation.1.weight", (struct slice) { .count = 0 }, true);
}

const struct key_rules key_rules_flux = {
	.name = "FLUX",
	.mark = UNET "double_blocks.0.img_attn.qkv.weight",
	.but_not = UNET "txt_in.individual_token_refiner.blocks.0.norm1.weight",
	.add = add_flux,
};

/* ---- names that follow from the model's own ---- */

/* A name for each weight: prefix and the module's own. */
static void add_prefixed(struct key_builder *b, const char *prefix, bool flat)
{
	size_t count;
	const struct key_target *targets = key_targets(b, &count);
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];

	for (size_t i = 0; i < count; i++) {
		if (!key_between(targets[i].key, UNET, ".weight", module))
			continue;
		if (flat)
			key_underscore(module);
		key_print(name, "%s%s", prefix, module);
		key_add(b, name, targets[i].key);
	}
}

static void add_mochi(struct key_builder *b)
{
	add_prefixed(b, "", false);
}

const struct key_rules key_rules_mochi = { .name = "Mochi", .mark = UNET "t5_yproj.weight", .add = add_mochi };

static void add_qwen_image(struct key_builder *b)
{
	add_prefixed(b, "transformer.", false);
	add_prefixed(b, "", false);
	add_prefixed(b, "lycoris_", true);
}

const struct key_rules key_rules_qwen_image = {
	.name = "Qwen-Image",
	.mark = UNET "transformer_blocks.0.txt_mod.1.weight",
	.add = add_qwen_image,
};

/* Names of HunyuanVideo's first release, which had other ones for a block's products. */
static void add_hunyuan_video(struct key_builder *b)
{
	static const char *const renamed[][2] = {
		{ "_mod.lin.", "_mod.linear." }, { "_attn.qkv.", "_attn_qkv." }, { "_attn.proj.", "_attn_proj." },
		{ "mlp.0.", "mlp.fc1." },	 { "mlp.2.", "mlp.fc2." },	 { ".modulation.lin.", ".modulation.linear." },
	};
	size_t count;
	const struct key_target *targets = key_targets(b, &count);
	char text[KEY_MAX_BYTES];
	char module[KEY_MAX_BYTES];

	for (size_t i = 0; i < count; i++) {
		if (!key_between(targets[i].key, UNET, ".weight", module))
			continue;
		key_print(text, "%s.weight", module);
		for (size_t j = 0; j < ARRAY_SIZE(renamed); j++)
			key_replace(text, renamed[j][0], renamed[j][1]);
		key_between(text, "", ".weight", module);
		key_print(text, "transformer.%s", module);
		key_add(b, text, targets[i].key);
		key_print(text, UNET "%s", module);
		key_add(b, text, targets[i].key);
	}
}

const struct key_rules key_rules_hunyuan_video = {
	.name = "HunyuanVideo",
	.mark = UNET "txt_in.individual_token_refiner.blocks.0.norm1.weight",
	.add = add_hunyuan_video,
};
