/* header_cursor.h - the words of a header's JSON: strings, whole numbers, brackets. Private to core/tensor/safetensors.
 *
 * What returns bool fills the cursor's error and returns false where the text is not what was wanted; the error names the offset in
 * the file. Space before a word is skipped. One thread per cursor.
 */
#ifndef RESIDENCY_TENSOR_HEADER_CURSOR_H
#define RESIDENCY_TENSOR_HEADER_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct header;

/* Borrows all it points to. */
struct header_cursor {
	const char *text;
	size_t length;
	size_t at;
	unsigned depth;
	char *strings; /* where the next decoded string goes: never longer than its text, two quotes included */
	const char *where;
	struct header *header;
	struct error *e;
};

/* ERROR_FORMAT at the cursor. Returns false. */
bool header_refuse(struct header_cursor *c, const char *what);

/* The whole text, before it is read; the cursor is at its beginning after. */
bool header_check_utf8(struct header_cursor *c);

void header_skip_space(struct header_cursor *c);

/* The next character that is not space, or NUL at the end. A NUL in the text reads as the end, and is refused as such. */
char header_peek(struct header_cursor *c);

/* Steps over one character. */
bool header_expect(struct header_cursor *c, char wanted);

/* Decoded and ended with NUL, in c->strings, which moves on: it is freed with the header. Names may hold NULs, hence the length. */
bool header_read_string(struct header_cursor *c, const char **text, size_t *length);

/* A number of 64 bits without sign, point or exponent; `what` is the error's text. */
bool header_read_whole(struct header_cursor *c, uint64_t *value, const char *what);

/* true, false, null. */
bool header_read_word(struct header_cursor *c, const char *word);

/* Steps over any value. Its strings are not kept. */
bool header_skip_value(struct header_cursor *c);

/* Steps over an opening bracket. */
bool header_deeper(struct header_cursor *c);

/* Whether an object or list that was just opened has items; closes it if not. */
bool header_has_items(struct header_cursor *c, char close);

/* Reads "," or the closing bracket. *more is false when it closed. */
bool header_next_item(struct header_cursor *c, char close, bool *more);

#endif
