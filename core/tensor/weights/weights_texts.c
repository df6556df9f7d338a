/* GGUF's values and safetensors' metadata become the same list of pairs, owned by the caller. Numbers are printed; a value
 * that has no text fails unless the caller drops such values.
 */
#include "core/tensor/weights/weights_texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/base/utf8.h"

bool weights_value_is_layout(const struct gguf_value *value)
{
	static const char alignment[] = "general.alignment";
	size_t length = sizeof(WEIGHTS_SHAPE_PREFIX) - 1;

	return (value->key_length == sizeof(alignment) - 1 && memcmp(value->key, alignment, sizeof(alignment) - 1) == 0) ||
	       (value->key_length >= length && memcmp(value->key, WEIGHTS_SHAPE_PREFIX, length) == 0);
}

/* Takes key and text over, also when it fails. */
static bool add_pair(struct weights_texts *texts, char *key, char *text, struct error *e)
{
	if (key && text && array_reserve(&texts->pairs, &texts->capacity, texts->count + 3, sizeof(*texts->pairs), e)) {
		texts->pairs[texts->count++] = key;
		texts->pairs[texts->count++] = text;
		texts->pairs[texts->count] = NULL;
		return true;
	}
	free(key);
	free(text);
	return false;
}

/* NULL with an error where it has none. */
static char *text_of(const struct gguf_value *value, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	size_t length;
	const char *string = gguf_value_text(value, &length);
	int64_t whole;
	double number;

	if (string && !memchr(string, '\0', length) && utf8_check(string, length, NULL))
		return string_copy_n(string, length, e);
	if (!string && value->type == GGUF_BOOL && gguf_value_integer(value, 0, &whole))
		strbuf_append(&text, whole ? "true" : "false");
	else if (!string && value->type != GGUF_ARRAY && gguf_value_integer(value, 0, &whole))
		strbuf_printf(&text, "%" PRId64, whole);
	else if (!string && value->type != GGUF_ARRAY && gguf_value_number(value, 0, &number))
		strbuf_printf(&text, value->type == GGUF_U64 ? "%.0f" : "%.17g", number);
	else
		error_set(e, ERROR_UNSUPPORTED,
			  "the value %.*s is %s, which safetensors' metadata cannot hold; --drop-values leaves such values out",
			  (int)(value->key_length < 200 ? value->key_length : 200), value->key,
			  string ? "a string that is no text" : "a list");
	return error_is_set(e) ? NULL : strbuf_finish(&text, e);
}

static bool texts_of_gguf(const struct gguf *file, bool drop_values, struct weights_texts *texts, struct error *e)
{
	for (size_t i = 0; i < gguf_value_count(file); i++) {
		struct gguf_value value = gguf_value_at(file, i);
		struct error why = ERROR_INIT;
		char *text;

		if (weights_value_is_layout(&value))
			continue;
		text = text_of(&value, &why);
		if (!text && why.kind == ERROR_UNSUPPORTED && drop_values)
			continue;
		if (!text)
			return error_set(e, why.kind, "%s", why.text);
		if (!add_pair(texts, string_copy_n(value.key, value.key_length, e), text, e))
			return false;
	}
	return true;
}

const char *weights_texts_find(const struct weights_texts *texts, const char *key)
{
	for (size_t i = 0; i < texts->count; i += 2) {
		if (strcmp(texts->pairs[i], key) == 0)
			return texts->pairs[i + 1];
	}
	return NULL;
}

void weights_texts_replace(struct weights_texts *texts, const char *key, char *value)
{
	for (size_t i = 0; i < texts->count; i += 2) {
		if (strcmp(texts->pairs[i], key) != 0)
			continue;
		free(texts->pairs[i + 1]);
		texts->pairs[i + 1] = value;
		if (value)
			return;
		free(texts->pairs[i]);
		texts->count -= 2;
		memmove(&texts->pairs[i], &texts->pairs[i + 2], (texts->count - i + 1) * sizeof(*texts->pairs));
		return;
	}
	free(value);
}

static bool texts_of_safetensors(const struct safetensors *file, struct weights_texts *texts, struct error *e)
{
	for (size_t i = 0; i < safetensors_metadata_count(file); i++) {
		const char *key;
		const char *value;

		safetensors_metadata_at(file, i, &key, &value);
		if (!weights_texts_find(texts, key) && !add_pair(texts, string_copy(key, e), string_copy(value, e), e))
			return false;
	}
	return true;
}

bool weights_texts(const struct weights *weights, bool drop_values, struct weights_texts *texts, struct error *e)
{
	bool fine = true;

	if (weights->gguf)
		return texts_of_gguf(weights->gguf, drop_values, texts, e);
	if (weights->safetensors)
		return texts_of_safetensors(weights->safetensors, texts, e);
	for (size_t i = 0; fine && i < shards_file_count(weights->shards); i++)
		fine = texts_of_safetensors(shards_file(weights->shards, i), texts, e);
	return fine;
}

void weights_texts_free(struct weights_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->pairs[i]);
	free(texts->pairs);
	*texts = (struct weights_texts) { .count = 0 };
}
