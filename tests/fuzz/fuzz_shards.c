/* Any text as an index of shards: refused, with a reason, or every tensor that it shows is in the file that it names. Files called
 * "a.safetensors" and "b.safetensors" are there, and no other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/tensor/safetensors/shards.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Eight bytes of length, the header, the data. */
static const uint8_t file_a[] = "\x3b\0\0\0\0\0\0\0{\"one\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}    xy";
static const uint8_t file_b[] = "\x3b\0\0\0\0\0\0\0{\"two\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}    z";

static struct safetensors *open_fixed(void *context, const char *name, struct error *e)
{
	(void)context;
	if (strchr(name, '/'))
		abort();
	if (strcmp(name, "a.safetensors") == 0)
		return safetensors_parse(file_a, sizeof(file_a) - 1, name, e);
	if (strcmp(name, "b.safetensors") == 0)
		return safetensors_parse(file_b, sizeof(file_b) - 1, name, e);
	error_set(e, ERROR_MISSING, "there is no %s", name);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct shards_opener opener = { .open = open_fixed };
	struct error e = ERROR_INIT;
	struct shards *shards = shards_parse((const char *)data, size, "input", &opener, &e);

	if (!shards) {
		if (e.kind == ERROR_NONE)
			abort();
		return 0;
	}
	for (size_t i = 0; i < shards_count(shards); i++) {
		size_t file;
		const struct safetensors_tensor *t = shards_tensor(shards, i, &file);

		if (safetensors_find(shards_file(shards, file), t->name) != t || shards_find(shards, t->name, NULL) != t)
			abort();
	}
	if (shards_unlisted(shards) > 2)
		abort();
	shards_close(shards);
	return 0;
}
