/* json.c - a text is checked for depth, then for integers that jansson cannot hold (json_wide.c), and only then parsed.
 *
 * A text with such integers is parsed twice: with zeros in their place, so that a message names the line and column of the
 * caller's text, then with their encoded form. All other texts are parsed once.
 */
#include "core/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json_wide.h"
#include "core/base/utf8.h"

/* ---- integers over the whole unsigned range ---- */

bool json_is_wide(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) > 1 && json_string_value(value)[0] == '\0';
}

static uint64_t wide_value(const json_t *value)
{
	return strtoull(json_string_value(value) + 1, NULL, 10);
}

bool json_is_any_number(const json_t *value)
{
	return json_is_number(value) || json_is_wide(value);
}

double json_any_number(const json_t *value)
{
	return json_is_wide(value) ? (double)wide_value(value) : json_number_value(value);
}

bool json_read_unsigned(const json_t *value, uint64_t *out)
{
	if (json_is_wide(value))
		*out = wide_value(value);
	else if (json_is_integer(value) && json_integer_value(value) >= 0)
		*out = (uint64_t)json_integer_value(value);
	else
		return false;
	return true;
}

json_t *json_unsigned(uint64_t number)
{
	char text[24] = "";

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(text + 1, sizeof(text) - 1, "%llu", (unsigned long long)number);
	return json_stringn(text, 1 + strlen(text + 1));
}

char *json_text(const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags);

	if (text)
		json_wide_decode(text);
	return text;
}

bool json_write(const json_t *value, FILE *out, size_t flags)
{
	char *text = json_text(value, flags);
	bool fine = text && fputs(text, out) >= 0;

	free(text);
	return fine;
}

/* ---- reading ---- */

/* jansson recurses once a level; a text of a million brackets must not reach it. Brackets inside strings do not count.
 */
static bool depth_is_fine(const char *text, size_t length)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_DEPTH_MAX)
				return false;
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return true;
}

static json_t *load(const char *text, size_t length, const char *where, size_t flags, struct error *e)
{
	json_error_t fault;
	json_t *value = json_loadb(text, length, flags, &fault);

	if (!value) {
		if (json_error_code(&fault) == json_error_out_of_memory || fault.line < 0)
			error_no_memory(e);
		else
			error_set(e, ERROR_FORMAT, "%s: line %d, column %d: %s", where, fault.line, fault.column, fault.text);
	}
	return value;
}

static json_t *load_wide(const char *text, size_t length, const char *where, size_t flags, struct error *e)
{
	char *blank = json_wide_blank(text, length, e);
	json_t *value = blank ? load(blank, length, where, flags, e) : NULL;
	size_t encoded_length;
	char *encoded;

	free(blank);
	if (!value)
		return NULL;
	json_decref(value);
	encoded = json_wide_encode(text, length, &encoded_length, e);
	value = encoded ? load(encoded, encoded_length, where, flags | JSON_ALLOW_NUL, e) : NULL;
	free(encoded);
	return value;
}

json_t *json_parse(const char *text, size_t length, const char *where, bool allow_duplicates, struct error *e)
{
	size_t flags = allow_duplicates ? 0 : JSON_REJECT_DUPLICATES;

	if (!depth_is_fine(text, length)) {
		error_set(e, ERROR_FORMAT, "%s: nested deeper than %d levels", where, JSON_DEPTH_MAX);
		return NULL;
	}
	return json_wide_occurs(text, length) ? load_wide(text, length, where, flags, e) : load(text, length, where, flags, e);
}

json_t *json_parse_file(const char *path, struct error *e)
{
	size_t length;
	char *text = file_read_whole(path, &length, e);
	json_t *value;

	if (!text)
		return NULL;
	value = json_parse(text, length, path, false, e);
	free(text);
	return value;
}

