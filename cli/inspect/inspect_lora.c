/* A LoRA's file: the kinds of its adapters, their ranks, and the model that it is for. That is nowhere said in a way that all trainers
 * share, but each model's modules have names that no other's have, under all the ways in which trainers write them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inspect/inspect.h"
#include "core/base/array.h"
#include "core/base/string.h"

/* What a LoRA file's names end in: the factor whose first dimension is the rank, and what the kind is called. */
static const struct {
	const char *ending, *kind;
	unsigned rank_axis;
} lora_endings[] = {
	{ .ending = ".lora_down.weight", .kind = "LoRA" },
	{ .ending = ".lora_A.weight", .kind = "LoRA" },
	{ .ending = ".lora.down.weight", .kind = "LoRA" },
	{ .ending = "_lora.down.weight", .kind = "LoRA" },
	{ .ending = ".hada_w1_b", .kind = "LoHa" },
	{ .ending = ".lokr_w1", .kind = "LoKr" },
	{ .ending = ".lokr_w1_b", .kind = "LoKr" },
	{ .ending = ".a1.weight", .kind = "GLoRA" },
	{ .ending = ".oft_blocks", .kind = "OFT", .rank_axis = 1 },
	{ .ending = ".dora_scale", .kind = "DoRA", .rank_axis = 1 },
	{ .ending = ".diff", .kind = "full difference", .rank_axis = 1 },
};

static size_t find_ending(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(lora_endings) && !string_ends_with(name, lora_endings[i].ending))
		i++;
	return i;
}

bool inspect_is_lora(const struct tensor_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		if (find_ending(table->rows[i].name) < ARRAY_SIZE(lora_endings))
			return true;
	}
	return false;
}

static const char *side_of(const char *name)
{
	static const char *const encoders[] = { "lora_te", "text_encoder", "te1_", "te2_", "clip_l", "t5xxl" };

	for (size_t i = 0; i < ARRAY_SIZE(encoders); i++) {
		if (strstr(name, encoders[i]) == name)
			return "a text encoder";
	}
	return "the diffusion model";
}

/* Names of modules, points as underscores: kohya writes them so. The first model counts of which one is in any name. */
static const struct lora_model {
	const char *model, *id;
	const char *names[5];
} lora_models[] = {
	{ .model = "FLUX.2", .id = "flux2", .names = { "double_stream_modulation_", "single_stream_modulation_" } },
	{ .model = "Chroma", .id = "chroma", .names = { "distilled_guidance_layer_" } },
	{ .model = "HunyuanVideo",
	  .id = "hunyuan_video",
	  .names = { "individual_token_refiner", "img_attn_q_proj", "img_attn_qkv_fc", "token_refiner_refiner_blocks" } },
	{ .model = "HiDream", .id = "hidream", .names = { "double_stream_blocks_", "single_stream_blocks_" } },
	{ .model = "Qwen-Image",
	  .id = "qwen_image",
	  .names = { "_img_mod_1", "_txt_mod_1", "_img_mlp_net_", "_txt_mlp_net_" } },
	{ .model = "LTX-2", .id = "ltxav", .names = { "_audio_attn1_", "_audio_to_video_attn_", "_video_to_audio_attn_" } },
	{ .model = "Wan",
	  .id = "wan",
	  .names = { "_self_attn_norm_q", "_cross_attn_k_img", "_cross_attn_norm_q", "wan_blocks_" } },
	{ .model = "SD3", .id = "sd3", .names = { "joint_blocks_" } },
	{ .model = "SDXL",
	  .id = "unet_sdxl",
	  .names = { "lora_te2_", "input_blocks_4_1_transformer_blocks_1_", "down_blocks_1_attentions_0_transformer_blocks_1_",
		     "mid_block_attentions_0_transformer_blocks_1_", "middle_block_1_transformer_blocks_1_" } },
	{ .model = "SD1.5",
	  .id = "unet_sd15",
	  .names = { "down_blocks_0_attentions_", "input_blocks_1_1_transformer_blocks_" } },
	{ .model = "FLUX.1", .id = "flux", .names = { "double_blocks_", "single_blocks_", "single_transformer_blocks_" } },
};

/* Whether "MODULE_N_rest" is in the name, for any number. */
static bool has_numbered(const char *name, const char *module, const char *rest)
{
	const char *at = name;

	while ((at = strstr(at, module))) {
		at += strlen(module);
		if (isdigit((unsigned char)*at) && strncmp(at + strspn(at, "0123456789"), rest, strlen(rest)) == 0)
			return true;
	}
	return false;
}

