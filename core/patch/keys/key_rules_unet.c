/* Names of diffusion models: the plain way and kohya's, for every one of them; diffusers' names of Stable Diffusion's UNet. */
#include "core/base/array.h"
#include "core/patch/keys/key_rules.h"

#include <string.h>

#define UNET "diffusion_model."

static void add_unet(struct key_builder *b)
{
	size_t count;
	const struct key_target *targets = key_targets(b, &count);
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];

	for (size_t i = 0; i < count; i++) {
		const char *key = targets[i].key;

		if (key_between(key, UNET, ".weight", module)) {
			key_print(name, UNET "%s", module);
			key_add(b, name, key);
			key_underscore(module);
			key_print(name, "lora_unet_%s", module);
			key_add(b, name, key);
		} else if (key_between(key, UNET, "", module)) {
			key_add(b, key, key);
		}
	}
}

const struct key_rules key_rules_unet = { .name = "diffusion model", .add = add_unet };

/* ---- Stable Diffusion, by diffusers ---- */

struct renamed {
	const char *theirs, *ours;
};

static const struct renamed resnet[] = {
	{ .theirs = "norm1", .ours = "in_layers.0" },	       { .theirs = "conv1", .ours = "in_layers.2" },
	{ .theirs = "time_emb_proj", .ours = "emb_layers.1" }, { .theirs = "norm2", .ours = "out_layers.0" },
	{ .theirs = "conv2", .ours = "out_layers.3" },	       { .theirs = "conv_shortcut", .ours = "skip_connection" },
};

static const char *const attention[] = { "norm", "proj_in", "proj_out" };

static const char *const transformer[] = {
	"norm1",      "norm2",	    "norm3",	  "attn1.to_q",	    "attn1.to_k",    "attn1.to_v", "attn1.to_out.0",
	"attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2",
};

static const struct renamed outermost[] = {
	{ .theirs = "time_embedding.linear_1", .ours = "time_embed.0" },
	{ .theirs = "time_embedding.linear_2", .ours = "time_embed.2" },
	{ .theirs = "class_embedding.linear_1", .ours = "label_emb.0.0" },
	{ .theirs = "class_embedding.linear_2", .ours = "label_emb.0.2" },
	{ .theirs = "add_embedding.linear_1", .ours = "label_emb.0.0" },
	{ .theirs = "add_embedding.linear_2", .ours = "label_emb.0.2" },
	{ .theirs = "conv_in", .ours = "input_blocks.0.0" },
	{ .theirs = "conv_norm_out", .ours = "out.0" },
	{ .theirs = "conv_out", .ours = "out.2" },
};

/* diffusers' own file names say "processor" where an attention's products are, and drop the index of the last. */
static void add_processors(struct key_builder *b, const char *prefix, const char *theirs, const char *key)
{
	char name[KEY_MAX_BYTES];
	char module[KEY_MAX_BYTES];
	size_t length;

	key_print(name, "%s%s", prefix, theirs);
	key_replace(name, ".to_", ".processor.to_");
	length = strlen(name);
	if (key_between(name, "", ".to_out.0", module))
		name[length - 2] = '\0';
	key_add(b, name, key);
}

static void add_ldm_name(struct key_builder *b, const char *theirs, const char *ours)
{
	char key[KEY_MAX_BYTES];
	char flat[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];

	key_print(key, UNET "%s.weight", ours);
	key_print(flat, "%s", theirs);
	key_underscore(flat);
	key_print(name, "lora_unet_%s", flat);
	key_add(b, name, key);
	key_print(name, "lycoris_%s", flat);
	key_add(b, name, key);
	add_processors(b, "", theirs, key);
	add_processors(b, "unet.", theirs, key);
}

static void add_below(struct key_builder *b, const char *theirs, const char *their_part, const char *ours, const char *our_part)
{
	char from[KEY_MAX_BYTES];
	char to[KEY_MAX_BYTES];

	key_print(from, "%s.%s", theirs, their_part);
	key_print(to, "%s.%s", ours, our_part);
	add_ldm_name(b, from, to);
}

