/* The header is read into flat arrays (safetensors_header.c), then checked as a whole: sizes against shapes, ranges against
 * each other and against the file. Only a file that passes gets an index, sorted by name for lookups. A name that is given
 * twice keeps its last tensor, as in the reference reader's map.
 */
#include "core/tensor/safetensors/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/file_kind.h"
#include "core/tensor/safetensors/safetensors_header.h"

struct safetensors {
	struct file_mapping mapping; /* empty when the bytes are the caller's */
	struct header header;
	struct safetensors_tensor *tensors; /* by place in the file */
	size_t count;
	const struct safetensors_tensor **by_name;
	uint8_t *head, *small; /* owned: what was read of a file that could not be mapped */
};

static int compare_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* By name, and of one name by place in the text, so that the last one can be kept. */
static int compare_names(const void *a, const void *b)
{
	const struct header_tensor *x = a;
	const struct header_tensor *y = b;
	int order = compare_text(x->name, x->name_length, y->name, y->name_length);

	return order ? order : (x->text_offset > y->text_offset) - (x->text_offset < y->text_offset);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct header_pair *x = a;
	const struct header_pair *y = b;
	int order = compare_text(x->key, x->key_length, y->key, y->key_length);

	return order ? order : (x->text_offset > y->text_offset) - (x->text_offset < y->text_offset);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct header_tensor *x = a;
	const struct header_tensor *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return compare_names(a, b);
}

static int compare_pointers(const void *a, const void *b)
{
	const struct safetensors_tensor *x = *(const struct safetensors_tensor *const *)a;
	const struct safetensors_tensor *y = *(const struct safetensors_tensor *const *)b;

	return compare_text(x->name, x->name_length, y->name, y->name_length);
}

/* Of a name given twice the last counts, as in the reference reader: there the header becomes a map. */
static void drop_duplicates(struct header *h)
{
	size_t kept = 0;

	if (h->tensor_count)
		qsort(h->tensors, h->tensor_count, sizeof(*h->tensors), compare_names);
	for (size_t i = 0; i < h->tensor_count; i++) {
		if (i + 1 < h->tensor_count && compare_text(h->tensors[i].name, h->tensors[i].name_length,
							    h->tensors[i + 1].name, h->tensors[i + 1].name_length) == 0)
			continue;
		h->tensors[kept++] = h->tensors[i];
	}
	h->tensor_count = kept;
	kept = 0;
	if (h->metadata_count)
		qsort(h->metadata, h->metadata_count, sizeof(*h->metadata), compare_pairs);
	for (size_t i = 0; i < h->metadata_count; i++) {
		if (i + 1 < h->metadata_count && strcmp(h->metadata[i].key, h->metadata[i + 1].key) == 0)
			continue;
		h->metadata[kept++] = h->metadata[i];
	}
	h->metadata_count = kept;
}

/* Elements and bytes that dtype and shape ask for. Dimensions are multiplied in order, so that an overflow is one even
 * where a later dimension is 0: the reference reader refuses it too. */
static bool tensor_size(const struct header *h, const struct header_tensor *t, uint64_t *elements, uint64_t *size_bytes,
			const char *where, struct error *e)
{
	uint64_t bits;

	*elements = 1;
	for (size_t i = 0; i < t->rank; i++) {
		if (__builtin_mul_overflow(*elements, h->dimensions[t->first_dimension + i], elements))
			goto overflow;
	}
	if (__builtin_mul_overflow(*elements, (uint64_t)dtype_bits(t->dtype), &bits))
		goto overflow;
	if (bits % 8)
		return error_set(e, ERROR_FORMAT, "%s: tensor %.200s: %llu elements of %s do not fill whole bytes", where,
				 t->name, (unsigned long long)*elements, dtype_name(t->dtype));
	*size_bytes = bits / 8;
	return true;
overflow:
	return error_set(e, ERROR_FORMAT, "%s: tensor %.200s: its shape and dtype %s ask for more than 2^64 bits", where,
			 t->name, dtype_name(t->dtype));
}

static bool check_tensor(const struct header *h, const struct header_tensor *t, uint64_t at, const char *where, struct error *e)
{
	uint64_t elements;
	uint64_t size_bytes;

	if (t->begin != at || t->end < t->begin)
		return error_set(
			e, ERROR_FORMAT,
			"%s: tensor %.200s (header offset %u): data_offsets [%llu, %llu], but the data before it ends at "
			"%llu",
			where, t->name, t->text_offset + 8, (unsigned long long)t->begin, (unsigned long long)t->end,
			(unsigned long long)at);
	if (!tensor_size(h, t, &elements, &size_bytes, where, e))
		return false;
	if (size_bytes != t->end - t->begin)
		return error_set(e, ERROR_FORMAT,
				 "%s: tensor %.200s: data_offsets span %llu bytes, its shape and dtype %s ask for %llu", where,
				 t->name, (unsigned long long)(t->end - t->begin), dtype_name(t->dtype),
				 (unsigned long long)size_bytes);
	return true;
}

