/* A recursive descent parser over a cursor. Before it runs, one pass over the text bounds what it can hold, so that all
 * strings and tensors go to blocks that are allocated once. Only values that are skipped are nested, and their depth is
 * bounded; a refusal names the offset.
 */
#include "core/tensor/safetensors/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/utf8.h"

/* As many brackets as the reference reader takes. */
#define DEPTH_MAX 127

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

static bool refuse(struct header_cursor *c, const char *what)
{
	return error_set(c->e, ERROR_FORMAT, "%s: offset %zu (header): %s", c->where, c->at + 8, what);
}

static void skip_space(struct header_cursor *c)
{
	while (c->at < c->length && strchr(" \t\n\r", c->text[c->at]) && c->text[c->at])
		c->at++;
}

/* The next character that is not space, or NUL at the end. A NUL in the text reads as the end, and is refused as such.
 */
static char peek(struct header_cursor *c)
{
	skip_space(c);
	return c->at < c->length ? c->text[c->at] : '\0';
}

static bool expect(struct header_cursor *c, char wanted)
{
	char what[40] = "expected ' ' here";

	if (peek(c) != wanted) {
		what[10] = wanted;
		return refuse(c, what);
	}
	c->at++;
	return true;
}

static bool check_utf8(struct header_cursor *c)
{
	if (utf8_check(c->text, c->length, &c->at)) {
		c->at = 0;
		return true;
	}
	return refuse(c, "these bytes are not UTF-8");
}

