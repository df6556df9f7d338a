/* A file is opened once and shared by counting: whoever matches it against a model holds it. A synthetic one follows from
 * its name alone and needs no file. Finding what a file changes is the work of matching (match.c).
 */
#include "core/patch/lora/lora.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/patch/lora/lora_private.h"

#define SYNTHETIC_PREFIX "flux-lora-small"

static bool find_path(const char *folder, const char *file, char *path, size_t path_size_bytes)
{
	static const char *const places[] = { ".", "loras" };

	for (size_t i = 0; folder && i < ARRAY_SIZE(places); i++) {
		int length = snprintf(path, path_size_bytes, "%s/%s/%s", folder, places[i], file);

		if (length > 0 && (size_t)length < path_size_bytes && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

static struct lora_file *lora_new(const char *name, struct error *e)
{
	struct lora_file *lora = array_new(1, sizeof(*lora), e);

	if (!lora)
		return NULL;
	lora->owner_count = 1;
	lora->name = string_copy(name, e);
	if (lora->name)
		return lora;
	free(lora);
	return NULL;
}

struct lora_file *lora_blank(const char *name, struct error *e)
{
	struct lora_file *lora = lora_new(name, e);

	if (lora)
		lora->is_blank = true;
	return lora;
}

struct lora_file *lora_share(struct lora_file *lora)
{
	lora->owner_count++;
	return lora;
}

const char *lora_name(const struct lora_file *lora)
{
	return lora->name;
}

/* Takes the file over, also on failure; NULL has failed already. */
static struct lora_file *lora_with(struct safetensors *file, const char *name, struct error *e)
{
	struct lora_file *lora = file ? lora_new(name, e) : NULL;

	if (!lora) {
		safetensors_close(file);
		return NULL;
	}
	lora->file = file;
	if (lora_names_make(&lora->names, file, e))
		return lora;
	lora_close(lora);
	return NULL;
}

struct lora_file *lora_open_path(const char *path, struct error *e)
{
	return lora_with(safetensors_open(path, e), path, e);
}

struct lora_file *lora_parse(const uint8_t *bytes, size_t size_bytes, const char *name, struct error *e)
{
	return lora_with(safetensors_parse(bytes, size_bytes, name, e), name, e);
}

struct lora_file *lora_open(const char *folder, const char *file, struct error *e)
{
	char path[4096];

	if (find_path(folder, file, path, sizeof(path)))
		return lora_with(safetensors_open(path, e), file, e);
	if (strncmp(file, SYNTHETIC_PREFIX, strlen(SYNTHETIC_PREFIX)) == 0)
		return lora_new(file, e);
	error_set(e, ERROR_MISSING, "%s is in no models folder, and no name for which a LoRA is generated (%s...)", file,
		  SYNTHETIC_PREFIX);
	return NULL;
}

void lora_close(struct lora_file *lora)
{
	if (!lora || --lora->owner_count)
		return;
	lora_names_end(&lora->names);
	safetensors_close(lora->file);
	free(lora->name);
	free(lora);
}
