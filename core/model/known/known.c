/* known.c - from a file's name to what it holds.
 *
 * The name's last part is lowered and its separators become one, so that "WAN2.2\Wan2.2-T2V-A14B-HighNoise-Q6_K.gguf" reads
 * "wan2_2_t2v_a14b_highnoise_q6_k". Every word of a row must begin a word of it; of all rows that fit, the one that matched the most
 * letters counts, so that "flux1 schnell" is preferred to "flux1". Without a row the kind gives its commonest model, and a number
 * of parameters in the name ("14b") its size.
 */
#include "core/model/known/known.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/base/words.h"
#include "core/model/known/known_table.h"
#include "core/model/recipe.h"

#define NAME_MAX_BYTES 256
#define MILLION 1e6

WORDS_NAME(known_kind_name, enum known_kind, KNOWN_KINDS)

const char *known_source_name(enum known_source source)
{
	return source == KNOWN_BY_TABLE ? "table" : "guess by name";
}

enum known_kind known_kind_of_folder(const char *folder)
{
	static const struct {
		const char *folder;
		enum known_kind kind;
	} others[] = {
		{ .folder = "unet", .kind = KNOWN_DIFFUSION },
		{ .folder = "unet_gguf", .kind = KNOWN_DIFFUSION },
		{ .folder = "clip", .kind = KNOWN_TEXT_ENCODER },
		{ .folder = "clip_gguf", .kind = KNOWN_TEXT_ENCODER },
	};
	static const char *const folders[] = {
#define KNOWN_FOLDER(name, text, folder) folder,
		KNOWN_KINDS(KNOWN_FOLDER)
#undef KNOWN_FOLDER
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		if (*folders[i] && strcmp(folders[i], folder) == 0)
			return (enum known_kind)i;
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (strcmp(others[i].folder, folder) == 0)
			return others[i].kind;
	}
	return KNOWN_HELPER;
}

enum known_kind known_kind_of_input(const char *class, const char *input)
{
	static const struct {
		const char *class; /* its name has this in it; NULL: any class */
		const char *begins;
		enum known_kind kind;
	} inputs[] = {
		{ .class = "CLIPVision", .begins = "clip_name", .kind = KNOWN_CLIP_VISION },
		{ .class = "Upscale", .begins = "model_name", .kind = KNOWN_UPSCALER },
		{ .class = "AudioEncoder", .begins = "audio_encoder_name", .kind = KNOWN_AUDIO_ENCODER },
		{ .class = "ModelPatch", .begins = "name", .kind = KNOWN_MODEL_PATCH },
		{ .class = "LatentUpscale", .begins = "model_name", .kind = KNOWN_LATENT_UPSCALER },
		{ .class = "VAELoader", .begins = "model_name", .kind = KNOWN_VAE },
		{ .class = "TextEncoder", .begins = "model_name", .kind = KNOWN_TEXT_ENCODER },
		{ .class = "LoraSelect", .begins = "lora", .kind = KNOWN_LORA },
		{ .class = "VideoModelLoader", .begins = "model", .kind = KNOWN_DIFFUSION },
		{ .begins = "unet_name", .kind = KNOWN_DIFFUSION },
		{ .begins = "ckpt_name", .kind = KNOWN_CHECKPOINT },
		{ .begins = "clip_name", .kind = KNOWN_TEXT_ENCODER },
		{ .begins = "text_encoder", .kind = KNOWN_TEXT_ENCODER },
		{ .begins = "vae_name", .kind = KNOWN_VAE },
		{ .begins = "lora_name", .kind = KNOWN_LORA },
		{ .begins = "control_net_name", .kind = KNOWN_CONTROLNET },
		{ .begins = "style_model_name", .kind = KNOWN_STYLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		if (strncmp(input, inputs[i].begins, strlen(inputs[i].begins)) == 0 &&
		    (!inputs[i].class || strstr(class, inputs[i].class)))
			return inputs[i].kind;
	}
	return KNOWN_ANY;
}

bool known_names_file(const char *text)
{
	static const char *const endings[] = { ".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin" };

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		if (string_ends_with(text, endings[i]))
			return true;
	}
	return false;
}

/* ---- names ---- */

/* Without folders and ending, lowered, every separator a '_'; cut where a name is longer than any file's. */
static void plain_name(const char *name, char plain[NAME_MAX_BYTES])
{
	const char *base = name;
	size_t length = 0;

	for (const char *c = name; *c; c++) {
		if (*c == '/' || *c == '\\')
			base = c + 1;
	}
	for (const char *c = base; *c && length + 1 < NAME_MAX_BYTES; c++)
		plain[length++] = strchr("-. ()+", *c) ? '_' : (char)tolower((unsigned char)*c);
	plain[length] = '\0';
	/* The ending, which a '.' began. */
	for (const char *end = strrchr(base, '.'); end; end = NULL) {
		if (strlen(end) <= sizeof(".safetensors") - 1 && (size_t)(end - base) < length)
			plain[end - base] = '\0';
	}
}

