/* Places are looked at in order; at each the families of its kind are tried, in every layout. Then what the names do not say
 * is settled: the type from the tensors' own types, the latent format from the model beside it. Whether the file is whole is
 * another question, answered by describing the family and looking up each parameter.
 */
#include "core/model/detect/detect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/string.h"
#include "core/model/families/family_autoencoder.h"

/* Where files put models of a kind: checkpoints first, then files of one model. */
static const struct detect_place {
	enum model_kind kind;
	const char *prefix;
} places[] = {
	{ .kind = MODEL_UNET, .prefix = "model.diffusion_model." },
	{ .kind = MODEL_UNET, .prefix = "diffusion_model." },
	{ .kind = MODEL_UNET, .prefix = "model." },
	{ .kind = MODEL_UNET, .prefix = "" },
	{ .kind = MODEL_CLIP, .prefix = "cond_stage_model.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "conditioner.embedders.0.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "conditioner.embedders.1.model." },
	{ .kind = MODEL_CLIP, .prefix = "text_encoders.clip_l.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "text_encoders.clip_g.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "text_encoders.t5xxl.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "text_encoders.umt5xxl.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "text_encoders.llama.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "text_encoders.qwen25_7b.transformer." },
	{ .kind = MODEL_CLIP, .prefix = "transformer." },
	{ .kind = MODEL_CLIP, .prefix = "" },
	{ .kind = MODEL_VAE, .prefix = "first_stage_model." },
	{ .kind = MODEL_VAE, .prefix = "vae." },
	{ .kind = MODEL_VAE, .prefix = "" },
};

const char *detect_layout_name(enum layout layout)
{
	static const char *const names[LAYOUT_COUNT] = { "own", "diffusers", "open_clip" };

	return names[layout];
}

bool detect_is_ignored(const char *name)
{
	static const char *const last[] = { "position_ids", "lm_head.weight", "encoder.embed_tokens.weight",
					    "scaled_fp8",   "scale_weight",   "scale_input",
					    "spiece_model", "logit_scale",    "tekken_model" };
	static const char *const first[] = { "model_ema.", "betas",	     "alphas_cumprod",	"posterior_",
					     "sqrt_",	   "log_one_minus_", "denoiser.sigmas", "lvlb_weights" };
	size_t length = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
		if (length >= strlen(last[i]) && strcmp(name + length - strlen(last[i]), last[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		if (strncmp(name, first[i], strlen(first[i])) == 0)
			return true;
	}
	return false;
}

const char *detect_shape_text(unsigned rank, const int64_t *shape, char text[80])
{
	size_t length = 0;

	snprintf(text, 80, "one number");
	for (unsigned i = 0; i < rank && i < TENSOR_RANK_MAX && length < 60; i++)
		length += (size_t)snprintf(text + length, 80 - length, "%s%" PRId64, i ? "x" : "", shape[i]);
	if (rank > TENSOR_RANK_MAX)
		snprintf(text + length, 80 - length, "x...");
	return text;
}

/* ---- recognising ---- */

static uint64_t element_count(const struct tensor_row *row)
{
	unsigned bits = dtype_bits(row->dtype);
	uint64_t count = 1;

	if (!row->quant)
		return bits ? row->size_bytes * 8 / bits : 0;
	for (unsigned i = 0; i < row->rank && i < TENSOR_RANK_MAX; i++) {
		if (__builtin_mul_overflow(count, (uint64_t)row->shape[i], &count))
			return 0; /* a shape that no file of its size has */
	}
	return count;
}

/* The form of 2024, whose `scaled_fp8` says that each Linear has a scale. */
static bool is_old_scale(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".scale_weight") == 0;
}

/* As upstream decides: the type of most elements; of a scaled model, whose Linears are fp8, of the others. */
static void look_at_types(struct detected *part, const struct tensor_table *table)
{
	uint64_t elements[DTYPE_COUNT] = { 0 };
	size_t length = strlen(part->prefix);
	enum dtype most = DTYPE_F32;

	part->scales_linears = tensor_view_find(&(struct tensor_view) { table, part->prefix }, "scaled_fp8") != NULL;
	for (size_t i = 0; i < table->count; i++) {
		const struct tensor_row *row = &table->rows[i];

		if (strncmp(row->name, part->prefix, length) != 0)
			continue;
		part->quantised = part->quantised || row->quant;
		part->scaled = part->scaled || row->scaled;
		if (is_old_scale(row->name))
			part->scales_linears = true;
		else if (!row->scaled && !row->is_scale)
			elements[row->dtype] += element_count(row);
	}
	part->scaled = part->scaled || part->scales_linears;
	if (part->scaled) {
		elements[DTYPE_F8_E4M3] = elements[DTYPE_F8_E5M2] = 0;
		most = DTYPE_BF16;
	}
	for (unsigned i = 0; i < DTYPE_COUNT; i++) {
		if (elements[i] > elements[most])
			most = (enum dtype)i;
	}
	part->dtype = part->scaled && dtype_bits(most) != 16 ? DTYPE_BF16 : most;
}

/* Recognised; with a configuration that makes sense, or with the reason why not. */
static void settle(struct detected *part, const struct tensor_table *table)
{
	const struct family *family = part->family;

	look_at_types(part, table);
	if (config_check(family->fields, part->config, family->name, &part->fault) &&
	    (!family->check || family->check(part->config, family->name, &part->fault)))
		return;
	free(part->config);
	part->config = NULL;
}

static bool try_family(struct detection *found, const struct tensor_view *view, const struct family *family, enum layout layout,
		       struct error *e)
{
	void *config = array_new(1, family->config_size_bytes, e);

	if (!config)
		return false;
	if (!family->detect(view, layout, config) || found->count == DETECTED_MAX) {
		free(config);
		return true;
	}
	found->parts[found->count] =
		(struct detected) { .family = family, .config = config, .prefix = view->prefix, .layout = layout };
	settle(&found->parts[found->count++], view->table);
	return true;
}

/* An autoencoder's latent format is not in its tensors; the model beside it in a checkpoint decides it, as upstream does. */
static void settle_latent_format(struct detection *found)
{
	bool sdxl = false;

	for (size_t i = 0; i < found->count; i++)
		sdxl = sdxl || found->parts[i].family == &family_unet_sdxl;
	for (size_t i = 0; sdxl && i < found->count; i++) {
		struct autoencoder_config *config = found->parts[i].config;

		if (found->parts[i].family == &family_sd_vae && config)
			config->scale = 0.13025;
	}
}

bool detect_models(struct detection *found, const struct tensor_table *table, struct error *e)
{
	found->count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct tensor_view view = { table, places[i].prefix };

		for (const struct family *const *family = families; *family; family++) {
			if ((*family)->kind != places[i].kind || !(*family)->detect)
				continue;
			for (unsigned layout = 0; layout < LAYOUT_COUNT; layout++) {
				if (!try_family(found, &view, *family, (enum layout)layout, e)) {
					detect_free(found);
					return false;
				}
			}
		}
	}
	settle_latent_format(found);
	return true;
}

void detect_free(struct detection *found)
{
	for (size_t i = 0; i < found->count; i++)
		free(found->parts[i].config);
	found->count = 0;
}

/* The prefix under which its tensors are: that of the first place where one of them is. */
static void find_prefix(struct detected *part, const struct tensor_table *table)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct tensor_view view = { table, places[i].prefix };

		if (places[i].kind == part->family->kind && *places[i].prefix && tensor_view_has(&view, "%s", "")) {
			part->prefix = places[i].prefix;
			return;
		}
	}
}

