/* media_webp.c - EXIF of a WebP: ComfyUI writes "workflow:{...}" and "prompt:{...}" into text tags of the first directory.
 *
 * A WebP is a RIFF file of chunks, padded to even sizes. Its EXIF chunk is a TIFF file, whose byte order its first two bytes tell. Which
 * tags hold the texts has changed, so each text of the directory is looked at.
 */
#include <string.h>

#include "core/workflow/frontend/media.h"

#define ENTRY_BYTES 12
#define TYPE_ASCII 2

struct tiff {
	const unsigned char *bytes;
	size_t size_bytes;
	bool little;
};

static bool is_webp(const unsigned char *bytes, size_t size_bytes)
{
	return size_bytes >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

static unsigned read_u16(const struct tiff *tiff, size_t at)
{
	const unsigned char *p = tiff->bytes + at;

	return tiff->little ? (unsigned)p[1] << 8 | p[0] : (unsigned)p[0] << 8 | p[1];
}

static unsigned read_u32(const struct tiff *tiff, size_t at)
{
	const unsigned char *p = tiff->bytes + at;

	return tiff->little ? (unsigned)p[3] << 24 | (unsigned)p[2] << 16 | (unsigned)p[1] << 8 | p[0] : media_u32(p);
}

/* "key:text", perhaps with a NUL at its end. */
static void note_text(struct arena *arena, const unsigned char *text, size_t length, struct media_texts *texts)
{
	const unsigned char *colon = memchr(text, ':', length);
	size_t left;

	if (!colon)
		return;
	left = length - (size_t)(colon - text) - 1;
	while (left > 0 && colon[left] == '\0')
		left--;
	media_note(texts, arena_copy(arena, (const char *)text, (size_t)(colon - text)),
		   arena_copy(arena, (const char *)colon + 1, left), left);
}

static void read_directory(struct arena *arena, const struct tiff *tiff, size_t at, struct media_texts *texts)
{
	unsigned count;

	if (at > tiff->size_bytes || tiff->size_bytes - at < 2)
		return;
	count = read_u16(tiff, at);
	at += 2;
	for (unsigned i = 0; i < count && tiff->size_bytes - at >= ENTRY_BYTES; i++, at += ENTRY_BYTES) {
		size_t length = read_u32(tiff, at + 4);
		size_t place = length > 4 ? read_u32(tiff, at + 8) : at + 8;

		if (read_u16(tiff, at + 2) == TYPE_ASCII && place <= tiff->size_bytes && length <= tiff->size_bytes - place)
			note_text(arena, tiff->bytes + place, length, texts);
	}
}

static void read_exif(struct arena *arena, const unsigned char *data, size_t size, struct media_texts *texts)
{
	struct tiff tiff = { .bytes = data, .size_bytes = size };

	if (size >= 6 && memcmp(data, "Exif\0\0", 6) == 0)
		tiff = (struct tiff) { .bytes = data + 6, .size_bytes = size - 6 };
	if (tiff.size_bytes < 8)
		return;
	tiff.little = memcmp(tiff.bytes, "II", 2) == 0;
	read_directory(arena, &tiff, read_u32(&tiff, 4), texts);
}

static void read_webp(struct arena *arena, const unsigned char *bytes, size_t size_bytes, struct media_texts *texts)
{
	struct tiff riff = { .bytes = bytes, .size_bytes = size_bytes, .little = true };
	size_t at = 12;

	while (at < size_bytes && size_bytes - at >= 8) {
		size_t size = read_u32(&riff, at + 4);

		if (size > size_bytes - at - 8)
			return;
		if (memcmp(bytes + at, "EXIF", 4) == 0)
			read_exif(arena, bytes + at + 8, size, texts);
		at += 8 + size + (size & 1);
	}
}

const struct media_format media_webp = {
	.name = "WebP",
	.is = is_webp,
	.read = read_webp,
};
