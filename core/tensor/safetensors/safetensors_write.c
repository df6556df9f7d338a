/* All sizes are known from the entries, so the header is written first and whole, padded so that the data is aligned. Bytes
 * then come in order, in pieces of any size, and are counted: finishing with too few is an error. The file appears under its
 * name at the end (partial.h).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/partial.h"
#include "core/base/strbuf.h"
#include "core/tensor/safetensors/safetensors.h"

struct safetensors_writer {
	struct partial file;
	uint64_t written_bytes;
	uint64_t data_size_bytes;
};

static void append_json_string(struct strbuf *b, const char *text)
{
	strbuf_append_char(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			strbuf_printf(b, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			strbuf_printf(b, "\\u%04x", (unsigned)*text);
		else
			strbuf_append_char(b, *text);
	}
	strbuf_append_char(b, '"');
}

static bool entry_size(const struct safetensors_entry *entry, uint64_t *size_bytes, struct error *e)
{
	uint64_t bits = dtype_bits(entry->dtype);

	for (size_t i = 0; i < entry->rank; i++) {
		if (entry->shape[i] < 0 || __builtin_mul_overflow(bits, (uint64_t)entry->shape[i], &bits))
			return error_set(e, ERROR_FORMAT, "tensor %.200s: dimension %zu is %" PRId64 ": no such size",
					 entry->name, i, entry->shape[i]);
	}
	if (bits % 8)
		return error_set(e, ERROR_FORMAT, "tensor %.200s: its elements of %s do not fill whole bytes", entry->name,
				 dtype_name(entry->dtype));
	*size_bytes = bits / 8;
	return true;
}

static bool names_differ(const struct safetensors_entry *entries, size_t count, struct error *e)
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

static void append_metadata(struct strbuf *b, const char *const *metadata)
{
	strbuf_append(b, "\"__metadata__\":{");
	for (size_t i = 0; metadata[i]; i += 2) {
		if (i)
			strbuf_append_char(b, ',');
		append_json_string(b, metadata[i]);
		strbuf_append_char(b, ':');
		append_json_string(b, metadata[i + 1]);
	}
	strbuf_append_char(b, '}');
}

static bool append_entry(struct strbuf *b, const struct safetensors_entry *entry, uint64_t *at, struct error *e)
{
	uint64_t size_bytes;
	uint64_t end;

	if (!entry_size(entry, &size_bytes, e))
		return false;
	if (__builtin_add_overflow(*at, size_bytes, &end))
		return error_set(e, ERROR_FORMAT, "tensor %.200s: the file would be larger than 2^64 bytes", entry->name);
	append_json_string(b, entry->name);
	strbuf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(entry->dtype));
	for (size_t i = 0; i < entry->rank; i++)
		strbuf_printf(b, "%s%" PRId64, i ? "," : "", entry->shape[i]);
	strbuf_printf(b, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", *at, end);
	*at = end;
	return true;
}

/* The header, padded with spaces so that the data begins at a multiple of 8, as the reference writer does. */
static bool make_header(struct strbuf *b, const struct safetensors_entry *entries, size_t count, const char *const *metadata,
			uint64_t *data_size_bytes, struct error *e)
{
	*data_size_bytes = 0;
	strbuf_append_char(b, '{');
	if (metadata)
		append_metadata(b, metadata);
	for (size_t i = 0; i < count; i++) {
		if (i || metadata)
			strbuf_append_char(b, ',');
		if (!append_entry(b, &entries[i], data_size_bytes, e))
			return false;
	}
	strbuf_append_char(b, '}');
	while (b->length % 8 && strbuf_ok(b))
		strbuf_append_char(b, ' ');
	if (!strbuf_ok(b))
		return error_no_memory(e);
	if (b->length > SAFETENSORS_HEADER_MAX)
		return error_set(e, ERROR_FORMAT,
				 "the header would be %zu bytes (100000000 at most): fewer or shorter names, less metadata",
				 b->length);
	return names_differ(entries, count, e);
}

static bool begin(struct safetensors_writer *writer, const char *path, const struct strbuf *header, struct error *e)
{
	unsigned char length[8];

	for (unsigned i = 0; i < 8; i++)
		length[i] = (unsigned char)((uint64_t)header->length >> (8 * i));
	return partial_open(&writer->file, path, e) && partial_write(&writer->file, length, sizeof(length), e) &&
	       partial_write(&writer->file, header->text, header->length, e);
}

struct safetensors_writer *safetensors_writer_open(const char *path, const struct safetensors_entry *entries, size_t count,
						   const char *const *metadata, struct error *e)
{
	struct safetensors_writer *writer = array_new(1, sizeof(*writer), e);
	struct strbuf header = STRBUF_INIT;

	if (!writer)
		return NULL;
	if (!make_header(&header, entries, count, metadata, &writer->data_size_bytes, e)) {
		error_context(e, "%s", path);
		goto fail;
	}
	if (!begin(writer, path, &header, e))
		goto fail;
	strbuf_free(&header);
	return writer;
fail:
	strbuf_free(&header);
	safetensors_writer_abandon(writer);
	return NULL;
}

bool safetensors_writer_put(struct safetensors_writer *writer, const void *bytes, size_t size_bytes, struct error *e)
{
	if (size_bytes > writer->data_size_bytes - writer->written_bytes)
		return error_set(e, ERROR_BUG, "%s: more bytes than its header announces (%" PRIu64 ")", writer->file.path,
				 writer->data_size_bytes);
	if (!partial_write(&writer->file, bytes, size_bytes, e))
		return false;
	writer->written_bytes += size_bytes;
	return true;
}

bool safetensors_writer_skip(struct safetensors_writer *writer, uint64_t size_bytes, struct error *e)
{
	if (size_bytes > writer->data_size_bytes - writer->written_bytes)
		return error_set(e, ERROR_BUG, "%s: more bytes than its header announces (%" PRIu64 ")", writer->file.path,
				 writer->data_size_bytes);
	if (!partial_skip(&writer->file, size_bytes, e))
		return false;
	writer->written_bytes += size_bytes;
	return true;
}

bool safetensors_writer_finish(struct safetensors_writer *writer, struct error *e)
{
	bool fine;

	if (writer->written_bytes == writer->data_size_bytes)
		fine = partial_finish(&writer->file, e);
	else
		fine = error_set(e, ERROR_BUG, "%s: %" PRIu64 " bytes of data of the %" PRIu64 " that its header announces",
				 writer->file.path, writer->written_bytes, writer->data_size_bytes);
	safetensors_writer_abandon(writer);
	return fine;
}

void safetensors_writer_abandon(struct safetensors_writer *writer)
{
	if (!writer)
		return;
	partial_abandon(&writer->file);
	free(writer);
}

bool safetensors_write(const char *path, const struct safetensors_entry *entries, size_t count, const char *const *metadata,
		       struct error *e)
{
	struct safetensors_writer *writer = safetensors_writer_open(path, entries, count, metadata, e);

	if (!writer)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t size_bytes;

		if (!entry_size(&entries[i], &size_bytes, e) ||
		    !safetensors_writer_put(writer, entries[i].bytes, (size_t)size_bytes, e)) {
			safetensors_writer_abandon(writer);
			return false;
		}
	}
	return safetensors_writer_finish(writer, e);
}