static bool read_word(struct detected *part, const json_t *word, const char *where, struct error *e)
{
	const char *name;
	json_t *config;

	if (!json_get_string(word, "family", where, &name, e) || !json_get_object(word, "config", where, &config, e))
		return false;
	part->family = family_find(name);
	if (!part->family)
		return error_set(e, ERROR_UNSUPPORTED, "%s: family \"%.40s\" is not built in", where, name);
	part->config = array_new(1, part->family->config_size_bytes, e);
	return part->config && family_read_config(part->family, part->config, config, where, e);
}

bool detect_file(struct detection *found, const struct tensor_table *table, const char *metadata, const char *where,
		 struct error *e)
{
	struct detected *part = &found->parts[0];
	json_t *word;
	bool fine;

	if (!metadata)
		return detect_models(found, table, e);
	word = json_parse(metadata, strlen(metadata), where, false, e);
	*part = (struct detected) { .prefix = "" };
	fine = word && read_word(part, word, where, e);
	json_decref(word);
	found->count = 1;
	if (!fine) {
		detect_free(found);
		return false;
	}
	find_prefix(part, table);
	look_at_types(part, table);
	return true;
}

char *detect_word_of_gguf(const struct gguf *file, struct error *e)
{
	struct gguf_value value;
	const char *text;
	size_t length;
	char *word;

	if (!gguf_value_find(file, FAMILY_METADATA, &value) || !(text = gguf_value_text(&value, &length)))
		return NULL;
	word = array_new(length + 1, 1, e);
	if (word)
		memcpy(word, text, length);
	return word;
}

char *detect_word(const struct weights *weights, struct error *e)
{
	const char *word = NULL;

	if (weights->gguf)
		return detect_word_of_gguf(weights->gguf, e);
	if (weights->safetensors)
		word = safetensors_metadata(weights->safetensors, FAMILY_METADATA);
	for (size_t i = 0; weights->shards && !word && i < shards_file_count(weights->shards); i++)
		word = safetensors_metadata(shards_file(weights->shards, i), FAMILY_METADATA);
	return word ? string_copy(word, e) : NULL;
}

/* ---- comparing with the family ---- */

static bool describe(const struct detected *detected, enum layout layout, bool as_module, struct architecture *a,
		     struct error *e)
{
	architecture_begin(a, detected->dtype, e);
	a->layout = layout;
	a->scaled = detected->scales_linears;
	a->as_module = as_module;
	detected->family->describe(detected->config, a);
	return architecture_ok(a);
}

bool detect_describe(const struct detected *detected, bool as_module, struct architecture *a, struct error *e)
{
	return describe(detected, LAYOUT_OWN, as_module, a, e);
}