/* Those whose names are told by what follows a block's number. */
static const struct lora_numbered {
	const char *model, *id, *module, *rest;
} lora_numbered[] = {
	{ .model = "Z-Image (or Lumina 2)", .id = "z_image", .module = "layers_", .rest = "_attention_" },
	{ .model = "Z-Image (or Lumina 2)", .id = "z_image", .module = "layers_", .rest = "_feed_forward_w" },
	{ .model = "Z-Image (or Lumina 2)", .id = "z_image", .module = "layers_", .rest = "_adaLN_modulation" },
	{ .model = "Wan", .id = "wan", .module = "blocks_", .rest = "_self_attn_" },
	{ .model = "Wan", .id = "wan", .module = "blocks_", .rest = "_cross_attn_" },
	{ .model = "Wan", .id = "wan", .module = "blocks_", .rest = "_ffn_" },
	{ .model = "Wan, by diffusers", .id = "wan", .module = "blocks_", .rest = "_attn1_to_" },
	{ .model = "LTX-Video", .id = "ltxv", .module = "transformer_blocks_", .rest = "_attn1_to_" },
	{ .model = "FLUX.1, Qwen-Image or SD3", .id = "flux", .module = "transformer_blocks_", .rest = "_attn_" },
};

static bool is_of(const struct lora_model *model, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(model->names) && model->names[i]; i++) {
		if (strstr(name, model->names[i]))
			return true;
	}
	return false;
}

static void flatten(const char *name, char flat[512])
{
	size_t length = 0;

	for (; name[length] && length < 511; length++)
		flat[length] = name[length];
	flat[length] = '\0';
	for (char *at = flat; *at; at++)
		*at = *at == '.' ? '_' : *at;
}

/* The model by any of the names, looked for in the tables' order: a rare name says more than a common one. */
static const char *find_model(const struct tensor_table *table, const char **id)
{
	char name[512];

	for (size_t i = 0; i < ARRAY_SIZE(lora_models); i++) {
		for (size_t j = 0; j < table->count; j++) {
			flatten(table->rows[j].name, name);
			*id = lora_models[i].id;
			if (is_of(&lora_models[i], name))
				return lora_models[i].model;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(lora_numbered); i++) {
		for (size_t j = 0; j < table->count; j++) {
			flatten(table->rows[j].name, name);
			*id = lora_numbered[i].id;
			if (has_numbered(name, lora_numbered[i].module, lora_numbered[i].rest))
				return lora_numbered[i].model;
		}
	}
	*id = NULL;
	return NULL;
}

static void say_model(struct report *report, const struct tensor_table *table)
{
	const char *id;
	const char *model = find_model(table, &id);

	inspect_say(report, "for", "%s", model ? model : "a model that its names do not tell");
	inspect_set(report, "for", id ? json_string(id) : json_null());
}

bool inspect_lora(struct report *report, const struct tensor_table *table, struct error *e)
{
	size_t counts[ARRAY_SIZE(lora_endings)] = { 0 };
	int64_t least = INT64_MAX;
	int64_t most = 0;
	size_t of_encoders = 0;
	size_t modules = 0;

	(void)e;
	inspect_types(report, table);
	for (size_t i = 0; i < table->count; i++) {
		const struct tensor_row *row = &table->rows[i];
		size_t ending = find_ending(row->name);

		if (ending == ARRAY_SIZE(lora_endings))
			continue;
		counts[ending]++;
		modules++;
		of_encoders += strcmp(side_of(row->name), "a text encoder") == 0;
		if (lora_endings[ending].rank_axis == 0 && row->rank >= 2) {
			least = row->shape[0] < least ? row->shape[0] : least;
			most = row->shape[0] > most ? row->shape[0] : most;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(lora_endings); i++) {
		if (counts[i])
			inspect_say(report, "changes", "%zu by %s (%s)", counts[i], lora_endings[i].kind,
				    lora_endings[i].ending);
	}
	inspect_say(report, "of", "the diffusion model %zu, text encoders %zu", modules - of_encoders, of_encoders);
	say_model(report, table);
	if (most)
		inspect_say(report, "rank", least == most ? "%lld" : "%lld to %lld", (long long)least, (long long)most);
	if (table->count)
		inspect_say(report, "named", "as in %s", table->rows[0].name);
	inspect_set(report, "modules", json_integer((json_int_t)modules));
	inspect_set(report, "text_encoder_modules", json_integer((json_int_t)of_encoders));
	inspect_set(report, "rank", most ? json_pack("[I,I]", (json_int_t)least, (json_int_t)most) : json_null());
	return true;
}
