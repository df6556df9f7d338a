/* header_cursor.c - a scanner that decodes in place.
 *
 * A decoded string is never longer than its text, so strings go to one block that is as large as the text and needs no checks. Only
 * values that are skipped are nested, and their depth is bounded.
 */
#include "core/tensor/safetensors/header_cursor.h"

#include <string.h>

#include "core/base/utf8.h"

/* As many brackets as the reference reader takes. */
#define DEPTH_MAX 127

bool header_refuse(struct header_cursor *c, const char *what)
{
	return error_set(c->e, ERROR_FORMAT, "%s: offset %zu (header): %s", c->where, c->at + 8, what);
}

void header_skip_space(struct header_cursor *c)
{
	while (c->at < c->length && strchr(" \t\n\r", c->text[c->at]) && c->text[c->at])
		c->at++;
}

char header_peek(struct header_cursor *c)
{
	header_skip_space(c);
	return c->at < c->length ? c->text[c->at] : '\0';
}

bool header_expect(struct header_cursor *c, char wanted)
{
	char what[40] = "expected ' ' here";

	if (header_peek(c) != wanted) {
		what[10] = wanted;
		return header_refuse(c, what);
	}
	c->at++;
	return true;
}

bool header_check_utf8(struct header_cursor *c)
{
	if (utf8_check(c->text, c->length, &c->at)) {
		c->at = 0;
		return true;
	}
	return header_refuse(c, "these bytes are not UTF-8");
}

static bool hex4(struct header_cursor *c, uint32_t *unit)
{
	*unit = 0;
	for (unsigned i = 0; i < 4; i++, c->at++) {
		static const char digits[] = "0123456789abcdef";
		char digit = c->at < c->length ? c->text[c->at] : '\0';
		const char *found = digit ? strchr(digits, digit | (digit >= 'A' ? 0x20 : 0)) : NULL;

		if (!found)
			return header_refuse(c, "\\u needs four hexadecimal digits");
		*unit = *unit << 4 | (uint32_t)(found - digits);
	}
	return true;
}

