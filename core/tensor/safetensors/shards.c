/* The index is parsed and its names checked; a file is opened when it is first named, through a function, so that tests can
 * give files from memory. Every tensor that is promised is looked up at once. The entries are then sorted by name, for
 * binary search.
 */
#include "core/tensor/safetensors/shards.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"

struct shard {
	char *name;
	struct safetensors *file;
};

struct shard_entry {
	const struct safetensors_tensor *tensor;
	size_t file;
};

struct shards {
	struct shard *files; /* in the order in which the index first names them */
	size_t file_count, file_capacity;
	struct shard_entry *entries; /* by name */
	size_t count;
};

bool shards_is_index(const char *path)
{
	static const char ending[] = ".safetensors.index.json";
	size_t length = strlen(path);

	return length >= sizeof(ending) - 1 && strcmp(path + length - (sizeof(ending) - 1), ending) == 0;
}

/* A file beside the index, not one elsewhere that its name could lead to. */
static bool check_name(const char *name, const char *tensor, const char *where, struct error *e)
{
	size_t length = strlen(name);

	if (length == 0 || length > 255 || strchr(name, '/') || strchr(name, '\\') || name[0] == '.')
		return error_set(e, ERROR_FORMAT, "%s: tensor %.200s: \"%.100s\" is no name of a file beside the index", where,
				 tensor, name);
	return true;
}

static bool find_or_open(struct shards *shards, const char *name, const char *where, const struct shards_opener *opener,
			 size_t *index, struct error *e)
{
	struct shard *shard;

	/* From the last one back: an index names a file's tensors together. */
	for (*index = shards->file_count; (*index)-- > 0;) {
		if (strcmp(shards->files[*index].name, name) == 0)
			return true;
	}
	*index = shards->file_count;
	if (shards->file_count == SHARDS_FILES_MAX)
		return error_set(e, ERROR_FORMAT, "%s: more than %zu files", where, SHARDS_FILES_MAX);
	if (!array_reserve(&shards->files, &shards->file_capacity, shards->file_count + 1, sizeof(*shards->files), e))
		return false;
	shard = &shards->files[shards->file_count];
	*shard = (struct shard) { .name = string_copy(name, e) };
	if (!shard->name)
		return false;
	shards->file_count++;
	shard->file = opener->open(opener->context, name, e);
	return shard->file || error_context(e, "%s", where);
}

static bool take_tensor(struct shards *shards, const char *tensor, const json_t *value, const char *where,
			const struct shards_opener *opener, struct error *e)
{
	struct shard_entry *entry = &shards->entries[shards->count];
	const char *name = json_string_value(value);

	if (!name || strlen(name) != json_string_length(value))
		return error_set(e, ERROR_FORMAT, "%s: tensor %.200s: %s is no name of a file", where, tensor,
				 json_type_words(value));
	if (!check_name(name, tensor, where, e) || !find_or_open(shards, name, where, opener, &entry->file, e))
		return false;
	entry->tensor = safetensors_find(shards->files[entry->file].file, tensor);
	if (!entry->tensor)
		return error_set(e, ERROR_FORMAT, "%s: tensor %.200s should be in %s, which does not hold it", where, tensor,
				 name);
	shards->count++;
	return true;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct shard_entry *)a)->tensor->name, ((const struct shard_entry *)b)->tensor->name);
}

static bool take_map(struct shards *shards, json_t *root, const char *where, const struct shards_opener *opener,
		     struct error *e)
{
	json_t *map;
	json_t *metadata;
	const char *tensor;
	json_t *value;

	if (!json_is_object(root))
		return error_set(e, ERROR_FORMAT, "%s: an index is an object, not %s", where, json_type_words(root));
	if (!json_get_object(root, "weight_map", where, &map, e))
		return false;
	metadata = json_object_get(root, "metadata");
	if (metadata && !json_is_object(metadata) && !json_is_null(metadata))
		return error_set(e, ERROR_FORMAT, "%s: \"metadata\" is %s, an object is wanted", where,
				 json_type_words(metadata));
	shards->entries = array_new(json_object_size(map) + 1, sizeof(*shards->entries), e);
	if (!shards->entries)
		return false;
	json_object_foreach(map, tensor, value)
	{
		if (!take_tensor(shards, tensor, value, where, opener, e))
			return false;
	}
	qsort(shards->entries, shards->count, sizeof(*shards->entries), compare_entries);
	return true;
}

struct shards *shards_parse(const char *text, size_t length, const char *where, const struct shards_opener *opener,
			    struct error *e)
{
	struct shards *shards;
	json_t *root;

	if (length == 0 || length > SHARDS_INDEX_MAX) {
		error_set(e, ERROR_FORMAT, "%s: an index of %zu bytes (1 to %zu)", where, length, SHARDS_INDEX_MAX);
		return NULL;
	}
	root = json_parse(text, length, where, false, e);
	shards = root ? array_new(1, sizeof(*shards), e) : NULL;
	if (shards && !take_map(shards, root, where, opener, e)) {
		shards_close(shards);
		shards = NULL;
	}
	json_decref(root);
	return shards;
}

static struct safetensors *open_beside(void *context, const char *name, struct error *e)
{
	const char *path = context;
	const char *slash = strrchr(path, '/');
	struct strbuf whole = STRBUF_INIT;
	struct safetensors *file;
	char *text;

	strbuf_append_n(&whole, path, slash ? (size_t)(slash - path) + 1 : 0);
	strbuf_append(&whole, name);
	text = strbuf_finish(&whole, e);
	file = text ? safetensors_open(text, e) : NULL;
	free(text);
	return file;
}

struct shards *shards_open(const char *path, struct error *e)
{
	const struct shards_opener opener = { .open = open_beside, .context = (void *)(uintptr_t)path };
	struct file_mapping mapping;
	struct shards *shards;

	if (!file_map(&mapping, path, e))
		return NULL;
	shards = shards_parse((const char *)mapping.bytes, mapping.size_bytes, path, &opener, e);
	file_unmap(&mapping);
	return shards;
}

void shards_close(struct shards *shards)
{
	if (!shards)
		return;
	for (size_t i = 0; i < shards->file_count; i++) {
		safetensors_close(shards->files[i].file);
		free(shards->files[i].name);
	}
	free(shards->files);
	free(shards->entries);
	free(shards);
}

size_t shards_file_count(const struct shards *shards)
{
	return shards->file_count;
}

const char *shards_file_name(const struct shards *shards, size_t file)
{
	return shards->files[file].name;
}

const struct safetensors *shards_file(const struct shards *shards, size_t file)
{
	return shards->files[file].file;
}

size_t shards_count(const struct shards *shards)
{
	return shards->count;
}

const struct safetensors_tensor *shards_tensor(const struct shards *shards, size_t index, size_t *file)
{
	if (file)
		*file = shards->entries[index].file;
	return shards->entries[index].tensor;
}

const struct safetensors_tensor *shards_find(const struct shards *shards, const char *name, size_t *file)
{
	size_t low = 0;
	size_t high = shards->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(shards->entries[middle].tensor->name, name);

		if (order == 0)
			return shards_tensor(shards, middle, file);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

size_t shards_unlisted(const struct shards *shards)
{
	size_t held = 0;

	for (size_t i = 0; i < shards->file_count; i++)
		held += safetensors_count(shards->files[i].file);
	return held - shards->count;
}
