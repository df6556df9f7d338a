/* js_parse.c - JSON into values: a browser's dialect and Python's.
 *
 * One pass over the bytes, by recursive descent; nesting deeper than JSON_DEPTH_MAX is refused. The first fault ends the reading: its
 * place is kept, and every function above returns NULL.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/workflow/frontend/js_value.h"

struct js_reader {
	struct arena *arena;
	const char *start, *at, *end;
	enum js_dialect dialect;
	unsigned depth;
	const char *fault; /* what is wrong at `at`; NULL while nothing is */
};

static struct js_value *read_value(struct js_reader *r);

static void *refuse(struct js_reader *r, const char *fault)
{
	if (!r->fault)
		r->fault = fault;
	return NULL;
}

static void skip_spaces(struct js_reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool take(struct js_reader *r, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
		return false;
	r->at += length;
	return true;
}

/* ---- texts ---- */

static bool read_hex(struct js_reader *r, uint32_t *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++, r->at++) {
		char c = r->at < r->end ? *r->at : ' ';
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			digit = (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return refuse(r, "four hexadecimal digits are expected after \\u") != NULL;
		*unit = *unit * 16 + digit;
	}
	return true;
}

static char *put_code_point(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* After \u. A pair of surrogates is one code point; a lone one is kept. */
static char *read_unicode(struct js_reader *r, char *out)
{
	uint32_t unit;
	uint32_t low;
	const char *back;

	if (!read_hex(r, &unit))
		return NULL;
	if (unit >= 0xd800 && unit < 0xdc00) {
		back = r->at;
		if (take(r, "\\u") && read_hex(r, &low)) {
			if (low >= 0xdc00 && low < 0xe000)
				return put_code_point(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
			r->at = back;
		} else if (r->fault) {
			return NULL;
		}
	}
	return put_code_point(out, unit);
}

static char *read_escape(struct js_reader *r, char *out)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	char c = r->at < r->end ? *r->at : '\0';
	const char *letter = c ? strchr(letters, c) : NULL;

	if (letter) {
		r->at++;
		*out++ = meanings[letter - letters];
		return out;
	}
	if (c != 'u')
		return refuse(r, "no such escape in a text");
	r->at++;
	return read_unicode(r, out);
}

/* Bytes of the text up to its closing quote, escapes counted as they are written: room enough for what they mean. */
static size_t text_room(const struct js_reader *r)
{
	const char *p = r->at;

	while (p < r->end && *p != '"')
		p += *p == '\\' && p + 1 < r->end ? 2 : 1;
	return (size_t)(p - r->at);
}

/* The opening quote is at r->at. */
static const char *read_text(struct js_reader *r, size_t *length)
{
	char *text;
	char *out;

	r->at++;
	text = out = arena_take(r->arena, text_room(r) + 1);
	for (;;) {
		size_t bytes;

		if (r->at >= r->end)
			return refuse(r, "the text has no closing quote");
		if (*r->at == '"')
			break;
		if ((unsigned char)*r->at < 0x20)
			return refuse(r, "a control character in a text must be escaped");
		if (*r->at == '\\') {
			r->at++;
			out = read_escape(r, out);
			if (!out)
				return NULL;
			continue;
		}
		bytes = utf8_length((const unsigned char *)r->at, (size_t)(r->end - r->at));
		if (bytes == 0)
			return refuse(r, "this byte is not UTF-8");
		memcpy(out, r->at, bytes);
		out += bytes;
		r->at += bytes;
	}
	r->at++;
	*length = (size_t)(out - text);
	return text;
}

/* ---- numbers ---- */

static bool take_digits(struct js_reader *r)
{
	const char *first = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > first;
}

static struct js_value *read_number(struct js_reader *r)
{
	const char *first = r->at;
	struct js_value *value;
	bool whole = true;
	char *text;

	take(r, "-");
	if (!take(r, "0") && !take_digits(r))
		return refuse(r, "a value is expected");
	if (take(r, ".")) {
		whole = false;
		if (!take_digits(r))
			return refuse(r, "a digit is expected after the point");
	}
	if (take(r, "e") || take(r, "E")) {
		whole = false;
		if (!take(r, "+"))
			take(r, "-");
		if (!take_digits(r))
			return refuse(r, "a digit is expected in the exponent");
	}
	text = arena_copy(r->arena, first, (size_t)(r->at - first));
	value = js_number(r->arena, strtod(text, NULL));
	if (whole && r->dialect == JS_PYTHON)
		value->digits = text;
	return value;
}

static struct js_value *read_python_number(struct js_reader *r)
{
	if (take(r, "NaN"))
		return js_number(r->arena, (double)NAN);
	if (take(r, "Infinity"))
		return js_number(r->arena, (double)INFINITY);
	return take(r, "-Infinity") ? js_number(r->arena, -(double)INFINITY) : NULL;
}

/* ---- lists and objects ---- */

static struct js_value *read_list(struct js_reader *r)
{
	struct js_value *list = js_list(r->arena);

	r->at++;
	skip_spaces(r);
	if (take(r, "]"))
		return list;
	for (;;) {
		struct js_value *item = read_value(r);

		if (!item)
			return NULL;
		js_push(r->arena, list, item);
		skip_spaces(r);
		if (take(r, "]"))
			return list;
		if (!take(r, ","))
			return refuse(r, "a comma or ] is expected");
	}
}

static bool read_member(struct js_reader *r, struct js_value *object)
{
	struct js_value *value;
	const char *key;
	size_t length;

	skip_spaces(r);
	if (r->at >= r->end || *r->at != '"')
		return refuse(r, "a key in quotes is expected") != NULL;
	key = read_text(r, &length);
	if (!key)
		return false;
	skip_spaces(r);
	if (!take(r, ":"))
		return refuse(r, "a colon is expected after the key") != NULL;
	value = read_value(r);
	if (value)
		js_put(r->arena, object, key, value);
	return value != NULL;
}

static struct js_value *read_object(struct js_reader *r)
{
	struct js_value *object = js_object(r->arena);

	r->at++;
	skip_spaces(r);
	if (take(r, "}"))
		return object;
	for (;;) {
		if (!read_member(r, object))
			return NULL;
		skip_spaces(r);
		if (take(r, "}"))
			return object;
		if (!take(r, ","))
			return refuse(r, "a comma or } is expected");
	}
}

static struct js_value *read_word(struct js_reader *r)
{
	struct js_value *number = r->dialect == JS_PYTHON ? read_python_number(r) : NULL;

	if (number)
		return number;
	if (take(r, "null"))
		return &js_null;
	if (take(r, "true"))
		return &js_true;
	if (take(r, "false"))
		return &js_false;
	return read_number(r);
}

static struct js_value *read_value(struct js_reader *r)
{
	struct js_value *value;
	const char *text;
	size_t length;

	skip_spaces(r);
	if (r->at >= r->end)
		return refuse(r, "the text ends where a value is expected");
	if (*r->at == '"') {
		text = read_text(r, &length);
		if (!text)
			return NULL;
		value = js_text(r->arena, text);
		value->count = length;
		return value;
	}
	if (*r->at != '{' && *r->at != '[')
		return read_word(r);
	if (++r->depth > JSON_DEPTH_MAX)
		return refuse(r, "lists and objects are nested too deep");
	value = *r->at == '{' ? read_object(r) : read_list(r);
	r->depth--;
	return value;
}

static bool place_fault(const struct js_reader *r, const char *where, struct error *e)
{
	size_t line = 1;
	const char *line_start = r->start;

	for (const char *p = r->start; p < r->at; p++) {
		if (*p == '\n') {
			line++;
			line_start = p + 1;
		}
	}
	return error_set(e, ERROR_FORMAT, "%s: line %zu, column %td: %s", where, line, r->at - line_start + 1, r->fault);
}

struct js_value *js_parse(struct arena *arena, const char *text, size_t length, enum js_dialect dialect, const char *where,
			  struct error *e)
{
	struct js_reader r = { .arena = arena, .start = text, .at = text, .end = text + length, .dialect = dialect };
	struct js_value *value;

	take(&r, "\xef\xbb\xbf");
	value = read_value(&r);
	skip_spaces(&r);
	if (value && r.at < r.end)
		value = refuse(&r, "text follows the end of the JSON");
	if (!value)
		place_fault(&r, where, e);
	return value;
}