static bool hex4(struct header_cursor *c, uint32_t *unit)
{
	*unit = 0;
	for (unsigned i = 0; i < 4; i++, c->at++) {
		static const char digits[] = "0123456789abcdef";
		char digit = c->at < c->length ? c->text[c->at] : '\0';
		const char *found = digit ? strchr(digits, digit | (digit >= 'A' ? 0x20 : 0)) : NULL;

		if (!found)
			return refuse(c, "\\u needs four hexadecimal digits");
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
		return refuse(c, "half of a surrogate pair stands alone");
	c->at += 2;
	if (!hex4(c, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return refuse(c, "half of a surrogate pair stands alone");
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
		return refuse(c, "no such escape in a string");
	*(*to)++ = meanings[found - letters];
	c->at++;
	return true;
}

static bool read_string(struct header_cursor *c, const char **text, size_t *length)
{
	char *to = c->strings;

	if (peek(c) != '"')
		return refuse(c, "expected a string here");
	c->at++;
	for (;;) {
		if (c->at >= c->length)
			return refuse(c, "the header ends inside a string");
		if (c->text[c->at] == '"')
			break;
		if ((unsigned char)c->text[c->at] < 0x20)
			return refuse(c, "control character in a string");
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

/* One digit or more; `missing` says what is wrong when there is none. */
static bool skip_digits(struct header_cursor *c, const char *missing)
{
	if (!is_digit(c))
		return refuse(c, missing);
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
		return refuse(c, "expected a value here");
	leading_zero = c->text[c->at] == '0';
	for (size_t first = c->at; is_digit(c); c->at++) {
		if (leading_zero && c->at > first)
			return refuse(c, "a number with a leading zero");
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

static bool read_whole(struct header_cursor *c, uint64_t *value, const char *what)
{
	size_t start;
	bool whole = false;
	char next = peek(c);

	start = c->at;
	if ((next < '0' || next > '9') && next != '-')
		return refuse(c, what);
	if (!read_number(c, value, &whole))
		return false;
	if (!whole) {
		c->at = start;
		return refuse(c, what);
	}
	return true;
}

static bool deeper(struct header_cursor *c)
{
	if (++c->depth > DEPTH_MAX)
		return refuse(c, "nested too deep");
	c->at++;
	return true;
}

/* Reads "," or the closing bracket. *more is false when it closed. */
static bool next_item(struct header_cursor *c, char close, bool *more)
{
	char next = peek(c);

	if (next != ',' && next != close)
		return refuse(c, close == '}' ? "expected ',' or '}' here" : "expected ',' or ']' here");
	*more = next == ',';
	if (!*more)
		c->depth--;
	c->at++;
	return true;
}

/* Whether an object or list that was just opened has items; closes it if not. */
static bool has_items(struct header_cursor *c, char close)
{
	if (peek(c) != close)
		return true;
	c->depth--;
	c->at++;
	return false;
}

static bool read_word(struct header_cursor *c, const char *word)
{
	size_t n = strlen(word);

	if (c->length - c->at < n || memcmp(c->text + c->at, word, n) != 0)
		return refuse(c, "expected a value here");
	c->at += n;
	return true;
}

static bool skip_value(struct header_cursor *c); // NOLINT(misc-no-recursion): as deep as DEPTH_MAX

static bool skip_items(struct header_cursor *c, char close) // NOLINT(misc-no-recursion)
{
	char *strings = c->strings;
	const char *key;
	size_t key_length;
	bool more = true;

	if (!deeper(c))
		return false;
	if (!has_items(c, close))
		return true;
	while (more) {
		if (close == '}' && (!read_string(c, &key, &key_length) || !expect(c, ':')))
			return false;
		if (!skip_value(c) || !next_item(c, close, &more))
			return false;
	}
	c->strings = strings;
	return true;
}

static bool skip_value(struct header_cursor *c) // NOLINT(misc-no-recursion)
{
	char *strings = c->strings;
	const char *text;
	size_t length;
	uint64_t value;
	bool whole;

	switch (peek(c)) {
	case '{':
		return skip_items(c, '}');
	case '[':
		return skip_items(c, ']');
	case '"':
		if (!read_string(c, &text, &length))
			return false;
		c->strings = strings;
		return true;
	case 't':
		return read_word(c, "true");
	case 'f':
		return read_word(c, "false");
	case 'n':
		return read_word(c, "null");
	default:
		return read_number(c, &value, &whole);
	}
}

static bool read_shape(struct header_cursor *c, struct header_tensor *tensor)
{
	struct header *h = c->header;
	bool more = true;

	if (peek(c) != '[')
		return refuse(c, "\"shape\" must be a list of whole numbers");
	tensor->first_dimension = (uint32_t)h->dimension_count;
	if (!deeper(c))
		return false;
	if (!has_items(c, ']'))
		return true;
	while (more) {
		uint64_t size;

		if (!read_whole(c, &size, "a dimension must be a whole number that is not negative"))
			return false;
		if (!array_reserve(&h->dimensions, &h->dimension_capacity, h->dimension_count + 1, sizeof(*h->dimensions),
				   c->e))
			return false;
		h->dimensions[h->dimension_count++] = size;
		if (!next_item(c, ']', &more))
			return false;
	}
	tensor->rank = (uint32_t)h->dimension_count - tensor->first_dimension;
	return true;
}

static bool read_offsets(struct header_cursor *c, struct header_tensor *tensor)
{
	static const char wanted[] = "\"data_offsets\" must be two whole numbers, begin and end";

	if (peek(c) != '[')
		return refuse(c, wanted);
	c->at++;
	if (!read_whole(c, &tensor->begin, wanted))
		return false;
	if (peek(c) != ',')
		return refuse(c, wanted);
	c->at++;
	if (!read_whole(c, &tensor->end, wanted))
		return false;
	if (peek(c) != ']')
		return refuse(c, wanted);
	c->at++;
	return true;
}

static bool read_dtype(struct header_cursor *c, struct header_tensor *tensor)
{
	char *strings = c->strings;
	const char *name;
	size_t length;
	size_t start;

	peek(c);
	start = c->at;
	if (!read_string(c, &name, &length))
		return false;
	if (strlen(name) != length || !dtype_from_name(name, &tensor->dtype))
		return error_set(c->e, ERROR_FORMAT, "%s: offset %zu (header): unknown dtype \"%.40s\"", c->where, start + 8,
				 name);
	c->strings = strings;
	return true;
}

/* The members of a tensor that count; others are skipped. */
static const struct {
	const char *name;
	bool (*read)(struct header_cursor *c, struct header_tensor *tensor);
} members[] = {
	{ .name = "dtype", .read = read_dtype },
	{ .name = "shape", .read = read_shape },
	{ .name = "data_offsets", .read = read_offsets },
};

static bool read_member(struct header_cursor *c, struct header_tensor *tensor, bool *seen)
{
	char *strings = c->strings;
	const char *key;
	size_t length;

	if (!read_string(c, &key, &length) || !expect(c, ':'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (strlen(members[i].name) != length || memcmp(members[i].name, key, length) != 0)
			continue;
		if (seen[i])
			return refuse(c, "a member of a tensor is given twice");
		seen[i] = true;
		c->strings = strings;
		return members[i].read(c, tensor);
	}
	c->strings = strings;
	return skip_value(c);
}

static bool read_tensor(struct header_cursor *c, struct header_tensor *tensor)
{
	bool seen[ARRAY_SIZE(members)] = { false };
	bool more = true;

	if (peek(c) != '{')
		return refuse(c, "a tensor must be an object with dtype, shape and data_offsets");
	if (!deeper(c))
		return false;
	if (has_items(c, '}')) {
		while (more) {
			if (!read_member(c, tensor, seen) || !next_item(c, '}', &more))
				return false;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (!seen[i])
			return error_set(c->e, ERROR_FORMAT, "%s: offset %u (header): tensor %.200s has no \"%s\"", c->where,
					 tensor->text_offset + 8, tensor->name, members[i].name);
	}
	return true;
}

static bool read_metadata(struct header_cursor *c)
{
	struct header *h = c->header;
	bool more = true;

	if (peek(c) == 'n')
		return read_word(c, "null");
	if (peek(c) != '{')
		return refuse(c, "__metadata__ must be an object of strings, or null");
	if (!deeper(c))
		return false;
	if (!has_items(c, '}'))
		return true;
	while (more) {
		struct header_pair pair;
		size_t value_length;

		peek(c);
		pair.text_offset = c->at;
		if (!read_string(c, &pair.key, &pair.key_length) || !expect(c, ':'))
			return false;
		if (peek(c) != '"')
			return refuse(c, "a value of __metadata__ must be a string");
		if (!read_string(c, &pair.value, &value_length) || !next_item(c, '}', &more))
			return false;
		if (!array_reserve(&h->metadata, &h->metadata_capacity, h->metadata_count + 1, sizeof(*h->metadata), c->e))
			return false;
		h->metadata[h->metadata_count++] = pair;
	}
	return true;
}

static bool read_entry(struct header_cursor *c, bool *metadata_seen)
{
	struct header *h = c->header;
	struct header_tensor tensor = { .name = NULL };
	size_t name_length;

	peek(c);
	tensor.text_offset = (uint32_t)c->at;
	if (!read_string(c, &tensor.name, &name_length) || !expect(c, ':'))
		return false;
	tensor.name_length = (uint32_t)name_length;
	if (strcmp(tensor.name, "__metadata__") == 0 && tensor.name_length == strlen("__metadata__")) {
		if (*metadata_seen)
			return refuse(c, "__metadata__ is given twice");
		*metadata_seen = true;
		return read_metadata(c);
	}
	if (!read_tensor(c, &tensor))
		return false;
	if (!array_reserve(&h->tensors, &h->tensor_capacity, h->tensor_count + 1, sizeof(*h->tensors), c->e))
		return false;
	h->tensors[h->tensor_count++] = tensor;
	return true;
}

static bool read_header(struct header_cursor *c)
{
	bool metadata_seen = false;
	bool more = true;

	if (!check_utf8(c))
		return false;
	if (peek(c) != '{')
		return refuse(c, "the header must be a JSON object");
	if (!deeper(c))
		return false;
	if (has_items(c, '}')) {
		while (more) {
			if (!read_entry(c, &metadata_seen) || !next_item(c, '}', &more))
				return false;
		}
	}
	skip_space(c);
	if (c->at != c->length)
		return refuse(c, "more text after the header's object");
	return true;
}

/* What a text can hold at most: bytes of its strings, decoded and ended; tensors. Of what is no JSON it measures something, never
 * more than the text's own length. */
struct extent {
	size_t string_bytes, tensors;
};

#define TENSOR_TEXT_MIN 40u /* {"dtype":"U8","shape":[],"data_offsets":[0,0]} and a name are longer */

static struct extent measure(const char *text, size_t length)
{
	struct extent extent = { .string_bytes = 1 };
	bool in_string = false;

	for (size_t i = 0; i < length; i++) {
		if (!in_string) {
			in_string = text[i] == '"';
			extent.tensors += text[i] == '{';
			continue;
		}
		in_string = text[i] != '"';
		extent.string_bytes++; /* the closing quote's is the NUL's */
		if (text[i] == '\\' && i + 1 < length) {
			i++;
			extent.string_bytes++;
		}
	}
	if (extent.tensors > length / TENSOR_TEXT_MIN)
		extent.tensors = length / TENSOR_TEXT_MIN;
	return extent;
}

bool safetensors_header_parse(struct header *header, const char *text, size_t length, const char *where, struct error *e)
{
	struct header_cursor c = { .text = text, .length = length, .where = where, .header = header, .e = e };
	struct extent extent = measure(text, length);

	*header = (struct header) { .strings = array_new(extent.string_bytes, 1, e) };
	if (header->strings)
		header->tensors = array_new(extent.tensors + 1, sizeof(*header->tensors), e);
	if (header->tensors) {
		header->tensor_capacity = extent.tensors + 1;
		c.strings = header->strings;
		if (read_header(&c))
			return true;
	}
	safetensors_header_free(header);
	return false;
}

void safetensors_header_free(struct header *header)
{
	free(header->tensors);
	free(header->metadata);
	free(header->dimensions);
	free(header->strings);
	*header = (struct header) { .tensors = NULL };
}
