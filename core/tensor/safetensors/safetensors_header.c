/* safetensors_header.c - what the members of a header say.
 *
 * A recursive descent parser over a cursor (header_cursor.h). Before it runs, one pass over the text bounds what it can hold, so
 * that all strings and tensors go to blocks that are allocated once. Members that do not count are skipped, a member that is given
 * twice is refused.
 */
#include "core/tensor/safetensors/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/safetensors/header_cursor.h"

static bool read_shape(struct header_cursor *c, struct header_tensor *tensor)
{
	struct header *h = c->header;
	bool more = true;

	if (header_peek(c) != '[')
		return header_refuse(c, "\"shape\" must be a list of whole numbers");
	tensor->first_dimension = (uint32_t)h->dimension_count;
	if (!header_deeper(c))
		return false;
	if (!header_has_items(c, ']'))
		return true;
	while (more) {
		uint64_t size;

		if (!header_read_whole(c, &size, "a dimension must be a whole number that is not negative"))
			return false;
		if (!array_reserve(&h->dimensions, &h->dimension_capacity, h->dimension_count + 1, sizeof(*h->dimensions),
				   c->e))
			return false;
		h->dimensions[h->dimension_count++] = size;
		if (!header_next_item(c, ']', &more))
			return false;
	}
	tensor->rank = (uint32_t)h->dimension_count - tensor->first_dimension;
	return true;
}

static bool read_offsets(struct header_cursor *c, struct header_tensor *tensor)
{
	static const char wanted[] = "\"data_offsets\" must be two whole numbers, begin and end";

	if (header_peek(c) != '[')
		return header_refuse(c, wanted);
	c->at++;
	if (!header_read_whole(c, &tensor->begin, wanted))
		return false;
	if (header_peek(c) != ',')
		return header_refuse(c, wanted);
	c->at++;
	if (!header_read_whole(c, &tensor->end, wanted))
		return false;
	if (header_peek(c) != ']')
		return header_refuse(c, wanted);
	c->at++;
	return true;
}

static bool read_dtype(struct header_cursor *c, struct header_tensor *tensor)
{
	char *strings = c->strings;
	const char *name;
	size_t length;
	size_t start;

	header_peek(c);
	start = c->at;
	if (!header_read_string(c, &name, &length))
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

	if (!header_read_string(c, &key, &length) || !header_expect(c, ':'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (strlen(members[i].name) != length || memcmp(members[i].name, key, length) != 0)
			continue;
		if (seen[i])
			return header_refuse(c, "a member of a tensor is given twice");
		seen[i] = true;
		c->strings = strings;
		return members[i].read(c, tensor);
	}
	c->strings = strings;
	return header_skip_value(c);
}

static bool read_tensor(struct header_cursor *c, struct header_tensor *tensor)
{
	bool seen[ARRAY_SIZE(members)] = { false };
	bool more = true;

	if (header_peek(c) != '{')
		return header_refuse(c, "a tensor must be an object with dtype, shape and data_offsets");
	if (!header_deeper(c))
		return false;
	if (header_has_items(c, '}')) {
		while (more) {
			if (!read_member(c, tensor, seen) || !header_next_item(c, '}', &more))
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

	if (header_peek(c) == 'n')
		return header_read_word(c, "null");
	if (header_peek(c) != '{')
		return header_refuse(c, "__metadata__ must be an object of strings, or null");
	if (!header_deeper(c))
		return false;
	if (!header_has_items(c, '}'))
		return true;
	while (more) {
		struct header_pair pair;
		size_t value_length;

		header_peek(c);
		pair.text_offset = c->at;
		if (!header_read_string(c, &pair.key, &pair.key_length) || !header_expect(c, ':'))
			return false;
		if (header_peek(c) != '"')
			return header_refuse(c, "a value of __metadata__ must be a string");
		if (!header_read_string(c, &pair.value, &value_length) || !header_next_item(c, '}', &more))
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

	header_peek(c);
	tensor.text_offset = (uint32_t)c->at;
	if (!header_read_string(c, &tensor.name, &name_length) || !header_expect(c, ':'))
		return false;
	tensor.name_length = (uint32_t)name_length;
	if (strcmp(tensor.name, "__metadata__") == 0 && tensor.name_length == strlen("__metadata__")) {
		if (*metadata_seen)
			return header_refuse(c, "__metadata__ is given twice");
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

	if (!header_check_utf8(c))
		return false;
	if (header_peek(c) != '{')
		return header_refuse(c, "the header must be a JSON object");
	if (!header_deeper(c))
		return false;
	if (header_has_items(c, '}')) {
		while (more) {
			if (!read_entry(c, &metadata_seen) || !header_next_item(c, '}', &more))
				return false;
		}
	}
	header_skip_space(c);
	if (c->at != c->length)
		return header_refuse(c, "more text after the header's object");
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
