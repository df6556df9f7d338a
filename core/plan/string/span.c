/* span.c - spans are cut without copying: each is a pointer into a longer text, and a length. */
#include "core/plan/string/span.h"

#include <string.h>

#include "core/base/string.h"

struct span span_of(const char *text)
{
	return (struct span) { text, strlen(text) };
}

bool span_is(struct span span, const char *text)
{
	return span_equal(span, span_of(text));
}

bool span_equal(struct span a, struct span b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, a.length) == 0);
}

const char *span_find(struct span span, char c)
{
	return span.length ? memchr(span.text, c, span.length) : NULL;
}

struct span span_before(struct span span, const char *at)
{
	return (struct span) { span.text, (size_t)(at - span.text) };
}

struct span span_after(struct span span, const char *at)
{
	return (struct span) { at + 1, span.length - (size_t)(at - span.text) - 1 };
}

bool span_next(struct span *rest, char separator, struct span *piece)
{
	const char *at;

	if (!rest->text)
		return false;
	at = span_find(*rest, separator);
	*piece = at ? span_before(*rest, at) : *rest;
	*rest = at ? span_after(*rest, at) : (struct span) { NULL, 0 };
	return true;
}

size_t span_count_pieces(struct span span, char separator)
{
	size_t count = 1;

	for (size_t i = 0; i < span.length; i++)
		count += span.text[i] == separator;
	return count;
}

char *span_copy(struct span span, struct error *e)
{
	return string_copy_n(span.text, span.length, e);
}
