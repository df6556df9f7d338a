/* Values are appended to a text as they are given. The head is complete before the first tensor is written, since offsets
 * follow from the descriptions; tensors then come in order and in pieces of any size, each padded to the alignment. The file
 * appears under its name when all of it is written (partial.h).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/partial.h"
#include "core/tensor/gguf/gguf.h"

#define VERSION 3u

struct gguf_writer {
	struct partial file;
	uint64_t *sizes; /* bytes of each tensor; what follows the last is padded too, as the reference writer does */
	size_t count;
	size_t current; /* the tensor whose bytes come next */
	uint64_t written_bytes; /* of it */
};

/* ---- values ---- */

static void append_u32(struct strbuf *b, uint32_t value)
{
	strbuf_append_n(b, (const char *)&value, sizeof(value));
}

static void append_u64(struct strbuf *b, uint64_t value)
{
	strbuf_append_n(b, (const char *)&value, sizeof(value));
}

static void append_text(struct strbuf *b, const char *text, size_t length)
{
	append_u64(b, length);
	strbuf_append_n(b, text, length);
}

static struct strbuf *begin_value(struct gguf_metadata *metadata, const char *key, size_t key_length, enum gguf_type type)
{
	metadata->count++;
	append_text(&metadata->encoded, key, key_length);
	append_u32(&metadata->encoded, type);
	return &metadata->encoded;
}

void gguf_metadata_text(struct gguf_metadata *metadata, const char *key, const char *text)
{
	append_text(begin_value(metadata, key, strlen(key), GGUF_STRING), text, strlen(text));
}

void gguf_metadata_u32(struct gguf_metadata *metadata, const char *key, uint32_t number)
{
	append_u32(begin_value(metadata, key, strlen(key), GGUF_U32), number);
}

void gguf_metadata_i32s(struct gguf_metadata *metadata, const char *key, const int32_t *numbers, size_t count)
{
	struct strbuf *b = begin_value(metadata, key, strlen(key), GGUF_ARRAY);

	append_u32(b, GGUF_I32);
	append_u64(b, count);
	strbuf_append_n(b, (const char *)numbers, count * sizeof(*numbers));
}

void gguf_metadata_copy(struct gguf_metadata *metadata, const struct gguf_value *value)
{
	strbuf_append_n(begin_value(metadata, value->key, value->key_length, value->type), (const char *)value->raw,
			value->raw_size_bytes);
}

void gguf_metadata_free(struct gguf_metadata *metadata)
{
	strbuf_free(&metadata->encoded);
	metadata->count = 0;
}

/* ---- descriptions ---- */

static uint64_t padding_after(uint64_t size_bytes)
{
	return (GGUF_ALIGNMENT - size_bytes % GGUF_ALIGNMENT) % GGUF_ALIGNMENT;
}

static bool entry_size(const struct gguf_entry *entry, uint64_t *size_bytes, struct error *e)
{
	unsigned elements = quant_block_elements(entry->type);
	uint64_t product = quant_block_bytes(entry->type);

	if (entry->rank == 0 ? elements != 1 : entry->shape[entry->rank - 1] % (int64_t)elements != 0)
		return error_set(e, ERROR_FORMAT, "tensor %.200s: its rows are not whole blocks of %s, which hold %u",
				 entry->name, quant_name(entry->type), elements);
	if (entry->rank > GGUF_RANK_MAX)
		return error_set(e, ERROR_FORMAT, "tensor %.200s: %zu dimensions (%u at most)", entry->name, entry->rank,
				 GGUF_RANK_MAX);
	for (size_t i = 0; i < entry->rank; i++) {
		int64_t dimension = i + 1 == entry->rank ? entry->shape[i] / (int64_t)elements : entry->shape[i];

		if (entry->shape[i] < 0 || __builtin_mul_overflow(product, (uint64_t)dimension, &product) ||
		    product > INT64_MAX)
			return error_set(e, ERROR_FORMAT, "tensor %.200s: dimension %zu is %" PRId64 ": no such size",
					 entry->name, i, entry->shape[i]);
	}
	*size_bytes = product;
	return true;
}

static bool names_differ(const struct gguf_entry *entries, size_t count, struct error *e)
{
	const char **names = array_new(count, sizeof(*names), e);
	const char *repeated;

	if (!names)
		return false;
	for (size_t i = 0; i < count; i++)
		names[i] = entries[i].name;
	repeated = array_repeated_text(names, count);
	free(names);
	return !repeated || error_set(e, ERROR_FORMAT, "two tensors are named %.200s", repeated);
}

