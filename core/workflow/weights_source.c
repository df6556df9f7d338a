#include "core/workflow/weights_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/array.h"

/* ---- finding ---- */

static bool path_join(char path[SOURCE_PATH_MAX], const char *folder, const char *place, const char *file)
{
	int length = snprintf(path, SOURCE_PATH_MAX, "%s/%s/%s", folder, place, file);

	return length > 0 && length < SOURCE_PATH_MAX;
}

bool weights_source_find(const char *folder, const char *file, char path[SOURCE_PATH_MAX])
{
	static const char *const places[] = { ".",    "checkpoints",   "unet", "diffusion_models",
					      "clip", "text_encoders", "vae",  "diffusers" };

	for (size_t i = 0; folder && i < ARRAY_SIZE(places); i++) {
		if (path_join(path, folder, places[i], file) && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* What diffusers puts in a model's folder. */
static bool enter_folder(char path[SOURCE_PATH_MAX], struct error *e)
{
	static const char *const names[] = { "diffusion_pytorch_model.safetensors.index.json",
					     "model.safetensors.index.json",
					     "diffusion_pytorch_model.safetensors",
					     "model.safetensors",
					     "diffusion_pytorch_model.fp16.safetensors",
					     "model.fp16.safetensors" };
	char folder[SOURCE_PATH_MAX];
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		return true;
	memcpy(folder, path, sizeof(folder));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (path_join(path, folder, ".", names[i]) && access(path, R_OK) == 0)
			return true;
	}
	memcpy(path, folder, sizeof(folder));
	return error_set(e, ERROR_MISSING,
			 "%s is a folder that holds none of the files that diffusers puts there: %s, %s, %s, ...", folder,
			 names[0], names[2], names[3]);
}

/* ---- opening ---- */

static bool open_shards(struct weights_source *source, struct error *e)
{
	source->shards = shards_open(source->path, e);
	return source->shards && tensor_table_of_shards(&source->table, source->shards, source->path, e) &&
	       detect_models(&source->found, &source->table, e);
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
	fine = !error_is_set(e) && tensor_table_of_gguf(&source->table, source->gguf, e) &&
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
	bool fine = enter_folder(source->path, e);

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
}

bool weights_source_interleaves_heads(const struct weights_source *source)
{
	struct gguf_value value;
	const char *text;
	size_t length;

	if (!source->gguf || !gguf_value_find(source->gguf, "general.architecture", &value))
		return false;
	text = gguf_value_text(&value, &length);
	return text && length == strlen("llama") && memcmp(text, "llama", length) == 0;
}
