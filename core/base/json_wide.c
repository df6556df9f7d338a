/* json_wide.c - integers above INT64_MAX, for a JSON library that has none.
 *
 * jansson refuses them. The text is therefore rewritten before it is parsed: an integer up to UINT64_MAX becomes a string that
 * begins with a NUL byte, followed by its digits. No other string can begin so, since the parser refuses \u0000 in what people
 * write. Beyond that range, on both sides, ".0" is appended, which makes it a real. Written out, the NUL shows as \u0000 right
 * after the opening quote, which no other value can show, so the way back is a search for these seven characters.
 */
#include "core/base/json_wide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/strbuf.h"

#define ENCODED "\"\\u0000"
#define DIGITS_LEAST 19 /* of INT64_MAX: a shorter integer always fits */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_number_char(char c)
{
	return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

/* The length of the number at text[at], in any form; 0 without one. */
static size_t number_length(const char *text, size_t length, size_t at)
{
	size_t end = at;

	while (end < length && is_number_char(text[end]))
		end++;
	return end - at;
}

/* Whether it is written as JSON writes an integer. */
static bool is_integer(const char *number, size_t length)
{
	size_t at = number[0] == '-';

	if (at == length || (number[at] == '0' && length > at + 1))
		return false;
	while (at < length && is_digit(number[at]))
		at++;
	return at == length;
}

static bool is_wide(const char *number, size_t length)
{
	if (length < DIGITS_LEAST || !is_integer(number, length))
		return false;
	errno = 0;
	strtoll(number, NULL, 10);
	return errno == ERANGE;
}

static bool fits_unsigned(const char *number)
{
	if (number[0] == '-')
		return false;
	errno = 0;
	strtoull(number, NULL, 10);
	return errno != ERANGE;
}

/* The next such integer at or after *at, outside strings; its length, or 0 at the end. A parser's position, so that a text is
 * walked once. */
static size_t next_wide(const char *text, size_t length, size_t *at)
{
	bool in_string = false;

	for (; *at < length; ++*at) {
		char c = text[*at];
		size_t size;

		if (in_string) {
			if (c == '\\')
				++*at;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		size = is_digit(c) || c == '-' ? number_length(text, length, *at) : 0;
		/* a number at the very end is no member of anything: strtoll would read past the text */
		if (*at + size < length && is_wide(text + *at, size))
			return size;
		if (size)
			*at += size - 1;
	}
	return 0;
}

bool json_wide_occurs(const char *text, size_t length)
{
	size_t at = 0;

	return next_wide(text, length, &at) > 0;
}

char *json_wide_blank(const char *text, size_t length, struct error *e)
{
	char *copy = malloc(length + 1);
	size_t at = 0;
	size_t size;

	if (!copy) {
		error_no_memory(e);
		return NULL;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	while ((size = next_wide(text, length, &at))) {
		memset(copy + at, ' ', size);
		copy[at] = '0';
		at += size;
	}
	return copy;
}

char *json_wide_encode(const char *text, size_t length, size_t *encoded_length, struct error *e)
{
	struct strbuf out = STRBUF_INIT;
	size_t from = 0;
	size_t at = 0;
	size_t size;

	while ((size = next_wide(text, length, &at))) {
		bool exact = fits_unsigned(text + at);

		strbuf_append_n(&out, text + from, at - from);
		strbuf_append(&out, exact ? ENCODED : "");
		strbuf_append_n(&out, text + at, size);
		strbuf_append(&out, exact ? "\"" : ".0");
		at += size;
		from = at;
	}
	strbuf_append_n(&out, text + from, length - from);
	if (!strbuf_ok(&out)) {
		strbuf_free(&out);
		error_no_memory(e);
		return NULL;
	}
	*encoded_length = out.length;
	return out.text;
}

void json_wide_decode(char *text)
{
	char *to = strstr(text, ENCODED);
	char *from = to;

	while (from) {
		char *next;

		from += sizeof(ENCODED) - 1;
		while (is_digit(*from))
			*to++ = *from++;
		from++; /* the closing quote */
		next = strstr(from, ENCODED);
		memmove(to, from, next ? (size_t)(next - from) : strlen(from) + 1);
		to += next ? next - from : 0;
		from = next;
	}
}
