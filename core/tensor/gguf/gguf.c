/* Opening maps the file, walks it once with all checks (gguf_walk.c), and only then allocates the index, of the size that
 * the walk counted. Names and keys are compared sorted, which finds one that is there twice and later serves lookups.
 */
#include "core/tensor/gguf/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/tensor/gguf/gguf_walk.h"

struct gguf {
	struct file_mapping mapping; /* empty when the bytes are the caller's */
	struct gguf_walk walk; /* the bytes, their order, what was counted */
	uint64_t *value_offsets; /* of each key */
	struct gguf_tensor *tensors;
	uint32_t *by_name; /* indices into tensors */
	uint64_t *dimensions;
	char *names;
};

/* The names that the reference reader gives to the header's own fields: a key of that name is one too many. */
static const char *const own_fields[] = { "GGUF.version", "GGUF.tensor_count", "GGUF.kv_count" };

static int compare_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* Of one key, by place in the file. */
static int compare_keys(const void *a, const void *b, void *context)
{
	const struct gguf *file = context;
	uint64_t at = *(const uint64_t *)a;
	uint64_t other_at = *(const uint64_t *)b;
	size_t length;
	size_t other_length;
	const char *key = gguf_walk_key(&file->walk, at, &length);
	const char *other = gguf_walk_key(&file->walk, other_at, &other_length);
	int order = compare_text(key, length, other, other_length);

	return order ? order : (at > other_at) - (at < other_at);
}

static int compare_names(const void *a, const void *b, void *context)
{
	const struct gguf *file = context;
	const struct gguf_tensor *x = &file->tensors[*(const uint32_t *)a];
	const struct gguf_tensor *y = &file->tensors[*(const uint32_t *)b];

	return compare_text(x->name, x->name_length, y->name, y->name_length);
}

static bool is_own_field(const char *key, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_fields); i++) {
		if (compare_text(key, length, own_fields[i], strlen(own_fields[i])) == 0)
			return true;
	}
	return false;
}

static bool key_is_taken(const struct gguf *file, uint64_t offset, struct error *e)
{
	size_t length;
	const char *key = gguf_walk_key(&file->walk, offset, &length);

	return error_set(e, ERROR_FORMAT, "%s: offset %llu: the key %.*s is there already", file->walk.where,
			 (unsigned long long)offset, (int)(length < 200 ? length : 200), key);
}

/* Sorts a copy of the offsets to find a key that is there twice. */
static bool keys_differ(const struct gguf *file, struct error *e)
{
	size_t count = (size_t)file->walk.value_count;
	uint64_t *sorted = array_new(count ? count : 1, sizeof(*sorted), e);
	bool fine = sorted != NULL;

	if (fine && count) {
		memcpy(sorted, file->value_offsets, count * sizeof(*sorted));
		qsort_r(sorted, count, sizeof(*sorted), compare_keys, (void *)(uintptr_t)file);
	}
	for (size_t i = 0; fine && i < count; i++) {
		size_t length;
		size_t length_before;
		const char *key = gguf_walk_key(&file->walk, sorted[i], &length);
		const char *before = gguf_walk_key(&file->walk, sorted[i ? i - 1 : 0], &length_before);

		if (is_own_field(key, length) || (i && compare_text(key, length, before, length_before) == 0))
			fine = key_is_taken(file, sorted[i], e);
	}
	free(sorted);
	return fine;
}

static bool names_differ(struct gguf *file, struct error *e)
{
	size_t count = gguf_count(file);

	for (size_t i = 0; i < count; i++)
		file->by_name[i] = (uint32_t)i;
	if (count)
		qsort_r(file->by_name, count, sizeof(*file->by_name), compare_names, file);
	for (size_t i = 1; i < count; i++) {
		if (compare_names(&file->by_name[i - 1], &file->by_name[i], file) == 0)
			return error_set(e, ERROR_FORMAT, "%s: offset %llu (descriptions): two tensors are named %.200s",
					 file->walk.where, (unsigned long long)file->walk.tensors_offset,
					 file->tensors[file->by_name[i]].name);
	}
	return true;
}

static void fill(struct gguf *file)
{
	struct gguf_walk *walk = &file->walk;
	uint64_t *dimension = file->dimensions;
	uint64_t at = walk->values_offset;
	char *name = file->names;

	for (size_t i = 0; i < walk->value_count; i++) {
		file->value_offsets[i] = at;
		at = gguf_walk_after_value(walk, at);
	}
	at = walk->tensors_offset;
	for (size_t i = 0; i < walk->tensor_count; i++) {
		struct gguf_tensor *t = &file->tensors[i];

		at = gguf_walk_fill(walk, at, t, name, dimension);
		name += t->name_length + 1;
		dimension += t->rank;
	}
}