/* One tensor after the other must begin where the one before ended. */
static bool check_ranges(const struct header *h, uint64_t data_offset, uint64_t data_size, const char *where, struct error *e)
{
	uint64_t at = 0;

	for (size_t i = 0; i < h->tensor_count; i++) {
		if (!check_tensor(h, &h->tensors[i], at, where, e))
			return false;
		at = h->tensors[i].end;
	}
	if (at > data_size)
		return error_set(e, ERROR_FORMAT,
				 "%s: the tensors need %llu bytes of data, the file has %llu: was the download cut off?", where,
				 (unsigned long long)at, (unsigned long long)data_size);
	if (at < data_size)
		return error_set(e, ERROR_FORMAT, "%s: %llu bytes after the last tensor (offset %llu) belong to none", where,
				 (unsigned long long)(data_size - at), (unsigned long long)(data_offset + at));
	return true;
}

static void place_tensor(struct safetensors_tensor *out, const struct header *h, const struct header_tensor *t,
			 const uint8_t *data, uint64_t data_offset, struct error *e)
{
	*out = (struct safetensors_tensor) {
		.name = t->name,
		.name_length = t->name_length,
		.dtype = t->dtype,
		.rank = t->rank,
		.shape = h->dimensions ? h->dimensions + t->first_dimension : NULL,
		.bytes = data ? data + t->begin : NULL,
		.file_offset = data_offset + t->begin,
	};
	tensor_size(h, t, &out->element_count, &out->size_bytes, "", e);
}

/* Allocates only when all is well: a file that is refused has taken no more than its header asked for. */
static bool index_tensors(struct safetensors *file, const uint8_t *data, uint64_t data_offset, uint64_t data_size,
			  const char *where, struct error *e)
{
	struct header *h = &file->header;

	drop_duplicates(h);
	if (h->tensor_count)
		qsort(h->tensors, h->tensor_count, sizeof(*h->tensors), compare_ranges);
	if (!check_ranges(h, data_offset, data_size, where, e))
		return false;
	file->tensors = array_new(h->tensor_count + 1, sizeof(*file->tensors), e);
	file->by_name = array_new(h->tensor_count + 1, sizeof(struct safetensors_tensor *), e);
	if (!file->tensors || !file->by_name)
		return false;
	file->count = h->tensor_count;
	for (size_t i = 0; i < file->count; i++) {
		place_tensor(&file->tensors[i], h, &h->tensors[i], data, data_offset, e);
		file->by_name[i] = &file->tensors[i];
	}
	if (file->count)
		qsort(file->by_name, file->count, sizeof(struct safetensors_tensor *), compare_pointers);
	free(h->tensors);
	h->tensors = NULL;
	return true;
}

/* What has no header is something else, which is often known. */
static bool refuse_kind(const uint8_t *bytes, size_t size, uint64_t length, const char *where, struct error *e)
{
	char kind[FILE_KIND_TEXT_MAX];

	if (file_kind_text(bytes, size, kind))
		return error_set(e, ERROR_FORMAT, "%s: this is no safetensors file but %s", where, kind);
	return error_set(e, ERROR_FORMAT, "%s: offset 0: a header of %llu bytes (%llu at most): this is no safetensors file",
			 where, (unsigned long long)length, (unsigned long long)SAFETENSORS_HEADER_MAX);
}

/* Of a file of so many bytes, of which at_hand are: all, or its head. */
static bool read_head(struct safetensors *file, const uint8_t *bytes, uint64_t at_hand, uint64_t size, const char *where,
		      struct error *e)
{
	uint64_t length = 0;

	if (size == 0)
		return error_set(e, ERROR_FORMAT, "%s: 0 bytes: nothing of it was downloaded", where);
	if (size < 8)
		return error_set(e, ERROR_FORMAT,
				 "%s: %llu bytes is too short for a header (8 at least): was the download cut off?", where,
				 (unsigned long long)size);
	for (unsigned i = 0; i < 8; i++)
		length |= (uint64_t)bytes[i] << (8 * i);
	if (length > SAFETENSORS_HEADER_MAX || length == 0)
		return refuse_kind(bytes, (size_t)at_hand, length, where, e);
	if (length > size - 8)
		return error_set(e, ERROR_FORMAT,
				 "%s: offset 0: a header of %llu bytes, but only %llu follow: was the download cut off?", where,
				 (unsigned long long)length, (unsigned long long)(size - 8));
	if (!safetensors_header_parse(&file->header, (const char *)bytes + 8, (size_t)length, where, e))
		return false;
	return index_tensors(file, at_hand == size ? bytes + 8 + length : NULL, 8 + length, size - 8 - length, where, e);
}

