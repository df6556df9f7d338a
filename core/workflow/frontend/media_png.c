/* media_png.c - text chunks of a PNG: tEXt, zTXt, iTXt.
 *
 * A chunk is a length, a type, data and a checksum, which is not looked at: a picture whose checksum is wrong still holds its workflow. A
 * compressed text grows to INFLATED_MAX_BYTES at most.
 */
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "core/workflow/frontend/media.h"

#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define SIGNATURE_BYTES 8
#define CHUNK_BYTES 12 /* length, type, checksum */
#define KEY_MAX 79 /* bytes; of the format */
#define INFLATED_MAX_BYTES ((size_t)256 << 20)

static bool is_png(const unsigned char *bytes, size_t size_bytes)
{
	return size_bytes >= SIGNATURE_BYTES && memcmp(bytes, SIGNATURE, SIGNATURE_BYTES) == 0;
}

static void note_inflated(struct arena *arena, struct media_texts *texts, const char *key, const unsigned char *packed,
			  size_t packed_size)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)packed_size };
	unsigned char buffer[4096];
	struct arena_text out = { .arena = arena };
	int status;

	/* zlib's state is its own memory: whatever needs the arena, which may jump away, comes after its end. Two passes: sizes, then bytes. */
	if (inflateInit(&stream) != Z_OK)
		return;
	do {
		stream.next_out = buffer;
		stream.avail_out = sizeof(buffer);
		status = inflate(&stream, Z_NO_FLUSH);
	} while (status == Z_OK && stream.total_out <= INFLATED_MAX_BYTES);
	inflateEnd(&stream);
	if (status != Z_STREAM_END)
		return;
	out.length = stream.total_out;
	out.text = arena_take(arena, out.length + 1);
	if (uncompress((Bytef *)out.text, &(uLongf) { out.length }, packed, packed_size) == Z_OK)
		media_note(texts, key, out.text, out.length);
}

/* iTXt: after the key a flag, a method, a language and a translated key, each ended by a NUL. */
static void note_international(struct arena *arena, struct media_texts *texts, const char *key, const unsigned char *data,
			       size_t size)
{
	const unsigned char *end = data + size;
	const unsigned char *p = data + 2;

	if (size < 2)
		return;
	for (int i = 0; i < 2; i++) {
		p = memchr(p, '\0', (size_t)(end - p));
		if (!p)
			return;
		p++;
	}
	if (data[0] == 1)
		note_inflated(arena, texts, key, p, (size_t)(end - p));
	else
		media_note(texts, key, arena_copy(arena, (const char *)p, (size_t)(end - p)), (size_t)(end - p));
}

static void read_chunk(struct arena *arena, const unsigned char *type, const unsigned char *data, size_t size,
		       struct media_texts *texts)
{
	const unsigned char *stop = memchr(data, '\0', size < KEY_MAX + 1 ? size : KEY_MAX + 1);
	const char *key = stop ? arena_copy(arena, (const char *)data, (size_t)(stop - data)) : "";
	size_t left = stop ? size - (size_t)(stop - data) - 1 : 0;

	if (!stop)
		return;
	if (memcmp(type, "tEXt", 4) == 0)
		media_note(texts, key, arena_copy(arena, (const char *)stop + 1, left), left);
	else if (memcmp(type, "zTXt", 4) == 0 && left > 1)
		note_inflated(arena, texts, key, stop + 2, left - 1);
	else if (memcmp(type, "iTXt", 4) == 0)
		note_international(arena, texts, key, stop + 1, left);
}

static bool is_text(const unsigned char *type)
{
	return memcmp(type, "tEXt", 4) == 0 || memcmp(type, "zTXt", 4) == 0 || memcmp(type, "iTXt", 4) == 0;
}

static void read_png(struct arena *arena, const unsigned char *bytes, size_t size_bytes, struct media_texts *texts)
{
	size_t at = SIGNATURE_BYTES;

	while (size_bytes - at >= CHUNK_BYTES) {
		size_t size = media_u32(bytes + at);

		if (size > size_bytes - at - CHUNK_BYTES)
			return;
		if (is_text(bytes + at + 4))
			read_chunk(arena, bytes + at + 4, bytes + at + 8, size, texts);
		at += CHUNK_BYTES + size;
	}
}

const struct media_format media_png = {
	.name = "PNG",
	.is = is_png,
	.read = read_png,
};