static void add_resnet(struct key_builder *b, const char *theirs, const char *ours)
{
	for (size_t i = 0; i < ARRAY_SIZE(resnet); i++)
		add_below(b, theirs, resnet[i].theirs, ours, resnet[i].ours);
}

static bool has_attention(const struct key_builder *b, const char *ours)
{
	return key_find(b, UNET "%s.proj_in.weight", ours) != NULL;
}

static void add_attention(struct key_builder *b, const char *theirs, const char *ours)
{
	char part[KEY_MAX_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(attention); i++)
		add_below(b, theirs, attention[i], ours, attention[i]);
	for (int t = 0; key_find(b, UNET "%s.transformer_blocks.%d.norm1.weight", ours, t); t++) {
		for (size_t i = 0; i < ARRAY_SIZE(transformer); i++) {
			key_print(part, "transformer_blocks.%d.%s", t, transformer[i]);
			add_below(b, theirs, part, ours, part);
		}
	}
}

/* A resnet and, where there is one, the attention after it. Returns whether there was. */
static bool add_pair(struct key_builder *b, const char *side, int level, int i, const char *ours_side, int n)
{
	char theirs[KEY_MAX_BYTES];
	char ours[KEY_MAX_BYTES];

	key_print(theirs, "%s.%d.resnets.%d", side, level, i);
	key_print(ours, "%s.%d.0", ours_side, n);
	add_resnet(b, theirs, ours);
	key_print(ours, "%s.%d.1", ours_side, n);
	if (!has_attention(b, ours))
		return false;
	key_print(theirs, "%s.%d.attentions.%d", side, level, i);
	add_attention(b, theirs, ours);
	return true;
}

/* What changes the size at a level's end has a name even at the last level, which has none. */
static void add_sampler(struct key_builder *b, const char *side, int level, const char *kind, const char *ours)
{
	char theirs[KEY_MAX_BYTES];

	key_print(theirs, "%s.%d.%s.0.conv", side, level, kind);
	add_ldm_name(b, theirs, ours);
}

static bool has_resnet(const struct key_builder *b, const char *side, int n)
{
	return key_find(b, UNET "%s.%d.0.in_layers.0.weight", side, n) != NULL;
}

/* Returns the number of resnets of a level: all levels have the same. */
static int add_down(struct key_builder *b)
{
	char ours[KEY_MAX_BYTES];
	int per_level = 0;
	int n = 1;

	for (int level = 0; has_resnet(b, "input_blocks", n); level++) {
		int i = 0;

		for (; has_resnet(b, "input_blocks", n); i++)
			add_pair(b, "down_blocks", level, i, "input_blocks", n++);
		per_level = i;
		key_print(ours, "input_blocks.%d.0.op", n++);
		add_sampler(b, "down_blocks", level, "downsamplers", ours);
	}
	return per_level;
}

static void add_middle(struct key_builder *b)
{
	add_attention(b, "mid_block.attentions.0", "middle_block.1");
	add_resnet(b, "mid_block.resnets.0", "middle_block.0");
	add_resnet(b, "mid_block.resnets.1", "middle_block.2");
}

static void add_up(struct key_builder *b, int per_level)
{
	char ours[KEY_MAX_BYTES];
	int n = 0;

	for (int level = 0; per_level > 0 && has_resnet(b, "output_blocks", n); level++) {
		for (int i = 0; i < per_level; i++, n++) {
			bool attends = add_pair(b, "up_blocks", level, i, "output_blocks", n);

			if (i < per_level - 1)
				continue;
			key_print(ours, "output_blocks.%d.%d.conv", n, attends ? 2 : 1);
			add_sampler(b, "up_blocks", level, "upsamplers", ours);
		}
	}
}

static void add_ldm(struct key_builder *b)
{
	int per_level = add_down(b);

	add_middle(b);
	add_up(b, per_level + 1);
	for (size_t i = 0; i < ARRAY_SIZE(outermost); i++)
		add_ldm_name(b, outermost[i].theirs, outermost[i].ours);
}

const struct key_rules key_rules_ldm = {
	.name = "Stable Diffusion's UNet",
	.mark = UNET "input_blocks.0.0.weight",
	.add = add_ldm,
};
