/* Three tables: what stands before the names of a checkpoint's parts, what full names begin with, and by which tensor a file
 * of one text encoder is known. A file's prefix is found once; each name then costs a comparison with the rows of two
 * tables.
 */
#include "core/patch/keys/file_keys.h"

#include <string.h>

#include "core/base/array.h"

/* Parts of a checkpoint, by what stands before their tensors' names. */
static const struct {
	const char *theirs, *ours;
} checkpoint_parts[] = {
	{ .theirs = "model.diffusion_model.", .ours = "diffusion_model." },
	{ .theirs = "cond_stage_model.transformer.", .ours = "clip_l.transformer." },
	{ .theirs = "conditioner.embedders.0.transformer.", .ours = "clip_l.transformer." },
	{ .theirs = "text_encoders.", .ours = "" },
};

/* Names that are full already. */
static const char *const full[] = { "diffusion_model.", "clip_l.",  "clip_g.", "clip_h.",
				    "t5xxl.",		"umt5xxl.", "llama.",  "qwen25_7b." };

/* Files of one text encoder, by a tensor that the others have not. The first that is there decides. */
static const struct {
	const char *mark, *prefix;
} encoders[] = {
	{ .mark = "text_model.encoder.layers.30.mlp.fc1.weight", .prefix = "clip_g.transformer." },
	{ .mark = "text_model.encoder.layers.22.mlp.fc1.weight", .prefix = "clip_h.transformer." },
	{ .mark = "text_model.encoder.layers.0.mlp.fc1.weight", .prefix = "clip_l.transformer." },
	{ .mark = "transformer.text_model.encoder.layers.0.mlp.fc1.weight", .prefix = "clip_l." },
	{ .mark = "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", .prefix = "umt5xxl.transformer." },
	{ .mark = "encoder.block.0.layer.0.SelfAttention.q.weight", .prefix = "t5xxl.transformer." },
	{ .mark = "transformer.encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", .prefix = "umt5xxl." },
	{ .mark = "transformer.encoder.block.0.layer.0.SelfAttention.q.weight", .prefix = "t5xxl." },
	{ .mark = "model.layers.0.self_attn.q_proj.bias", .prefix = "qwen25_7b.transformer." },
	{ .mark = "model.layers.0.self_attn.q_proj.weight", .prefix = "llama.transformer." },
};

const char *file_key_prefix(const struct tensor_table *table)
{
	const struct tensor_view view = { table, "" };

	for (size_t i = 0; i < ARRAY_SIZE(encoders); i++) {
		if (tensor_view_find(&view, "%s", encoders[i].mark))
			return encoders[i].prefix;
	}
	return tensor_view_has(&view, "%s", checkpoint_parts[0].theirs) ? "" : "diffusion_model.";
}

void file_key(const char *prefix, const char *name, char key[KEY_MAX_BYTES])
{
	for (size_t i = 0; i < ARRAY_SIZE(checkpoint_parts); i++) {
		size_t length = strlen(checkpoint_parts[i].theirs);

		if (strncmp(name, checkpoint_parts[i].theirs, length) == 0) {
			key_print(key, "%s%s", checkpoint_parts[i].ours, name + length);
			return;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(full); i++) {
		if (strncmp(name, full[i], strlen(full[i])) == 0) {
			key_print(key, "%s", name);
			return;
		}
	}
	key_print(key, "%s%s", prefix, name);
}