/* Whether `word` of so many letters begins a word of the name. */
static bool begins_word(const char *plain, const char *word, size_t length)
{
	for (const char *at = plain; *at; at++) {
		if ((at == plain || at[-1] == '_') && strncmp(at, word, length) == 0)
			return true;
	}
	return false;
}

/* Letters of the longest of the alternatives "a|b|c" that the name has; 0 where it has none. */
static size_t match_word(const char *plain, const char *word, size_t length)
{
	size_t longest = 0;

	for (const char *end = word + length; word < end;) {
		size_t bar = strcspn(word, "| ");

		if (bar > longest && begins_word(plain, word, bar))
			longest = bar;
		word += bar + 1;
	}
	return longest;
}

/* Letters that a row matched; 0: some word of it is not in the name. */
static size_t match_row(const char *plain, const char *words)
{
	size_t total = 0;

	while (*words) {
		size_t length = strcspn(words, " ");
		size_t matched = match_word(plain, words, length);

		if (matched == 0)
			return 0;
		total += matched;
		words += length;
		words += strspn(words, " ");
	}
	return total;
}

static bool kind_fits(enum known_kind wanted, enum known_kind row)
{
	return wanted == KNOWN_ANY || wanted == row || (wanted == KNOWN_HELPER && row > KNOWN_VAE);
}

static const struct known_row *find_row(const char *plain, enum known_kind kind)
{
	const struct known_row *best = NULL;
	size_t longest = 0;

	for (const struct known_row *row = known_rows; row->words; row++) {
		size_t length = kind_fits(kind, row->kind) ? match_row(plain, row->words) : 0;

		if (length > longest) {
			longest = length;
			best = row;
		}
	}
	return best;
}

/* ---- forms ---- */

#define FORM_PLAIN(text, bytes, type)                                                                                          \
	{                                                                                                                      \
		.name = (text), .element_bytes = (bytes), .dtype = DTYPE_##type                                                \
	}
#define FORM_BLOCKS(text, bytes, type)                                                                                         \
	{                                                                                                                      \
		.name = (text), .element_bytes = (bytes), .dtype = DTYPE_F16, .in_blocks = true, .quant = QUANT_##type         \
	}

/* By the word that states a form; longer ones first where one begins another. */
static const struct {
	const char *word;
	struct known_form form;
} forms[] = {
	{ .word = "nvfp4", .form = FORM_BLOCKS("NVFP4", 0.5625, Q4_0) },
	{ .word = "fp4", .form = FORM_BLOCKS("NVFP4", 0.5625, Q4_0) },
	{ .word = "int4", .form = FORM_BLOCKS("INT4", 0.5625, Q4_0) },
	{ .word = "w4a8", .form = FORM_BLOCKS("INT4", 0.5625, Q4_0) },
	{ .word = "svdq", .form = FORM_BLOCKS("INT4", 0.5625, Q4_0) },
	{ .word = "fp8", .form = FORM_PLAIN("fp8", 1, F8_E4M3) },
	{ .word = "t5xxlfp8", .form = FORM_PLAIN("fp8", 1, F8_E4M3) },
	{ .word = "e4m3", .form = FORM_PLAIN("fp8", 1, F8_E4M3) },
	{ .word = "float8", .form = FORM_PLAIN("fp8", 1, F8_E4M3) },
	{ .word = "mxfp8", .form = FORM_PLAIN("MXFP8", 1.03125, F8_E4M3) },
	{ .word = "int8", .form = FORM_PLAIN("INT8", 1, F8_E4M3) },
	{ .word = "8bit", .form = FORM_PLAIN("INT8", 1, F8_E4M3) },
	{ .word = "bf16", .form = FORM_PLAIN("BF16", 2, BF16) },
	{ .word = "fp16", .form = FORM_PLAIN("F16", 2, F16) },
	{ .word = "f16", .form = FORM_PLAIN("F16", 2, F16) },
	{ .word = "fp32", .form = FORM_PLAIN("F32", 4, F32) },
	{ .word = "f32", .form = FORM_PLAIN("F32", 4, F32) },
};

