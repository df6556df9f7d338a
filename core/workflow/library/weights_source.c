/* weights_source.c - finds a file in the folders that ComfyUI knows, opens it by its kind, lists its tensors and asks
 * detect.h what it holds.
 *
 * A GGUF text encoder with vision has its tower in a second file, found by the stem of the name, without the
 * quantisation's suffix.
 */
#include "core/workflow/library/weights_source.h"

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

static bool check_order(const struct gguf *file, const char *path, struct error *e)
{
	return !gguf_is_swapped(file) ||
	       error_set(e, ERROR_UNSUPPORTED, "%s is of the other byte order: it can be inspected, not run", path);
}

static bool add_tower(struct weights_source *source, struct error *e)
{
	const struct gguf *file = source->weights.gguf;

	if (!file || !is_architecture(file, "qwen2vl") ||
	    tensor_view_has(&(struct tensor_view) { &source->table, "" }, "visual."))
		return true;
	if (!find_tower(source))
		return error_set(
			e, ERROR_MISSING,
			"%s is a Qwen2.5-VL without its vision tower, which is in a file beside it that has \"mmproj\" "
			"and the model's name in its own; neither was found",
			source->path);
	source->vision = gguf_open(source->vision_path, e);
	return source->vision && check_order(source->vision, source->vision_path, e) &&
	       tensor_table_add_vision(&source->table, source->vision, source->vision_path, e);
}

/* ---- opening ---- */

static bool recognise(struct weights_source *source, struct error *e)
{
	char *word = detect_word(&source->weights, e);
	bool fine = !error_is_set(e) && detect_file(&source->found, &source->table, word, source->path, e);

	free(word);
	return fine;
}

bool weights_source_open(struct weights_source *source, struct error *e)
{
	struct weights *weights = &source->weights;

	if (!weights_open_head(weights, source->path, e))
		return false;
	memcpy(source->path, weights->path, strlen(weights->path) + 1);
	if ((weights->gguf && !check_order(weights->gguf, source->path, e)) ||
	    !tensor_table_of_weights(&source->table, weights, e) || !add_tower(source, e) || !recognise(source, e))
		return false;
	if (source->found.count)
		return true;
	return error_set(e, ERROR_UNSUPPORTED,
			 "%s: no family is known by its %zu tensors%s%.200s; `residency inspect` shows what it holds",
			 source->path, source->table.count, source->table.count ? ", the first of which is " : "",
			 source->table.count ? source->table.rows[0].name : "");
}

void weights_source_close(struct weights_source *source)
{
	detect_free(&source->found);
	tensor_table_free(&source->table);
	weights_close(&source->weights);
	gguf_close(source->vision);
}

bool weights_source_interleaves_heads(const struct weights_source *source)
{
	return source->weights.gguf && is_architecture(source->weights.gguf, "llama");
}
