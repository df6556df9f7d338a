#include "core/workflow/weights_source.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"

/* ---- finding ---- */

static bool path_join(char path[WEIGHTS_PATH_MAX], const char *folder, const char *place, const char *file)
{
	int length = snprintf(path, WEIGHTS_PATH_MAX, "%s/%s/%s", folder, place, file);

	return length > 0 && length < WEIGHTS_PATH_MAX;
}

bool weights_source_find(const char *folder, const char *file, char path[WEIGHTS_PATH_MAX])
{
	static const char *const places[] = { ".",    "checkpoints",   "unet", "diffusion_models",
					      "clip", "text_encoders", "vae",  "diffusers" };

	for (size_t i = 0; folder && i < ARRAY_SIZE(places); i++) {
		if (path_join(path, folder, places[i], file) && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* ---- opening ---- */

static bool open_shards(struct weights_source *source, struct error *e)
{
	source->shards = shards_open(source->path, e);
	return source->shards && tensor_table_of_shards(&source->table, source->shards, source->path, e) &&
	       detect_models(&source->found, &source->table, e);
}

/* ---- the vision tower that belongs to a text encoder ---- */

static bool is_architecture(const struct gguf *file, const char *wanted)
{
	struct gguf_value value;
	const char *text;
	size_t length;

	if (!gguf_value_find(file, "general.architecture", &value))
		return false;
	text = gguf_value_text(&value, &length);
	return text && length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

/* Whether text is what quantisers end names with: "-Q4_K_M", "_ud-iq2_xxs", in small letters. */
static bool is_quant_suffix(const char *text)
{
	size_t length;

	text += *text == '-' || *text == '_';
	text += strncmp(text, "ud-", 3) == 0 ? 3 : 0;
	text += text[0] == 'i' && text[1] == 'q';
	if (text[0] != 'q' || text[1] < '0' || text[1] > '9' || text[2] != '_')
		return false;
	length = strspn(text + 3, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	return length >= 1 && length <= 8 && text[3 + length] == '\0';
}

/* "Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf" to "qwen2.5-vl-7b-instruct". */
static void take_stem(const char *path, char stem[256])
{
	const char *slash = strrchr(path, '/');
	char *dot;

	snprintf(stem, 256, "%.255s", slash ? slash + 1 : path);
	dot = strrchr(stem, '.');
	if (dot)
		*dot = '\0';
	for (char *at = stem; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	for (char *at = stem; *at; at++) {
		if (is_quant_suffix(at))
			*at = '\0';
	}
}

/* Whether a file's name says that it is the tower of such a stem. */
static bool is_tower(const char *name, const char *stem)
{
	char small[256];
	size_t length = strlen(name);

	if (length >= sizeof(small) || length < 5)
		return false;
	for (size_t i = 0; i <= length; i++)
		small[i] = (char)tolower((unsigned char)name[i]);
	return strcmp(small + length - 5, ".gguf") == 0 && strstr(small, "mmproj") && strstr(small, stem);
}

/* Of several the first by name; upstream takes the first that the folder lists. */
static bool find_tower(struct weights_source *source)
{
	const char *slash = strrchr(source->path, '/');
	char folder[WEIGHTS_PATH_MAX];
	char best[256] = "";
	char stem[256];
	struct dirent *entry;
	DIR *directory;

	take_stem(source->path, stem);
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - source->path) : 1, slash ? source->path : ".");
	directory = opendir(folder);
	while (directory && (entry = readdir(directory))) {
		if (is_tower(entry->d_name, stem) && (!best[0] || strcmp(entry->d_name, best) < 0))
			snprintf(best, sizeof(best), "%.255s", entry->d_name);
	}
	if (directory)
		closedir(directory);
	return best[0] && path_join(source->vision_path, folder, ".", best);
}

static bool add_tower(struct weights_source *source, struct error *e)
{
	if (!is_architecture(source->gguf, "qwen2vl") || view_has(&(struct tensor_view) { &source->table, "" }, "visual."))
		return true;
	if (!find_tower(source))
		return error_set(
			e, ERROR_MISSING,
			"%s is a Qwen2.5-VL without its vision tower, which is in a file beside it that has \"mmproj\" "
			"and the model's name in its own; there is none",
			source->path);
	source->vision = gguf_open(source->vision_path, e);
	if (source->vision && gguf_is_swapped(source->vision))
		return error_set(e, ERROR_UNSUPPORTED, "%s is of the other byte order: it can be inspected, not run",
				 source->vision_path);
	return source->vision && tensor_table_add_vision(&source->table, source->vision, source->vision_path, e);
}

static bool open_gguf(struct weights_source *source, struct error *e)
{
	char *word;
	bool fine;

	source->gguf = gguf_open(source->path, e);
	if (!source->gguf)
		return false;
	if (gguf_is_swapped(source->gguf))
		return error_set(e, ERROR_UNSUPPORTED, "%s is of the other byte order: it can be inspected, not run",
				 source->path);
	word = detect_word_of_gguf(source->gguf, e);
	fine = !error_is_set(e) && tensor_table_of_gguf(&source->table, source->gguf, e) && add_tower(source, e) &&
	       detect_file(&source->found, &source->table, word, source->path, e);
	free(word);
	return fine;
}

static bool open_safetensors(struct weights_source *source, struct error *e)
{
	source->safetensors = safetensors_open(source->path, e);
	return source->safetensors && tensor_table_of_safetensors(&source->table, source->safetensors, e) &&
	       detect_file(&source->found, &source->table, safetensors_metadata(source->safetensors, FAMILY_METADATA),
			   source->path, e);
}

bool weights_source_open(struct weights_source *source, struct error *e)
{
	char file[WEIGHTS_PATH_MAX];
	bool fine = weights_find_file(source->path, file, e);

	if (fine)
		memcpy(source->path, file, strlen(file) + 1);
	if (fine && shards_is_index(source->path))
		fine = open_shards(source, e);
	else if (fine && gguf_is_file(source->path))
		fine = open_gguf(source, e);
	else if (fine)
		fine = open_safetensors(source, e);
	if (!fine || source->found.count)
		return fine;
	return error_set(e, ERROR_UNSUPPORTED,
			 "%s: no family is known by its %zu tensors%s%.200s; `residency inspect` shows what it holds",
			 source->path, source->table.count, source->table.count ? ", the first of which is " : "",
			 source->table.count ? source->table.rows[0].name : "");
}

void weights_source_close(struct weights_source *source)
{
	detection_free(&source->found);
	tensor_table_free(&source->table);
	safetensors_close(source->safetensors);
	shards_close(source->shards);
	gguf_close(source->gguf);
	gguf_close(source->vision);
}

bool weights_source_interleaves_heads(const struct weights_source *source)
{
	return source->gguf && is_architecture(source->gguf, "llama");
}
