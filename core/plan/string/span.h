/* span.h - pieces of text: parts of a longer text, which they borrow. Nothing fails but span_copy. Any thread. */
#ifndef RESIDENCY_PLAN_SPAN_H
#define RESIDENCY_PLAN_SPAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* Part of a longer text, not terminated. */
struct span {
	const char *text; /* NULL: no more pieces */
	size_t length;
};

struct span span_of(const char *text);
bool span_is(struct span span, const char *text);
bool span_equal(struct span a, struct span b);
/* First place of a character, or NULL. */
const char *span_find(struct span span, char c);
/* The part before and the part after `at`, which lies in span; the character at `at` is in neither. */
struct span span_before(struct span span, const char *at);
struct span span_after(struct span span, const char *at);
/* The next piece up to a separator, as a split would give it: an empty text has one empty piece. */
bool span_next(struct span *rest, char separator, struct span *piece);
size_t span_count_pieces(struct span span, char separator);
/* The caller frees. NULL, with ERROR_MEMORY, on failure. */
char *span_copy(struct span span, struct error *e);

#endif