struct safetensors *safetensors_parse(const uint8_t *bytes, size_t size_bytes, const char *where, struct error *e)
{
	struct safetensors *file = array_new(1, sizeof(*file), e);

	if (file && !read_head(file, bytes, size_bytes, size_bytes, where, e)) {
		safetensors_close(file);
		return NULL;
	}
	return file;
}

struct safetensors *safetensors_open(const char *path, struct error *e)
{
	struct file_mapping mapping;
	struct safetensors *file;

	if (!file_map(&mapping, path, e))
		return NULL;
	file = safetensors_parse(mapping.bytes, mapping.size_bytes, path, e);
	if (!file) {
		file_unmap(&mapping);
		return NULL;
	}
	file->mapping = mapping;
	return file;
}

/* ---- without a mapping ---- */

#define SMALL_BYTES UINT64_C(4096) /* of a tensor that is read all the same: scales, and marks of formats */
#define SMALL_TOTAL_BYTES (UINT64_C(64) << 20) /* of all of them; real files have a thousandth of it */

static bool read_small(struct safetensors *file, const char *path, struct error *e)
{
	uint64_t total = 0;

	for (size_t i = 0; i < file->count; i++)
		total += file->tensors[i].size_bytes <= SMALL_BYTES ? file->tensors[i].size_bytes : 0;
	file->small = total <= SMALL_TOTAL_BYTES ? array_new((size_t)total + 1, 1, e) : NULL;
	total = 0;
	for (size_t i = 0; file->small && i < file->count; i++) {
		struct safetensors_tensor *tensor = &file->tensors[i];
		size_t got;

		if (tensor->size_bytes > SMALL_BYTES)
			continue;
		if (!file_read_at(path, tensor->file_offset, file->small + total, (size_t)tensor->size_bytes, &got, e))
			return false;
		tensor->bytes = file->small + total;
		total += tensor->size_bytes;
	}
	return !error_is_set(e);
}

/* The eight bytes of the header's length and the header, or as much as there is. */
static bool load_head(struct safetensors *file, const char *path, uint64_t size, struct error *e)
{
	uint8_t first[8] = { 0 };
	uint64_t length = 0;
	size_t got;

	if (!file_read_at(path, 0, first, sizeof(first), &got, e))
		return false;
	for (unsigned i = 0; i < 8; i++)
		length |= (uint64_t)first[i] << (8 * i);
	length = length > SAFETENSORS_HEADER_MAX ? FILE_KIND_HEAD_BYTES : length + 8;
	length = length < size ? length : size;
	file->head = array_new((size_t)length + 1, 1, e);
	return file->head && file_read_at(path, 0, file->head, (size_t)length, &got, e) &&
	       read_head(file, file->head, got, size, path, e) && read_small(file, path, e);
}

struct safetensors *safetensors_open_head(const char *path, struct error *e)
{
	struct error why = ERROR_INIT;
	struct safetensors *file = safetensors_open(path, &why);
	uint64_t size;

	if (file)
		return file;
	if (why.kind != ERROR_IO || !file_size(path, &size, e)) {
		if (!error_is_set(e))
			*e = why;
		return NULL;
	}
	file = array_new(1, sizeof(*file), e);
	if (file && load_head(file, path, size, e))
		return file;
	safetensors_close(file);
	return NULL;
}

void safetensors_close(struct safetensors *file)
{
	if (!file)
		return;
	file_unmap(&file->mapping);
	free(file->head);
	free(file->small);
	safetensors_header_free(&file->header);
	free(file->tensors);
	free(file->by_name);
	free(file);
}

size_t safetensors_count(const struct safetensors *file)
{
	return file->count;
}

const struct safetensors_tensor *safetensors_tensor(const struct safetensors *file, size_t index)
{
	return &file->tensors[index];
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name)
{
	size_t length = strlen(name);
	size_t low = 0;
	size_t high = file->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct safetensors_tensor *t = file->by_name[middle];
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

size_t safetensors_metadata_count(const struct safetensors *file)
{
	return file->header.metadata_count;
}

void safetensors_metadata_at(const struct safetensors *file, size_t index, const char **key, const char **value)
{
	*key = file->header.metadata[index].key;
	*value = file->header.metadata[index].value;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
	for (size_t i = 0; i < file->header.metadata_count; i++) {
		if (strcmp(file->header.metadata[i].key, key) == 0)
			return file->header.metadata[i].value;
	}
	return NULL;
}