/* The type of a GGUF file's blocks, which its name has in it: the longest that fits. */
static bool gguf_form(const char *plain, struct known_form *form)
{
	size_t longest = 0;
	char word[32];

	for (uint32_t i = 0; i < QUANT_COUNT; i++) {
		enum dtype element;
		size_t length;

		if (!quant_is_known(i) || quant_to_dtype((enum quant)i, &element))
			continue;
		length = strlen(quant_name((enum quant)i));
		if (length <= longest || length >= sizeof(word))
			continue;
		for (size_t j = 0; j <= length; j++)
			word[j] = (char)tolower((unsigned char)quant_name((enum quant)i)[j]);
		if (!begins_word(plain, word, length))
			continue;
		longest = length;
		*form = (struct known_form) {
			.name = quant_name((enum quant)i),
			.element_bytes = (double)quant_block_bytes((enum quant)i) / quant_block_elements((enum quant)i),
			.dtype = DTYPE_F16,
			.in_blocks = true,
			.quant = (enum quant)i,
			.stated = true,
		};
	}
	return longest > 0;
}

static struct known_form form_of(const char *plain, enum dtype published)
{
	struct known_form form = { .name = dtype_name(published), .dtype = published };

	form.element_bytes = (double)dtype_bits(published) / 8;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (!begins_word(plain, forms[i].word, strlen(forms[i].word)))
			continue;
		form = forms[i].form;
		form.stated = true;
		return form;
	}
	gguf_form(plain, &form);
	return form;
}

struct known_form known_form_of(const char *name, enum dtype published)
{
	char plain[NAME_MAX_BYTES];

	plain_name(name, plain);
	return form_of(plain, published);
}

/* ---- sizes ---- */

static bool variant_elements(const char *name, double *elements, struct error *e)
{
	struct recipe recipe;
	struct architecture a;

	if (!recipe_find(name, &recipe))
		return error_set(e, ERROR_BUG, "no family has the variant %s", name);
	if (!recipe_describe(&recipe, false, DTYPE_F8_E4M3, false, &a, e)) {
		architecture_end(&a);
		return false;
	}
	*elements = (double)architecture_size_bytes(&a);
	architecture_end(&a);
	return true;
}

static double size_of(const struct known_form *form, double elements, double kept)
{
	return form->element_bytes >= 2 || kept <= 0 ? elements * form->element_bytes
						     : (elements - kept) * form->element_bytes + 2 * kept;
}

/* Where a checkpoint's diffusion model is of a byte an element, its text encoders are, too, all but CLIP. */
static bool text_bytes(const struct known_row *row, const struct known_form *form, double *bytes, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(row->text) && row->text[i]; i++) {
		bool is_clip = strncmp(row->text[i], "clip", 4) == 0;
		double elements;

		if (!variant_elements(row->text[i], &elements, e))
			return false;
		*bytes += elements * (is_clip && form->element_bytes < 2 ? 2 : form->element_bytes);
	}
	return true;
}

static bool part_bytes(const struct known_file *file, enum model_kind kind, double *bytes, struct error *e)
{
	const struct known_row *row = file->row;
	double elements = row->millions * MILLION;

	*bytes = 0;
	if (kind == MODEL_CLIP && file->kind == KNOWN_CHECKPOINT)
		return text_bytes(row, &file->form, bytes, e);
	if (kind == MODEL_VAE && file->kind == KNOWN_CHECKPOINT) {
		if (!row->autoencoder)
			return true;
		if (!variant_elements(row->autoencoder, &elements, e))
			return false;
		*bytes = 2 * elements;
		return true;
	}
	if (row->model && !variant_elements(row->model, &elements, e))
		return false;
	*bytes = size_of(&file->form, elements, row->kept_millions * MILLION);
	return true;
}

static bool row_bytes(struct known_file *file, struct error *e)
{
	double total = 0;
	double bytes;
	bool is_checkpoint = file->kind == KNOWN_CHECKPOINT;

	for (int kind = MODEL_UNET; kind <= (is_checkpoint ? MODEL_VAE : MODEL_UNET); kind++) {
		if (!part_bytes(file, (enum model_kind)kind, &bytes, e))
			return false;
		total += bytes;
	}
	total += size_of(&file->form, file->row->other_millions * MILLION, 0);
	file->size_bytes = (uint64_t)total;
	return true;
}

/* ---- guesses ---- */

