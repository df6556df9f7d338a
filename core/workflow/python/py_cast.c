/* py_cast.c - int(), float() and str() of any value, with Python's words where they refuse.
 *
 * A text is read after spaces of every kind are stripped; digits of every script count, and an underscore may stand between two
 * digits. What remains is written in plain ASCII and handed to strtod, or kept as digits.
 */
#include "core/workflow/python/py.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/workflow/python/py_unicode.h"

#define INTEGER_DIGITS_MOST 4300 /* sys.int_info.default_max_str_digits */

/* The text without outer spaces, its digits as ASCII. What is neither a digit nor ASCII becomes '?', which no number has. */
static void write_plain(struct strbuf *out, const struct py *text)
{
	const char *bytes = text->text.bytes;
	size_t length = text->text.length;
	size_t begin = out->length;
	size_t end = begin;

	for (size_t at = 0; at < length;) {
		uint32_t point = py_unicode_next(bytes, length, &at);
		int digit = py_unicode_digit(point);
		bool space = py_unicode_is_space(point);

		if (space && out->length == begin)
			continue;
		strbuf_append_char(out, digit >= 0		? (char)('0' + digit)
					: space			? ' '
					: point && point < 0x80 ? (char)point
								: '?');
		if (!space)
			end = out->length;
	}
	if (strbuf_ok(out) && out->text) {
		out->length = end;
		out->text[end] = '\0';
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes underscores out. False where one does not stand between two digits. */
static bool drop_underscores(struct strbuf *text)
{
	size_t kept = 0;

	for (size_t i = 0; i < text->length; i++) {
		if (text->text[i] != '_')
			continue;
		if (i == 0 || !is_digit(text->text[i - 1]) || !is_digit(text->text[i + 1]))
			return false;
	}
	for (size_t i = 0; i < text->length; i++) {
		if (text->text[i] != '_')
			text->text[kept++] = text->text[i];
	}
	text->length = kept;
	if (text->text)
		text->text[kept] = '\0';
	return true;
}

static bool raise_with_repr(struct py_raised *raised, const char *words, const struct py *text)
{
	struct strbuf repr = STRBUF_INIT;

	py_write_text_repr(&repr, text->text.bytes, text->text.length);
	if (strbuf_ok(&repr))
		py_raise(raised, "ValueError", "%s%s", words, strbuf_text(&repr));
	else
		py_raise_no_memory(raised);
	strbuf_free(&repr);
	return false;
}

static bool is_integer_text(const struct strbuf *text)
{
	size_t at = text->length && (text->text[0] == '-' || text->text[0] == '+');

	if (at == text->length)
		return false;
	while (at < text->length && is_digit(text->text[at]))
		at++;
	return at == text->length;
}

static struct py *integer_of_text(const struct py *value, struct py_raised *raised)
{
	struct strbuf plain = STRBUF_INIT;
	struct py *made = NULL;
	size_t digits;

	write_plain(&plain, value);
	if (!strbuf_ok(&plain)) {
		py_raise_no_memory(raised);
	} else if (!drop_underscores(&plain) || !is_integer_text(&plain)) {
		raise_with_repr(raised, "invalid literal for int() with base 10: ", value);
	} else if ((digits = plain.length - !is_digit(plain.text[0])) > INTEGER_DIGITS_MOST) {
		py_raise(raised, "ValueError",
			 "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits; use "
			 "sys.set_int_max_str_digits() to increase the limit",
			 INTEGER_DIGITS_MOST, digits);
	} else {
		made = py_integer_text(plain.text, plain.length);
		if (!made)
			py_raise_no_memory(raised);
	}
	strbuf_free(&plain);
	return made;
}

static struct py *integer_of_float(double number, struct py_raised *raised)
{
	char digits[400]; /* a double has 309 before the point */
	struct py *made;

	if (isnan(number)) {
		py_raise(raised, "ValueError", "cannot convert float NaN to integer");
		return NULL;
	}
	if (isinf(number)) {
		py_raise(raised, "OverflowError", "cannot convert float infinity to integer");
		return NULL;
	}
	snprintf(digits, sizeof(digits), "%.0f", trunc(number));
	made = py_integer_text(digits, strlen(digits));
	if (!made)
		py_raise_no_memory(raised);
	return made;
}

struct py *py_to_integer(const struct py *value, struct py_raised *raised)
{
	struct py *made;

	switch (value->kind) {
	case PY_INTEGER:
		return py_take(value);
	case PY_BOOL:
		made = py_integer(value->boolean);
		if (!made)
			py_raise_no_memory(raised);
		return made;
	case PY_FLOAT:
		return integer_of_float(value->number, raised);
	case PY_TEXT:
		return integer_of_text(value, raised);
	default:
		py_raise(raised, "TypeError", "int() argument must be a string, a bytes-like object or a real number, not '%s'",
			 py_type(value));
		return NULL;
	}
}

/* strtod takes more than Python does: hexadecimal, and words in brackets after nan. */
static bool is_float_text(const char *text)
{
	static const char *const words[] = { "inf", "infinity", "nan" };
	const char *body = text + (*text == '-' || *text == '+');

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(body, words[i]) == 0)
			return true;
	}
	return *body && body[strspn(body, "0123456789.eE+-")] == '\0';
}

static struct py *float_of_text(const struct py *value, struct py_raised *raised)
{
	struct strbuf plain = STRBUF_INIT;
	struct py *made = NULL;
	char *end = NULL;
	double number = 0;

	write_plain(&plain, value);
	if (!strbuf_ok(&plain)) {
		py_raise_no_memory(raised);
		goto out;
	}
	if (drop_underscores(&plain) && plain.length && is_float_text(plain.text))
		number = strtod(plain.text, &end);
	if (!end || *end) {
		raise_with_repr(raised, "could not convert string to float: ", value);
		goto out;
	}
	made = py_float(number);
	if (!made)
		py_raise_no_memory(raised);
out:
	strbuf_free(&plain);
	return made;
}

struct py *py_to_float(const struct py *value, struct py_raised *raised)
{
	struct py *made;

	if (value->kind == PY_FLOAT)
		return py_take(value);
	if (value->kind == PY_TEXT)
		return float_of_text(value, raised);
	if (!py_is_number(value)) {
		py_raise(raised, "TypeError", "float() argument must be a string or a real number, not '%s'", py_type(value));
		return NULL;
	}
	if (isinf(py_number_value(value))) {
		py_raise(raised, "OverflowError", "int too large to convert to float");
		return NULL;
	}
	made = py_float(py_number_value(value));
	if (!made)
		py_raise_no_memory(raised);
	return made;
}

struct py *py_to_text(const struct py *value)
{
	struct strbuf text = STRBUF_INIT;
	struct py *made = NULL;

	if (value->kind == PY_TEXT)
		return py_take(value);
	py_write_str(&text, value);
	if (strbuf_ok(&text))
		made = py_text_n(strbuf_text(&text), text.length);
	strbuf_free(&text);
	return made;
}