static bool append_entry(struct strbuf *b, const struct gguf_entry *entry, uint64_t *size_bytes, uint64_t *at, struct error *e)
{
	if (!entry_size(entry, size_bytes, e))
		return false;
	append_text(b, entry->name, strlen(entry->name));
	append_u32(b, (uint32_t)entry->rank);
	for (size_t i = entry->rank; i-- > 0;)
		append_u64(b, (uint64_t)entry->shape[i]);
	append_u32(b, entry->type);
	append_u64(b, *at);
	if (__builtin_add_overflow(*at, *size_bytes + padding_after(*size_bytes), at))
		return error_set(e, ERROR_FORMAT, "tensor %.200s: the file would be larger than 2^64 bytes", entry->name);
	return true;
}

static bool make_head(struct gguf_writer *writer, struct strbuf *b, const struct gguf_entry *entries, size_t count,
		      const struct gguf_metadata *metadata, struct error *e)
{
	uint64_t at = 0;

	strbuf_append(b, "GGUF");
	append_u32(b, VERSION);
	append_u64(b, count);
	append_u64(b, metadata ? metadata->count : 0);
	if (metadata) {
		b->failed |= metadata->encoded.failed;
		strbuf_append_n(b, strbuf_text(&metadata->encoded), metadata->encoded.length);
	}
	for (size_t i = 0; i < count; i++) {
		if (!append_entry(b, &entries[i], &writer->sizes[i], &at, e))
			return false;
	}
	for (uint64_t left = padding_after(b->length); left; left--)
		strbuf_append_char(b, '\0');
	return strbuf_ok(b) ? names_differ(entries, count, e) : error_no_memory(e);
}

/* ---- the file ---- */

/* Past tensors that are complete, with their padding; those without bytes too. */
static bool next_tensor(struct gguf_writer *writer, struct error *e)
{
	static const char zeros[GGUF_ALIGNMENT] = { 0 };

	while (writer->current < writer->count && writer->written_bytes == writer->sizes[writer->current]) {
		if (!partial_write(&writer->file, zeros, (size_t)padding_after(writer->written_bytes), e))
			return false;
		writer->current++;
		writer->written_bytes = 0;
	}
	return true;
}

struct gguf_writer *gguf_writer_open(const char *path, const struct gguf_entry *entries, size_t count,
				     const struct gguf_metadata *metadata, struct error *e)
{
	struct gguf_writer *writer = array_new(1, sizeof(*writer), e);
	struct strbuf head = STRBUF_INIT;
	bool fine;

	if (!writer)
		return NULL;
	writer->count = count;
	writer->sizes = array_new(count + 1, sizeof(*writer->sizes), e);
	fine = writer->sizes && make_head(writer, &head, entries, count, metadata, e);
	if (!fine)
		error_context(e, "%s", path);
	fine = fine && partial_open(&writer->file, path, e) && partial_write(&writer->file, head.text, head.length, e) &&
	       next_tensor(writer, e);
	strbuf_free(&head);
	if (fine)
		return writer;
	gguf_writer_abandon(writer);
	return NULL;
}

bool gguf_writer_put(struct gguf_writer *writer, const void *bytes, size_t size_bytes, struct error *e)
{
	const char *p = bytes;

	while (size_bytes) {
		uint64_t left;
		size_t some;

		if (writer->current == writer->count)
			return error_set(e, ERROR_BUG, "%s: more bytes than its descriptions announce", writer->file.path);
		left = writer->sizes[writer->current] - writer->written_bytes;
		some = left < size_bytes ? (size_t)left : size_bytes;
		if (!partial_write(&writer->file, p, some, e))
			return false;
		writer->written_bytes += some;
		p += some;
		size_bytes -= some;
		if (!next_tensor(writer, e))
			return false;
	}
	return true;
}

bool gguf_writer_finish(struct gguf_writer *writer, struct error *e)
{
	bool fine;

	if (writer->current == writer->count)
		fine = partial_finish(&writer->file, e);
	else
		fine = error_set(e, ERROR_BUG, "%s: tensor %zu of %zu has %" PRIu64 " bytes of %" PRIu64, writer->file.path,
				 writer->current, writer->count, writer->written_bytes, writer->sizes[writer->current]);
	gguf_writer_abandon(writer);
	return fine;
}

void gguf_writer_abandon(struct gguf_writer *writer)
{
	if (!writer)
		return;
	partial_abandon(&writer->file);
	free(writer->sizes);
	free(writer);
}

bool gguf_write(const char *path, const struct gguf_entry *entries, size_t count, const struct gguf_metadata *metadata,
		struct error *e)
{
	struct gguf_writer *writer = gguf_writer_open(path, entries, count, metadata, e);

	for (size_t i = 0; writer && i < count; i++) {
		if (!gguf_writer_put(writer, entries[i].bytes, (size_t)writer->sizes[i], e)) {
			gguf_writer_abandon(writer);
			return false;
		}
	}
	return writer && gguf_writer_finish(writer, e);
}
