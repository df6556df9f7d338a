/* strbuf.h - a string that grows.
 *
 * Appending never fails at the call: a failed allocation is remembered, later appends do nothing, and strbuf_finish or
 * strbuf_ok tells. Free with strbuf_free(), or take the text with strbuf_finish().
 */
#ifndef RESIDENCY_BASE_STRBUF_H
#define RESIDENCY_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

struct strbuf {
	char *text; /* always terminated once something was appended; NULL before */
	size_t length;
	size_t capacity;
	bool failed;
};

#define STRBUF_INIT                                                                                                            \
	{                                                                                                                      \
		.text = NULL                                                                                                   \
	}

void strbuf_append(struct strbuf *b, const char *text);
void strbuf_append_n(struct strbuf *b, const char *text, size_t length);
void strbuf_append_char(struct strbuf *b, char c);
__attribute__((format(printf, 2, 3))) void strbuf_printf(struct strbuf *b, const char *format, ...);
__attribute__((format(printf, 2, 0))) void strbuf_vprintf(struct strbuf *b, const char *format, va_list arguments);

/* Keeps the memory, forgets the text and any failure. */
void strbuf_clear(struct strbuf *b);
void strbuf_free(struct strbuf *b);

static inline bool strbuf_ok(const struct strbuf *b)
{
	return !b->failed;
}

/* The text, "" if nothing was appended. Borrowed. */
const char *strbuf_text(const struct strbuf *b);

/* Hands the text over (the caller frees it) and empties b; NULL with e set if an allocation had failed. */
char *strbuf_finish(struct strbuf *b, struct error *e);

#endif
