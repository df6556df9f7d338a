/* media.c - which format a file is, and which of its texts matter. */
#include "core/workflow/frontend/media.h"

#include <string.h>
#include <strings.h>

#include "core/base/array.h"

static const struct media_format *const formats[] = { &media_png, &media_webp, &media_mp4 };

const struct media_format *media_format_of(const unsigned char *bytes, size_t size_bytes)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (formats[i]->is(bytes, size_bytes))
			return formats[i];
	}
	return NULL;
}

void media_note(struct media_texts *texts, const char *key, const char *text, size_t length)
{
	const struct {
		const char *key;
		struct media_text *text;
	} wanted[] = {
		{ .key = "workflow", .text = &texts->workflow },
		{ .key = "prompt", .text = &texts->prompt },
		{ .key = "comment", .text = &texts->comment },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (strcasecmp(wanted[i].key, key) == 0 && !wanted[i].text->text)
			*wanted[i].text = (struct media_text) { .text = text, .length = length };
	}
}

unsigned media_u32(const unsigned char *bytes)
{
	return (unsigned)bytes[0] << 24 | (unsigned)bytes[1] << 16 | (unsigned)bytes[2] << 8 | bytes[3];
}
