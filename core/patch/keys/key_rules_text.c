/* Names of text encoders: the plain way for every one of them; kohya's, diffusers' and OneTrainer's for CLIP and T5. */
#include "core/base/array.h"
#include "core/patch/keys/key_rules.h"

#define CLIP_MODULES_SHOWN 32 /* layers that upstream looks at */

static void add_text(struct key_builder *b)
{
	size_t count;
	const struct key_target *targets = key_targets(b, &count);
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];

	for (size_t i = 0; i < count; i++) {
		if (!key_between(targets[i].key, "", ".weight", module) ||
		    key_between(targets[i].key, "diffusion_model.", "", name))
			continue;
		key_print(name, "text_encoders.%s", module);
		key_add(b, name, targets[i].key);
	}
}

const struct key_rules key_rules_text = { .name = "text encoder", .add = add_text };

/* ---- CLIP ---- */

static const char *const clip_modules[] = {
	"mlp.fc1", "mlp.fc2", "self_attn.k_proj", "self_attn.q_proj", "self_attn.v_proj", "self_attn.out_proj",
};

static bool has_clip(const struct key_builder *b, const char *encoder)
{
	return key_find(b, "%s.transformer.text_model.encoder.layers.0.mlp.fc1.weight", encoder) != NULL;
}

/* By kohya's prefix ("lora_te1") the flat name, by diffusers' ("text_encoder") the dotted one. */
static void add_clip_module(struct key_builder *b, const struct key_target *target, int layer, const char *module,
			    const char *kohya, const char *diffusers)
{
	char name[KEY_MAX_BYTES];

	key_print(name, "%s.text_model.encoder.layers.%d.%s", kohya, layer, module);
	key_underscore(name);
	key_add(b, name, target->key);
	if (!diffusers)
		return;
	key_print(name, "%s.text_model.encoder.layers.%d.%s", diffusers, layer, module);
	key_add(b, name, target->key);
}

static void add_clip_encoder(struct key_builder *b, const char *encoder, const char *kohya, const char *diffusers)
{
	for (int layer = 0; layer < CLIP_MODULES_SHOWN; layer++) {
		for (size_t i = 0; i < ARRAY_SIZE(clip_modules); i++) {
			const struct key_target *target = key_find(b, "%s.transformer.text_model.encoder.layers.%d.%s.weight",
								   encoder, layer, clip_modules[i]);

			if (target)
				add_clip_module(b, target, layer, clip_modules[i], kohya, diffusers);
		}
	}
}

static void add_projection(struct key_builder *b, const char *encoder, const char *name)
{
	const struct key_target *target = key_find(b, "%s.transformer.text_projection.weight", encoder);

	if (target)
		key_add(b, name, target->key);
}

/* The second of two encoders has numbered names; alone it has the first's, and Stable Cascade's. */
static void add_clip(struct key_builder *b)
{
	static const char *const first[] = { "clip_h", "clip_l" };

	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		add_clip_encoder(b, first[i], "lora_te", "text_encoder");
		add_clip_encoder(b, first[i], "lora_te1", NULL);
	}
	if (has_clip(b, "clip_l")) {
		add_clip_encoder(b, "clip_g", "lora_te2", "text_encoder_2");
	} else {
		add_clip_encoder(b, "clip_g", "lora_te", "text_encoder");
		add_clip_encoder(b, "clip_g", "lora_prior_te", NULL);
	}
	add_projection(b, "clip_g", "lora_prior_te_text_projection");
	add_projection(b, "clip_g", "lora_te2_text_projection");
	add_projection(b, "clip_l", "lora_te1_text_projection");
}

const struct key_rules key_rules_clip = { .name = "CLIP", .add = add_clip };

/* ---- T5 ---- */

static void add_t5_number(struct key_builder *b, int number)
{
	size_t count;
	const struct key_target *targets = key_targets(b, &count);
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];

	for (size_t i = 0; i < count; i++) {
		if (!key_between(targets[i].key, "t5xxl.transformer.", ".weight", module))
			continue;
		key_underscore(module);
		key_print(name, "lora_te%d_%s", number, module);
		key_add(b, name, targets[i].key);
	}
}

/* T5's number is one more than that of the encoders before it; after CLIP-L alone it answers to two numbers. */
static void add_t5(struct key_builder *b)
{
	int number = 1 + has_clip(b, "clip_g") + has_clip(b, "clip_l");

	add_t5_number(b, number);
	if (has_clip(b, "clip_l") && number == 2)
		add_t5_number(b, 3);
}

const struct key_rules key_rules_t5 = { .name = "T5", .mark = "t5xxl.transformer.shared.weight", .add = add_t5 };
