/* Text encoders that two files make under one patcher. Their configurations are the two encoders', by upstream's prefixes. */
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/model/families/family.h"
#include "core/model/families/family_text.h"

static const struct config_field no_fields[] = { CONFIG_END };

/* One of the two, where it lies in the pair's configuration. */
struct encoder_part {
	const struct family *family;
	size_t offset;
};

static const struct encoder_part flux_parts[2] = {
	{ .family = &family_clip_l, .offset = offsetof(struct flux_text_config, clip) },
	{ .family = &family_t5, .offset = offsetof(struct flux_text_config, t5) },
};
static const struct encoder_part sdxl_parts[2] = {
	{ .family = &family_clip_l, .offset = offsetof(struct sdxl_text_config, clip_l) },
	{ .family = &family_clip_g, .offset = offsetof(struct sdxl_text_config, clip_g) },
};
static const struct encoder_part hunyuan_parts[2] = {
	{ .family = &family_clip_l, .offset = offsetof(struct hunyuan_text_config, clip) },
	{ .family = &family_llama3, .offset = offsetof(struct hunyuan_text_config, llama) },
};

/* "clip_l." without its dot. */
static const char *key_of(const struct encoder_part *part, char key[32])
{
	size_t length = strlen(part->family->root) - 1;

	memcpy(key, part->family->root, length);
	key[length] = '\0';
	return key;
}

static bool read_parts(const struct encoder_part parts[2], void *config, const json_t *object, const char *where,
		       struct error *e)
{
	for (int i = 0; i < 2; i++) {
		json_t *part;
		char key[32];

		if (!json_get_object(object, key_of(&parts[i], key), where, &part, e) ||
		    !family_read_config(parts[i].family, (char *)config + parts[i].offset, part, where, e))
			return false;
	}
	return true;
}

static bool write_parts(const struct encoder_part parts[2], const void *config, json_t *object)
{
	for (int i = 0; i < 2; i++) {
		char key[32];

		if (json_object_set_new(object, key_of(&parts[i], key),
					family_write_config(parts[i].family, (const char *)config + parts[i].offset, NULL)) !=
		    0)
			return false;
	}
	return true;
}

/* Of eight bits is the larger encoder alone: upstream gives CLIP the platform's type, not its file's. */
static enum dtype dtype_of(const struct encoder_part *part, const struct architecture *a)
{
	bool is_clip = part->family == &family_clip_l || part->family == &family_clip_g;

	return a->as_module && is_clip && dtype_bits(a->dtype) == 8 ? DTYPE_F16 : a->dtype;
}

static void describe_parts(const struct encoder_part parts[2], const void *config, struct architecture *a)
{
	enum dtype dtype = a->dtype;

	for (int i = 0; i < 2; i++) {
		size_t outside = architecture_enter(a, "%s", parts[i].family->root);

		a->dtype = dtype_of(&parts[i], a);
		parts[i].family->describe((const char *)config + parts[i].offset, a);
		architecture_leave(a, outside);
		a->dtype = dtype;
	}
}

#define PAIR_FUNCTIONS(pair)                                                                                                   \
	static bool pair##_read(void *config, const json_t *object, const char *where, struct error *e)                        \
	{                                                                                                                      \
		return read_parts(pair##_parts, config, object, where, e);                                                     \
	}                                                                                                                      \
	static bool pair##_write(const void *config, json_t *object)                                                           \
	{                                                                                                                      \
		return write_parts(pair##_parts, config, object);                                                              \
	}                                                                                                                      \
	static void pair##_describe(const void *config, struct architecture *a)                                                \
	{                                                                                                                      \
		describe_parts(pair##_parts, config, a);                                                                       \
	}

PAIR_FUNCTIONS(flux)
PAIR_FUNCTIONS(sdxl)
PAIR_FUNCTIONS(hunyuan)

/* ---- making a pair of two ---- */

static const struct {
	const struct family *pair;
	const struct encoder_part *parts;
} pairs[] = {
	{ .pair = &family_flux_text, .parts = flux_parts },
	{ .pair = &family_sdxl_text, .parts = sdxl_parts },
	{ .pair = &family_hunyuan_text, .parts = hunyuan_parts },
};

const struct family *family_pair(const struct family *first, const struct family *second)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct encoder_part *parts = pairs[i].parts;

		if ((parts[0].family == first && parts[1].family == second) ||
		    (parts[0].family == second && parts[1].family == first))
			return pairs[i].pair;
	}
	return NULL;
}

bool family_pair_parts(const struct family *pair, const struct family *parts[2])
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i].pair != pair)
			continue;
		parts[0] = pairs[i].parts[0].family;
		parts[1] = pairs[i].parts[1].family;
		return true;
	}
	return false;
}

void family_pair_put(const struct family *pair, void *config, const struct family *part, const void *part_config)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		for (size_t j = 0; pairs[i].pair == pair && j < 2; j++) {
			if (pairs[i].parts[j].family == part)
				memcpy((char *)config + pairs[i].parts[j].offset, part_config, part->config_size_bytes);
		}
	}
}

/* Checkpoints. */
static const struct family_file flux_files[] = {
	{ .begins = "flux1-small", .small = true },
	{ .begins = "flux1-dev" },
	{ .begins = NULL },
};

const struct family family_flux_text = {
	.name = "flux_text",
	.summary = "CLIP-L and T5 under one patcher, as FLUX uses them",
	.kind = MODEL_CLIP,
	.root = "",
	.trunk = "",
	.buffer_bytes = 8,
	.config_size_bytes = sizeof(struct flux_text_config),
	.fields = no_fields,
	.read_more = flux_read,
	.write_more = flux_write,
	.describe = flux_describe,
	.files = flux_files,
};

const struct family family_sdxl_text = {
	.name = "sdxl_text",
	.summary = "CLIP-L and CLIP-G under one patcher, as SDXL uses them",
	.kind = MODEL_CLIP,
	.root = "",
	.trunk = "",
	.buffer_bytes = 8,
	.config_size_bytes = sizeof(struct sdxl_text_config),
	.fields = no_fields,
	.read_more = sdxl_read,
	.write_more = sdxl_write,
	.describe = sdxl_describe,
};

const struct family family_hunyuan_text = {
	.name = "hunyuan_text",
	.summary = "CLIP-L and Llama 3 under one patcher, as HunyuanVideo uses them",
	.kind = MODEL_CLIP,
	.root = "",
	.trunk = "",
	.buffer_bytes = 8,
	.config_size_bytes = sizeof(struct hunyuan_text_config),
	.fields = no_fields,
	.read_more = hunyuan_read,
	.write_more = hunyuan_write,
	.describe = hunyuan_describe,
};