const char *json_type_words(const json_t *value)
{
	if (!value)
		return "nothing";
	if (json_is_wide(value))
		return "an integer";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

static bool wrong_type(const json_t *value, const char *key, const char *where, const char *wanted, struct error *e)
{
	if (!value)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" is missing; it must be %s", where, key, wanted);
	return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %s; it must be %s", where, key, json_type_words(value), wanted);
}

bool json_get_string(const json_t *object, const char *key, const char *where, const char **out, struct error *e)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value) || json_is_wide(value))
		return wrong_type(value, key, where, "a string", e);
	*out = json_string_value(value);
	return true;
}

bool json_get_number(const json_t *object, const char *key, const char *where, double *out, struct error *e)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_any_number(value))
		return wrong_type(value, key, where, "a number", e);
	*out = json_any_number(value);
	return true;
}

bool json_get_integer(const json_t *object, const char *key, const char *where, int64_t *out, struct error *e)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_wide(value))
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %llu; it can be %lld at most", where, key,
				 (unsigned long long)wide_value(value), (long long)INT64_MAX);
	if (!json_is_integer(value))
		return wrong_type(value, key, where, "an integer", e);
	*out = json_integer_value(value);
	return true;
}

bool json_get_unsigned(const json_t *object, const char *key, const char *where, uint64_t *out, struct error *e)
{
	const json_t *value = json_object_get(object, key);

	if (json_read_unsigned(value, out))
		return true;
	if (json_is_integer(value))
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %lld; it must not be negative", where, key,
				 (long long)json_integer_value(value));
	if (json_is_real(value) && fabs(json_real_value(value)) >= 0x1p63)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %.17g; it can be 0 to %llu", where, key,
				 json_real_value(value), (unsigned long long)UINT64_MAX);
	return wrong_type(value, key, where, "an integer", e);
}

bool json_get_object(const json_t *object, const char *key, const char *where, json_t **out, struct error *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_object(value))
		return wrong_type(value, key, where, "an object", e);
	*out = value;
	return true;
}

bool json_get_array(const json_t *object, const char *key, const char *where, json_t **out, struct error *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_array(value))
		return wrong_type(value, key, where, "a list", e);
	*out = value;
	return true;
}

bool json_get_string_or(const json_t *object, const char *key, const char *where, const char *fallback, const char **out,
			struct error *e)
{
	*out = fallback;
	return !json_object_get(object, key) || json_get_string(object, key, where, out, e);
}

bool json_get_number_or(const json_t *object, const char *key, const char *where, double fallback, double *out, struct error *e)
{
	*out = fallback;
	return !json_object_get(object, key) || json_get_number(object, key, where, out, e);
}

bool json_get_integer_or(const json_t *object, const char *key, const char *where, int64_t fallback, int64_t *out,
			 struct error *e)
{
	*out = fallback;
	return !json_object_get(object, key) || json_get_integer(object, key, where, out, e);
}

bool json_get_unsigned_or(const json_t *object, const char *key, const char *where, uint64_t fallback, uint64_t *out,
			  struct error *e)
{
	*out = fallback;
	return !json_object_get(object, key) || json_get_unsigned(object, key, where, out, e);
}

bool json_get_bool_or(const json_t *object, const char *key, const char *where, bool fallback, bool *out, struct error *e)
{
	const json_t *value = json_object_get(object, key);

	*out = fallback;
	if (!value)
		return true;
	if (!json_is_boolean(value))
		return wrong_type(value, key, where, "a boolean", e);
	*out = json_is_true(value);
	return true;
}

bool json_put(json_t *object, const char *key, json_t *value, struct error *e)
{
	return (value && json_object_set_new(object, key, value) == 0) || error_no_memory(e);
}

bool json_push(json_t *list, json_t *value, struct error *e)
{
	return (value && json_array_append_new(list, value) == 0) || error_no_memory(e);
}

json_t *json_any_text(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return NULL;
	utf8_clean(copy);
	value = json_string(copy);
	free(copy);
	return value;
}