static bool index_file(struct gguf *file, struct error *e)
{
	const struct gguf_walk *walk = &file->walk;
	size_t tensors = (size_t)walk->tensor_count;

	if (tensors > UINT32_MAX)
		return error_set(e, ERROR_FORMAT, "%s: %zu tensors are more than anyone has", walk->where, tensors);
	file->value_offsets = array_new((size_t)walk->value_count + 1, sizeof(*file->value_offsets), e);
	file->tensors = array_new(tensors + 1, sizeof(*file->tensors), e);
	file->by_name = array_new(tensors + 1, sizeof(*file->by_name), e);
	file->dimensions = array_new((size_t)walk->dimension_count + 1, sizeof(*file->dimensions), e);
	file->names = array_new((size_t)walk->name_bytes + tensors + 1, 1, e);
	if (!file->value_offsets || !file->tensors || !file->by_name || !file->dimensions || !file->names)
		return false;
	fill(file);
	return keys_differ(file, e) && names_differ(file, e);
}

bool gguf_is_file(const char *path)
{
	FILE *stream = fopen(path, "rbe");
	char magic[4] = "";
	bool found = stream && fread(magic, 1, 4, stream) == 4 && memcmp(magic, "GGUF", 4) == 0;

	if (stream)
		fclose(stream);
	return found;
}

struct gguf *gguf_parse(const uint8_t *bytes, size_t size_bytes, const char *where, struct error *e)
{
	struct gguf *file = array_new(1, sizeof(*file), e);

	if (!file)
		return NULL;
	file->walk = (struct gguf_walk) { .bytes = bytes, .size_bytes = size_bytes, .where = where };
	if (gguf_walk_file(&file->walk, e) && index_file(file, e)) {
		file->walk.where = NULL;
		return file;
	}
	gguf_close(file);
	return NULL;
}

struct gguf *gguf_open(const char *path, struct error *e)
{
	struct file_mapping mapping;
	struct gguf *file;

	if (!file_map(&mapping, path, e))
		return NULL;
	file = gguf_parse(mapping.bytes, mapping.size_bytes, path, e);
	if (!file) {
		file_unmap(&mapping);
		return NULL;
	}
	file->mapping = mapping;
	return file;
}

void gguf_close(struct gguf *file)
{
	if (!file)
		return;
	file_unmap(&file->mapping);
	free(file->value_offsets);
	free(file->tensors);
	free(file->by_name);
	free(file->dimensions);
	free(file->names);
	free(file);
}

uint32_t gguf_version(const struct gguf *file)
{
	return file->walk.version;
}

uint32_t gguf_alignment(const struct gguf *file)
{
	return file->walk.alignment;
}

bool gguf_is_swapped(const struct gguf *file)
{
	return file->walk.swapped;
}

size_t gguf_count(const struct gguf *file)
{
	return (size_t)file->walk.tensor_count;
}

const struct gguf_tensor *gguf_tensor(const struct gguf *file, size_t index)
{
	return &file->tensors[index];
}

const struct gguf_tensor *gguf_find(const struct gguf *file, const char *name)
{
	size_t length = strlen(name);
	size_t low = 0;
	size_t high = gguf_count(file);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct gguf_tensor *t = &file->tensors[file->by_name[middle]];
		int order = compare_text(t->name, t->name_length, name, length);

		if (order == 0)
			return t;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

uint64_t gguf_element_count(const struct gguf_tensor *tensor)
{
	enum quant type = (enum quant)tensor->type;

	return tensor->size_bytes / quant_block_bytes(type) * quant_block_elements(type);
}

uint64_t gguf_file_offset(const struct gguf *file, const struct gguf_tensor *tensor)
{
	return (uint64_t)(tensor->bytes - file->walk.bytes);
}

size_t gguf_value_count(const struct gguf *file)
{
	return (size_t)file->walk.value_count;
}

struct gguf_value gguf_value_at(const struct gguf *file, size_t index)
{
	return gguf_walk_value(&file->walk, file->value_offsets[index]);
}

bool gguf_value_find(const struct gguf *file, const char *key, struct gguf_value *value)
{
	for (size_t i = 0; i < gguf_value_count(file); i++) {
		size_t length;
		const char *found = gguf_walk_key(&file->walk, file->value_offsets[i], &length);

		if (compare_text(found, length, key, strlen(key)) == 0) {
			*value = gguf_value_at(file, i);
			return true;
		}
	}
	return false;
}
