#include "core/plan/profile.h"

#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/plan_model.h"

/* Every row but the last is a diffusion transformer. A token is a square of pixels over some frames; attention is over all tokens. */
static const struct profile_row {
	const char *family;
	const char *block; /* by whose elements it is known */
	double elements;
	double passes;
	unsigned layers, hidden; /* attention's */
	unsigned text_tokens;
	unsigned pixels; /* a token's side */
	unsigned frames; /* latent frames are (frames - 1) / this + 1; 0: no video */
} rows[] = {
	{ "hunyuan_video", "txt_in.individual_token_refiner.blocks.0.mlp.0", 37761024, 1, 60, 3072, 256, 16, 4 },
	{ "flux", "single_blocks.0.linear1", 66081792, 1, 57, 3072, 256, 16, 0 },
	{ "qwen_image", "transformer_blocks.0.img_mlp.net.0.proj", 37761024, 2, 60, 3072, 64, 16, 0 },
	{ "wan_14b", "blocks.0.ffn.0", 70792704, 2, 40, 5120, 512, 16, 4 },
	{ "wan_5b", "blocks.0.ffn.0", 44054528, 2, 30, 3072, 512, 32, 4 },
	{ "mochi", "blocks.0.mlp_x.w1", 50331648, 2, 48, 3072, 256, 16, 6 },
	{ "ltxv", "transformer_blocks.0.ff.net.0.proj", 16785408, 2, 28, 2048, 128, 32, 8 },
};

/* The name within the model: what a load list or a checkpoint puts before it has a "mod" in it, too. */
static const char *inner_name(const char *name)
{
	static const char *const prefixes[] = { "model.diffusion_model.", "diffusion_model." };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return name + strlen(prefixes[i]);
	}
	return name;
}

/* Whether so many bytes can be so many elements: 32, 16 or 8 bits each, an 8-bit one with its scales, or fewer where quantised. */
static bool is_stored(double bytes_per_element)
{
	static const double widths[] = { 4, 2, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		if (fabs(bytes_per_element - widths[i]) < 0.01 * widths[i])
			return true;
	}
	return bytes_per_element > 0.25 && bytes_per_element < 1.1;
}

static const struct profile_row *find_row(const struct plan_block *blocks, size_t count, double *bytes_per_element)
{
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		for (size_t i = 0; i < count; i++) {
			if (blocks[i].size_bytes == PLAN_NO_SIZE || strcmp(inner_name(blocks[i].name), rows[r].block) != 0)
				continue;
			*bytes_per_element = (double)blocks[i].size_bytes / rows[r].elements;
			if (is_stored(*bytes_per_element))
				return &rows[r];
		}
	}
	return NULL;
}

static double image_tokens(const struct profile_row *row, const struct picture *picture)
{
	unsigned after_first = picture->frames ? picture->frames - 1 : 0;
	unsigned frames = row->frames ? after_first / row->frames + 1 : 1;

	return ceil((double)picture->width / row->pixels) * ceil((double)picture->height / row->pixels) * frames;
}

static bool contains_any(const char *name, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(name, words[i]))
			return true;
	}
	return false;
}

/* Modulation and embeddings of time see one vector, the text's own weights the text, single blocks both, all others the picture. */
static double block_tokens(const char *name, double image, double text)
{
	static const char *const once[] = { "mod",	 "adaLN",	"adaln",      "time_",
					    "vector_in", "guidance_in", "t_embedder", "c_embedder" };
	static const char *const of_text[] = { "txt_",	       "text_", "add_",	      "caption",    "cross_attn.k",
					       "cross_attn.v", "_y",	"to_add_out", "attn2.to_k", "attn2.to_v" };

	name = inner_name(name);
	if (contains_any(name, once, ARRAY_SIZE(once)))
		return 1;
	if (contains_any(name, of_text, ARRAY_SIZE(of_text)))
		return text;
	return strstr(name, "single_blocks") ? image + text : image;
}

static double pass_flops(const struct profile_row *row, double bytes_per_element, const struct plan_block *blocks, size_t count,
			 const struct picture *picture)
{
	double image = image_tokens(row, picture);
	double tokens = image + row->text_tokens;
	double flops = 4.0 * row->layers * row->hidden * tokens * tokens;

	for (size_t i = 0; i < count; i++) {
		if (blocks[i].size_bytes == PLAN_NO_SIZE)
			continue;
		flops += 2.0 * (double)blocks[i].size_bytes / bytes_per_element *
			 block_tokens(blocks[i].name, image, row->text_tokens);
	}
	return flops;
}

struct model_profile profile_model(const struct plan_block *blocks, size_t block_count, const struct picture *picture)
{
	struct model_profile profile = {
		.family = "unknown", .bytes_per_element = (double)NAN, .passes = 1, .flops = (double)NAN
	};
	double bytes_per_element;
	const struct profile_row *row = find_row(blocks, block_count, &bytes_per_element);

	if (!row)
		return profile;
	profile.family = row->family;
	profile.is_video = row->frames > 0;
	profile.bytes_per_element = bytes_per_element;
	profile.passes = row->passes;
	profile.flops = pass_flops(row, bytes_per_element, blocks, block_count, picture);
	return profile;
}

struct predict_terms profile_terms(const struct model_profile *profile, const struct device_description *compute)
{
	bool is_eight_bits = fabs(profile->bytes_per_element - 1) < 0.01;

	/* Quantised blocks cross as they are stored, whatever the link. */
	return (struct predict_terms) { .passes = profile->passes,
					.resident_seconds = profile->passes * profile->flops / compute->flops_per_s,
					.expansion = is_eight_bits ? 2 : 1,
					.converts_at_source = true };
}

size_t profile_load(const struct plan *plan, const struct plan_block *blocks, const struct topology *topology, unsigned compute,
		    struct predict_load *load)
{
	unsigned last = DEVICE_MAX;
	size_t runs = 0;

	*load = (struct predict_load) { .bytes_on = { 0 } };
	for (size_t i = 0; i < plan->block_count; i++) {
		uint64_t size = blocks[i].size_bytes;
		uint32_t row = plan->share_of[i];
		int found = row == PLAN_NO_DEVICE ? -1 : plan_find_device(topology, plan->shares[row].name);
		unsigned device = found < 0 ? compute : (unsigned)found;

		if (size == PLAN_NO_SIZE || size == 0)
			continue;
		load->bytes_on[device] += size;
		load->copies_on[device]++;
		runs += device != last;
		last = device;
	}
	return runs;
}