static void put_utf8(char **to, uint32_t code)
{
	unsigned char *p = (unsigned char *)*to;

	if (code < 0x80) {
		*p++ = (unsigned char)code;
	} else if (code < 0x800) {
		*p++ = (unsigned char)(0xc0 | code >> 6);
		*p++ = (unsigned char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*p++ = (unsigned char)(0xe0 | code >> 12);
		*p++ = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		*p++ = (unsigned char)(0x80 | (code & 0x3f));
	} else {
		*p++ = (unsigned char)(0xf0 | code >> 18);
		*p++ = (unsigned char)(0x80 | (code >> 12 & 0x3f));
		*p++ = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		*p++ = (unsigned char)(0x80 | (code & 0x3f));
	}
	*to = (char *)p;
}

/* After "\u". */
static bool unicode_escape(struct header_cursor *c, char **to)
{
	uint32_t high;
	uint32_t low;

	if (!hex4(c, &high))
		return false;
	if (high < 0xd800 || high > 0xdfff) {
		put_utf8(to, high);
		return true;
	}
	if (high > 0xdbff || c->length - c->at < 2 || c->text[c->at] != '\\' || c->text[c->at + 1] != 'u')
		return header_refuse(c, "half of a surrogate pair stands alone");
	c->at += 2;
	if (!hex4(c, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return header_refuse(c, "half of a surrogate pair stands alone");
	put_utf8(to, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
	return true;
}

static bool escape(struct header_cursor *c, char **to)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	char letter = c->at < c->length ? c->text[c->at] : '\0';
	const char *found = letter ? strchr(letters, letter) : NULL;

	if (letter == 'u') {
		c->at++;
		return unicode_escape(c, to);
	}
	if (!found)
		return header_refuse(c, "no such escape in a string");
	*(*to)++ = meanings[found - letters];
	c->at++;
	return true;
}

bool header_read_string(struct header_cursor *c, const char **text, size_t *length)
{
	char *to = c->strings;

	if (header_peek(c) != '"')
		return header_refuse(c, "expected a string here");
	c->at++;
	for (;;) {
		if (c->at >= c->length)
			return header_refuse(c, "the header ends inside a string");
		if (c->text[c->at] == '"')
			break;
		if ((unsigned char)c->text[c->at] < 0x20)
			return header_refuse(c, "control character in a string");
		if (c->text[c->at] == '\\') {
			c->at++;
			if (!escape(c, &to))
				return false;
		} else {
			*to++ = c->text[c->at++];
		}
	}
	c->at++;
	*text = c->strings;
	*length = (size_t)(to - c->strings);
	*to = '\0';
	c->strings = to + 1;
	return true;
}

static bool is_digit(const struct header_cursor *c)
{
	return c->at < c->length && c->text[c->at] >= '0' && c->text[c->at] <= '9';
}

/* One digit or more; `missing` says what is wrong without any. */
static bool skip_digits(struct header_cursor *c, const char *missing)
{
	if (!is_digit(c))
		return header_refuse(c, missing);
	while (is_digit(c))
		c->at++;
	return true;
}

static bool skip_point_and_exponent(struct header_cursor *c)
{
	if (c->at < c->length && c->text[c->at] == '.') {
		c->at++;
		if (!skip_digits(c, "a number ends at its point"))
			return false;
	}
	if (c->at < c->length && (c->text[c->at] | 0x20) == 'e') {
		c->at++;
		if (c->at < c->length && (c->text[c->at] == '+' || c->text[c->at] == '-'))
			c->at++;
		return skip_digits(c, "a number without digits in its exponent");
	}
	return true;
}

/* Any JSON number; *value is it when it is a whole one of 64 bits without sign, point or exponent, else *whole is
 * false. */
static bool read_number(struct header_cursor *c, uint64_t *value, bool *whole)
{
	bool leading_zero;
	size_t end;

	*value = 0;
	*whole = true;
	if (c->at < c->length && c->text[c->at] == '-') {
		*whole = false;
		c->at++;
	}
	if (!is_digit(c))
		return header_refuse(c, "expected a value here");
	leading_zero = c->text[c->at] == '0';
	for (size_t first = c->at; is_digit(c); c->at++) {
		if (leading_zero && c->at > first)
			return header_refuse(c, "a number with a leading zero");
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(c->text[c->at] - '0'), value))
			*whole = false;
	}
	end = c->at;
	if (!skip_point_and_exponent(c))
		return false;
	if (c->at > end)
		*whole = false;
	return true;
}

bool header_read_whole(struct header_cursor *c, uint64_t *value, const char *what)
{
	size_t start;
	bool whole = false;
	char next = header_peek(c);

	start = c->at;
	if ((next < '0' || next > '9') && next != '-')
		return header_refuse(c, what);
	if (!read_number(c, value, &whole))
		return false;
	if (!whole) {
		c->at = start;
		return header_refuse(c, what);
	}
	return true;
}

bool header_deeper(struct header_cursor *c)
{
	if (++c->depth > DEPTH_MAX)
		return header_refuse(c, "nested too deep");
	c->at++;
	return true;
}

bool header_next_item(struct header_cursor *c, char close, bool *more)
{
	char next = header_peek(c);

	if (next != ',' && next != close)
		return header_refuse(c, close == '}' ? "expected ',' or '}' here" : "expected ',' or ']' here");
	*more = next == ',';
	if (!*more)
		c->depth--;
	c->at++;
	return true;
}

bool header_has_items(struct header_cursor *c, char close)
{
	if (header_peek(c) != close)
		return true;
	c->depth--;
	c->at++;
	return false;
}

bool header_read_word(struct header_cursor *c, const char *word)
{
	size_t n = strlen(word);

	if (c->length - c->at < n || memcmp(c->text + c->at, word, n) != 0)
		return header_refuse(c, "expected a value here");
	c->at += n;
	return true;
}

static bool skip_items(struct header_cursor *c, char close) // NOLINT(misc-no-recursion)
{
	char *strings = c->strings;
	const char *key;
	size_t key_length;
	bool more = true;

	if (!header_deeper(c))
		return false;
	if (!header_has_items(c, close))
		return true;
	while (more) {
		if (close == '}' && (!header_read_string(c, &key, &key_length) || !header_expect(c, ':')))
			return false;
		if (!header_skip_value(c) || !header_next_item(c, close, &more))
			return false;
	}
	c->strings = strings;
	return true;
}

bool header_skip_value(struct header_cursor *c) // NOLINT(misc-no-recursion)
{
	char *strings = c->strings;
	const char *text;
	size_t length;
	uint64_t value;
	bool whole;

	switch (header_peek(c)) {
	case '{':
		return skip_items(c, '}');
	case '[':
		return skip_items(c, ']');
	case '"':
		if (!header_read_string(c, &text, &length))
			return false;
		c->strings = strings;
		return true;
	case 't':
		return header_read_word(c, "true");
	case 'f':
		return header_read_word(c, "false");
	case 'n':
		return header_read_word(c, "null");
	default:
		return read_number(c, &value, &whole);
	}
}