/* What the commonest file of a kind weighs, in millions of elements. */
static double common_millions(enum known_kind kind)
{
	static const double millions[] = {
		[KNOWN_ANY] = 1000,
		[KNOWN_DIFFUSION] = 12000,
		[KNOWN_CHECKPOINT] = 1066,
		[KNOWN_TEXT_ENCODER] = 4000,
		[KNOWN_VAE] = 84,
		[KNOWN_LORA] = 150,
		[KNOWN_CONTROLNET] = 361,
		[KNOWN_MODEL_PATCH] = 1000,
		[KNOWN_CLIP_VISION] = 632,
		[KNOWN_STYLE] = 64,
		[KNOWN_AUDIO_ENCODER] = 317,
		[KNOWN_UPSCALER] = 17,
		[KNOWN_LATENT_UPSCALER] = 500,
		[KNOWN_EMBEDDING] = 0.01,
		[KNOWN_HELPER] = 100,
	};

	return millions[kind];
}

/* The parameters that a name states in thousands of millions, "14b", "1_3b"; 0 where it states none. */
static double stated_billions(const char *plain)
{
	for (const char *at = plain; *at; at++) {
		char *end;
		double whole;

		if ((at != plain && at[-1] != '_') || !isdigit((unsigned char)*at))
			continue;
		whole = strtod(at, &end);
		if (*end == '_' && isdigit((unsigned char)end[1]) && end[2] == 'b' && !isalnum((unsigned char)end[3]))
			return whole + (end[1] - '0') / 10.0;
		if (*end == 'b' && !isalnum((unsigned char)end[1]))
			return whole;
	}
	return 0;
}

static void guess(const char *plain, enum known_kind kind, struct known_file *found)
{
	double billions = kind == KNOWN_LORA ? 0 : stated_billions(plain);
	double elements = billions > 0 ? billions * 1e9 : common_millions(kind) * MILLION;

	*found = (struct known_file) {
		.title = known_kind_name(kind),
		.kind = kind,
		.source = KNOWN_BY_GUESS,
		.form = form_of(plain, DTYPE_F16),
	};
	found->size_bytes = (uint64_t)(elements * found->form.element_bytes);
}

/* A checkpoint of no known name is one of the two commonest, by "xl" in its name. */
static const struct known_row *common_checkpoint(const char *plain)
{
	return find_row(strstr(plain, "xl") ? "sdxl" : "sd15", KNOWN_CHECKPOINT);
}

bool known_find(const char *name, enum known_kind kind, struct known_file *found, struct error *e)
{
	char plain[NAME_MAX_BYTES];
	const struct known_row *row;
	enum known_source source = KNOWN_BY_TABLE;

	plain_name(name, plain);
	row = find_row(plain, kind);
	if (!row && kind == KNOWN_CHECKPOINT) {
		row = common_checkpoint(plain);
		source = KNOWN_BY_GUESS;
	}
	if (!row) {
		guess(plain, kind, found);
		return true;
	}
	*found = (struct known_file) { .title = row->title, .kind = row->kind, .source = source, .row = row };
	found->form = form_of(plain, row->published);
	return row_bytes(found, e);
}

/* ---- what simulates it ---- */

static const struct family *sized_family(enum model_kind kind)
{
	return kind == MODEL_UNET ? &family_sized_diffusion : kind == MODEL_CLIP ? &family_sized_text : &family_sized_vae;
}

bool known_keeps_embeddings(const struct known_file *file)
{
	return file->row && file->kind == KNOWN_TEXT_ENCODER && file->row->kept_millions > 0 && file->form.element_bytes < 2;
}

static const char *variant_of(const struct known_file *file, enum model_kind kind)
{
	const struct known_row *row = file->row;

	if (!row)
		return NULL;
	if (file->kind != KNOWN_CHECKPOINT || kind == MODEL_UNET)
		return row->model;
	if (kind == MODEL_VAE)
		return row->autoencoder;
	return row->text[0] && !row->text[1] ? row->text[0] : NULL;
}

bool known_part_of(const struct known_file *file, enum model_kind kind, struct known_part *part, struct error *e)
{
	const char *variant = variant_of(file, kind);
	struct recipe recipe;
	double bytes = (double)file->size_bytes;

	*part = (struct known_part) { .family = sized_family(kind) };
	if (variant && recipe_find(variant, &recipe) && recipe.parts[0].family->kind == kind) {
		part->family = recipe.parts[0].family;
		part->config = recipe_config(&recipe, false);
	}
	if (file->row && file->kind == KNOWN_CHECKPOINT && !part_bytes(file, kind, &bytes, e))
		return false;
	/* The other models of a checkpoint of which only their sum is known. */
	if (file->row && file->kind == KNOWN_CHECKPOINT && bytes <= 0)
		bytes = size_of(&file->form, file->row->other_millions * MILLION, 0) * (kind == MODEL_CLIP ? 0.8 : 0.2);
	part->size_bytes = (uint64_t)bytes;
	return part->size_bytes > 0;
}
