/* media.h - workflows inside pictures and videos. Private to core/workflow/frontend.
 *
 * ComfyUI writes the canvas ("workflow") and the prompt ("prompt") as JSON into what it saves: text chunks of a PNG, EXIF tags of a WebP, item
 * lists of an MP4. Readers here take any bytes, trust no length in them, and keep no state. Texts are in the arena.
 */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_MEDIA_H
#define RESIDENCY_WORKFLOW_FRONTEND_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"

/* A text by its key. */
struct media_text {
	const char *text; /* a NUL follows; NULL: not found */
	size_t length;
};

struct media_texts {
	struct media_text workflow, prompt;
	struct media_text comment; /* VideoHelperSuite: an object of both */
};

/* A row a format. */
struct media_format {
	const char *name; /* "PNG" */
	bool (*is)(const unsigned char *bytes, size_t size_bytes);
	void (*read)(struct arena *arena, const unsigned char *bytes, size_t size_bytes, struct media_texts *texts);
};

extern const struct media_format media_png, media_webp, media_mp4;

/* NULL where the bytes are none of these. */
const struct media_format *media_format_of(const unsigned char *bytes, size_t size_bytes);

/* Takes a text over where its key is one that is looked for; the first of a key stays. */
void media_note(struct media_texts *texts, const char *key, const char *text, size_t length);

/* Big-endian. */
unsigned media_u32(const unsigned char *bytes);

#endif