void detect_file_name(const struct detected *detected, const char *parameter, char name[512])
{
	size_t length = strlen(detected->family->trunk);

	if (detected->layout == LAYOUT_OWN && strncmp(parameter, detected->family->trunk, length) == 0)
		parameter += length;
	snprintf(name, 512, "%s%s", detected->prefix, parameter);
}

/* Block formats fill matrices up to whole blocks in both dimensions. */
static bool is_padded(const struct tensor_row *row, const struct parameter_description *parameter)
{
	int64_t block = row->scaled->format == SCALED_NVFP4 ? 16 : row->scaled->format == SCALED_MXFP8 ? 32 : 1;

	for (unsigned i = 0; i < row->rank; i++) {
		if (row->shape[i] != (parameter->shape[i] + block - 1) / block * block)
			return false;
	}
	return row->rank == 2;
}

static bool same_shape(const struct tensor_row *row, const struct parameter_description *parameter)
{
	if (parameter->rank == 0 && row->rank == 1 && row->shape[0] == 1)
		return true; /* PyTorch takes a list of one for a number */
	if (row->rank != parameter->rank)
		return false;
	if (row->scaled && is_padded(row, parameter))
		return true;
	return memcmp(row->shape, parameter->shape, row->rank * sizeof(*row->shape)) == 0;
}

static void note_missing(struct detected_match *match, const struct parameter_description *parameter, const char *name)
{
	if (parameter->optional)
		return;
	if (match->missing++ == 0)
		snprintf(match->first_missing, sizeof(match->first_missing), "%.*s", (int)sizeof(match->first_missing) - 1,
			 name);
}

static void note_misshapen(struct detected_match *match, const struct parameter_description *parameter,
			   const struct tensor_row *row)
{
	char found[80];
	char wanted[80];

	if (match->misshapen++ != 0)
		return;
	snprintf(match->first_misshapen, sizeof(match->first_misshapen), "%.*s", (int)sizeof(match->first_misshapen) - 1,
		 row->name);
	snprintf(match->shapes, sizeof(match->shapes), "it is %.70s, its family's %.70s",
		 detect_shape_text(row->rank, row->shape, found), detect_shape_text(parameter->rank, parameter->shape, wanted));
	match->misshapen_offset = row->file_offset;
}

bool detect_check(const struct detected *detected, const struct tensor_table *table, struct detected_match *match,
		  struct error *e)
{
	struct tensor_view view = { table, "" };
	struct architecture a;
	bool fine = describe(detected, detected->layout, false, &a, e);

	*match = (struct detected_match) { .wanted = a.parameter_count };
	for (size_t i = 0; fine && i < a.parameter_count; i++) {
		const struct tensor_row *row;
		char name[512];

		detect_file_name(detected, a.parameters[i].name, name);
		row = tensor_view_find(&view, "%s", name);
		if (!row) {
			note_missing(match, &a.parameters[i], name);
			continue;
		}
		match->tensor_count++;
		match->size_bytes += row->scaled && !a.scaled ? row->scaled->size_bytes : row->size_bytes;
		if (!same_shape(row, &a.parameters[i]))
			note_misshapen(match, &a.parameters[i], row);
	}
	architecture_end(&a);
	return fine;
}

bool detect_match_ok(const struct detected *detected, const struct detected_match *match, const char *where, struct error *e)
{
	if (match->missing)
		return error_set(e, ERROR_FORMAT, "%s: of the %zu tensors of a %s model %zu are missing, the first is %s",
				 where, match->wanted, detected->family->name, match->missing, match->first_missing);
	if (match->misshapen)
		return error_set(e, ERROR_FORMAT,
				 "%s: %zu tensors are of another shape than a %s model's; the first is %s, at byte %" PRIu64
				 ": %s",
				 where, match->misshapen, detected->family->name, match->first_misshapen,
				 match->misshapen_offset, match->shapes);
	return true;
}

bool detect_count_unknown(const struct detection *found, const struct tensor_table *table, size_t *count, const char **first,
			  struct error *e)
{
	bool *known = array_new(table->count ? table->count : 1, sizeof(*known), e);
	struct tensor_view view = { table, "" };
	bool fine = known != NULL;

	for (size_t i = 0; fine && i < found->count; i++) {
		const struct detected *part = &found->parts[i];
		struct architecture a = { .block_count = 0 };
		char name[512];

		fine = !part->config || describe(part, part->layout, false, &a, e);
		for (size_t j = 0; fine && j < a.parameter_count; j++) {
			const struct tensor_row *row;

			detect_file_name(part, a.parameters[j].name, name);
			row = tensor_view_find(&view, "%s", name);
			if (row)
				known[row - table->rows] = true;
		}
		architecture_end(&a);
	}
	*count = 0;
	*first = NULL;
	for (size_t i = 0; fine && i < table->count; i++) {
		if (known[i] || table->rows[i].is_scale || detect_is_ignored(table->rows[i].name))
			continue;
		*first = (*count)++ ? *first : table->rows[i].name;
	}
	free(known);
	return fine;
}
