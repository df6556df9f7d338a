/* py_json.c - a recursive reader of JSON with Python's ways.
 *
 * The reader descends at most DEPTH_MOST levels, where Python's recursion limit would end it. Errors name the line, the column and
 * the character, as Python's do.
 */
#include "core/workflow/python/py_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/workflow/python/py_unicode.h"

#define DEPTH_MOST 990
#define INTEGER_DIGITS_MOST 4300 /* sys.int_info.default_max_str_digits */

struct py_json_reader {
	const char *text;
	size_t length;
	size_t at;
	unsigned depth;
	struct py_raised *raised;
};

static bool fault_at(struct py_json_reader *r, const char *words, size_t at)
{
	size_t line = 1;
	size_t characters = 0;
	size_t column = 1;

	for (size_t i = 0; i < at && i < r->length; i++) {
		if (((unsigned char)r->text[i] & 0xc0) == 0x80)
			continue; /* not the first byte of a character */
		characters++;
		column++;
		if (r->text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return py_raise(r->raised, "json.decoder.JSONDecodeError", "%s: line %zu column %zu (char %zu)", words, line, column,
			characters);
}

static void skip_spaces(struct py_json_reader *r)
{
	while (r->at < r->length && strchr(" \t\n\r", r->text[r->at]) && r->text[r->at])
		r->at++;
}

static bool next_is(struct py_json_reader *r, char c)
{
	if (r->at >= r->length || r->text[r->at] != c)
		return false;
	r->at++;
	return true;
}

static bool begins(const struct py_json_reader *r, const char *word)
{
	size_t length = strlen(word);

	return r->length - r->at >= length && memcmp(r->text + r->at, word, length) == 0;
}

static struct py *read_value(struct py_json_reader *r);

/* ---- text ---- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits at r->at. */
static bool read_unit(const struct py_json_reader *r, size_t at, uint32_t *unit)
{
	*unit = 0;
	for (size_t i = at; i < at + 4; i++) {
		int value = i < r->length ? hex_value(r->text[i]) : -1;

		if (value < 0)
			return false;
		*unit = *unit << 4 | (uint32_t)value;
	}
	return true;
}

/* After \u. Two halves of a pair become one character. */
static bool read_unicode(struct py_json_reader *r, struct strbuf *out)
{
	uint32_t point;
	uint32_t low;
	char bytes[4];

	if (!read_unit(r, r->at, &point))
		return fault_at(r, "Invalid \\uXXXX escape", r->at);
	r->at += 4;
	if (point >= 0xd800 && point < 0xdc00 && begins(r, "\\u") && read_unit(r, r->at + 2, &low) && low >= 0xdc00 &&
	    low < 0xe000) {
		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
		r->at += 6;
	}
	strbuf_append_n(out, bytes, py_unicode_encode(point, bytes));
	return true;
}

static bool read_escape(struct py_json_reader *r, struct strbuf *out, size_t begin)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (r->at >= r->length)
		return fault_at(r, "Unterminated string starting at", begin);
	if (r->text[r->at] == 'u') {
		r->at++;
		return read_unicode(r, out);
	}
	found = r->text[r->at] ? strchr(from, r->text[r->at]) : NULL;
	if (!found)
		return fault_at(r, "Invalid \\escape", r->at - 1);
	strbuf_append_char(out, to[found - from]);
	r->at++;
	return true;
}

/* After the opening quote. */
static bool read_text(struct py_json_reader *r, struct strbuf *out)
{
	size_t begin = r->at - 1;

	while (r->at < r->length) {
		unsigned char c = (unsigned char)r->text[r->at];
		size_t from = r->at;

		if (c == '"') {
			r->at++;
			return strbuf_ok(out) || py_raise_no_memory(r->raised);
		}
		if (c < 0x20)
			return fault_at(r, "Invalid control character at", r->at);
		if (c == '\\') {
			r->at++;
			if (!read_escape(r, out, begin))
				return false;
			continue;
		}
		while (r->at < r->length && (unsigned char)r->text[r->at] >= 0x20 && r->text[r->at] != '"' &&
		       r->text[r->at] != '\\')
			r->at++;
		strbuf_append_n(out, r->text + from, r->at - from);
	}
	return fault_at(r, "Unterminated string starting at", begin);
}

static struct py *read_text_value(struct py_json_reader *r)
{
	struct strbuf text = STRBUF_INIT;
	struct py *made = NULL;

	r->at++;
	if (read_text(r, &text)) {
		made = py_text_n(strbuf_text(&text), text.length);
		if (!made)
			py_raise_no_memory(r->raised);
	}
	strbuf_free(&text);
	return made;
}

/* ---- numbers ---- */

static size_t digits_from(const struct py_json_reader *r, size_t at)
{
	size_t end = at;

	while (end < r->length && r->text[end] >= '0' && r->text[end] <= '9')
		end++;
	return end - at;
}

static struct py *make_number(struct py_json_reader *r, size_t begin, bool whole)
{
	size_t length = r->at - begin;
	size_t digits = length - (r->text[begin] == '-');
	struct py *made = NULL;
	char *copy;

	if (whole && digits > INTEGER_DIGITS_MOST) {
		py_raise(r->raised, "ValueError",
			 "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits; use "
			 "sys.set_int_max_str_digits() to increase the limit",
			 INTEGER_DIGITS_MOST, digits);
		return NULL;
	}
	if (whole) {
		made = py_integer_text(r->text + begin, length);
	} else {
		copy = strndup(r->text + begin, length);
		made = copy ? py_float(strtod(copy, NULL)) : NULL;
		free(copy);
	}
	if (!made)
		py_raise_no_memory(r->raised);
	return made;
}

static struct py *read_number(struct py_json_reader *r)
{
	size_t begin = r->at;
	size_t at = begin + (r->text[begin] == '-');
	size_t digits = at < r->length && r->text[at] == '0' ? 1 : digits_from(r, at);
	bool whole = true;
	size_t more;

	if (!digits) {
		fault_at(r, "Expecting value", begin);
		return NULL;
	}
	at += digits;
	if (at < r->length && r->text[at] == '.' && (more = digits_from(r, at + 1))) {
		at += 1 + more;
		whole = false;
	}
	if (at < r->length && (r->text[at] == 'e' || r->text[at] == 'E')) {
		size_t sign = at + 1 < r->length && (r->text[at + 1] == '-' || r->text[at + 1] == '+');

		more = digits_from(r, at + 1 + sign);
		if (more) {
			at += 1 + sign + more;
			whole = false;
		}
	}
	r->at = at;
	return make_number(r, begin, whole);
}

/* ---- containers ---- */

static bool read_items(struct py_json_reader *r, struct py *list)
{
	skip_spaces(r);
	if (next_is(r, ']'))
		return true;
	for (;;) {
		struct py *item = read_value(r);

		if (!item)
			return false;
		if (!py_append(list, item))
			return py_raise_no_memory(r->raised);
		skip_spaces(r);
		if (next_is(r, ']'))
			return true;
		if (!next_is(r, ','))
			return fault_at(r, "Expecting ',' delimiter", r->at);
		skip_spaces(r);
	}
}

static bool read_member(struct py_json_reader *r, struct py *map, struct strbuf *key)
{
	struct py *value;

	strbuf_clear(key);
	if (!next_is(r, '"'))
		return fault_at(r, "Expecting property name enclosed in double quotes", r->at);
	if (!read_text(r, key))
		return false;
	skip_spaces(r);
	if (!next_is(r, ':'))
		return fault_at(r, "Expecting ':' delimiter", r->at);
	skip_spaces(r);
	value = read_value(r);
	if (!value)
		return false;
	return py_set_n(map, strbuf_text(key), key->length, value) || py_raise_no_memory(r->raised);
}

static bool read_members(struct py_json_reader *r, struct py *map)
{
	struct strbuf key = STRBUF_INIT;
	bool fine;

	skip_spaces(r);
	if (next_is(r, '}'))
		return true;
	for (;;) {
		fine = read_member(r, map, &key);
		if (!fine)
			break;
		skip_spaces(r);
		if (next_is(r, '}'))
			break;
		if (!next_is(r, ',')) {
			fine = fault_at(r, "Expecting ',' delimiter", r->at);
			break;
		}
		skip_spaces(r);
	}
	strbuf_free(&key);
	return fine;
}

static struct py *read_container(struct py_json_reader *r)
{
	bool is_list = r->text[r->at++] == '[';
	struct py *made = is_list ? py_list() : py_map();

	if (!made) {
		py_raise_no_memory(r->raised);
		return NULL;
	}
	if (r->depth++ >= DEPTH_MOST)
		py_raise(r->raised, "RecursionError", "maximum recursion depth exceeded while decoding a JSON %s",
			 is_list ? "array from a unicode string" : "object from a unicode string");
	else if (is_list ? read_items(r, made) : read_members(r, made))
		goto out;
	py_drop(made);
	made = NULL;
out:
	r->depth--;
	return made;
}

static struct py *read_word(struct py_json_reader *r)
{
	static const struct {
		const char *word;
		enum { WORD_NULL, WORD_TRUE, WORD_FALSE, WORD_NAN, WORD_INFINITY, WORD_MINUS_INFINITY } meaning;
	} words[] = {
		{ .word = "null", .meaning = WORD_NULL },	  { .word = "true", .meaning = WORD_TRUE },
		{ .word = "false", .meaning = WORD_FALSE },	  { .word = "NaN", .meaning = WORD_NAN },
		{ .word = "Infinity", .meaning = WORD_INFINITY }, { .word = "-Infinity", .meaning = WORD_MINUS_INFINITY },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct py *made;

		if (!begins(r, words[i].word))
			continue;
		r->at += strlen(words[i].word);
		switch (words[i].meaning) {
		case WORD_NULL:
			return py_none();
		case WORD_TRUE:
		case WORD_FALSE:
			return py_bool(words[i].meaning == WORD_TRUE);
		case WORD_NAN:
			return py_json_nan();
		default:
			made = py_float(words[i].meaning == WORD_INFINITY ? (double)INFINITY : -(double)INFINITY);
			if (!made)
				py_raise_no_memory(r->raised);
			return made;
		}
	}
	fault_at(r, "Expecting value", r->at);
	return NULL;
}

static struct py *read_value(struct py_json_reader *r)
{
	char c = r->at < r->length ? r->text[r->at] : '\0';

	if (c == '"')
		return read_text_value(r);
	if (c == '[' || c == '{')
		return read_container(r);
	if ((c >= '0' && c <= '9') || (c == '-' && !begins(r, "-Infinity")))
		return read_number(r);
	return read_word(r);
}

struct py *py_json_read(const char *text, size_t length, struct py_raised *raised)
{
	struct py_json_reader r = { .text = text, .length = length, .raised = raised };
	struct py *value;

	skip_spaces(&r);
	value = read_value(&r);
	if (!value)
		return NULL;
	skip_spaces(&r);
	if (r.at == length)
		return value;
	fault_at(&r, "Extra data", r.at);
	py_drop(value);
	return NULL;
}
