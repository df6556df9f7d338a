#include "core/tensor/transcode_values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/utf8.h"

static const char architecture_key[] = "general.architecture";
static const char shape_prefix[] = "comfy.gguf.orig_shape.";

static bool key_is(const struct gguf_value *value, const char *key)
{
	return value->key_length == strlen(key) && memcmp(value->key, key, value->key_length) == 0;
}

/* About the old file, not about the model. */
static bool is_layout(const struct gguf_value *value)
{
	size_t length = sizeof(shape_prefix) - 1;

	return key_is(value, "general.alignment") ||
	       (value->key_length >= length && memcmp(value->key, shape_prefix, length) == 0);
}

/* ---- to texts ---- */

/* Takes key and text over, also when it fails. */
static bool add_pair(struct transcode_texts *texts, char *key, char *text, struct error *e)
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

static bool texts_of_gguf(const struct gguf *file, bool drop_values, struct transcode_texts *texts, struct error *e)
{
	for (size_t i = 0; i < gguf_value_count(file); i++) {
		struct gguf_value value = gguf_value_at(file, i);
		struct error why = ERROR_INIT;
		char *text;

		if (is_layout(&value))
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

/* Of several files the first that has a key counts: they are one model's. */
static bool has_key(const struct transcode_texts *texts, const char *key)
{
	for (size_t i = 0; i < texts->count; i += 2) {
		if (strcmp(texts->pairs[i], key) == 0)
			return true;
	}
	return false;
}

static bool texts_of_safetensors(const struct safetensors *file, struct transcode_texts *texts, struct error *e)
{
	for (size_t i = 0; i < safetensors_metadata_count(file); i++) {
		const char *key;
		const char *value;

		safetensors_metadata_at(file, i, &key, &value);
		if (!has_key(texts, key) && !add_pair(texts, string_copy(key, e), string_copy(value, e), e))
			return false;
	}
	return true;
}

bool transcode_texts(const struct weights *weights, bool drop_values, struct transcode_texts *texts, struct error *e)
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

void transcode_texts_free(struct transcode_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->pairs[i]);
	free(texts->pairs);
	*texts = (struct transcode_texts) { .count = 0 };
}

/* ---- to values ---- */

static bool copy_values(const struct gguf *file, const char *architecture, struct gguf_metadata *metadata,
			bool *has_architecture, struct error *e)
{
	if (gguf_is_swapped(file))
		return error_set(e, ERROR_UNSUPPORTED,
				 "the file is of the other byte order: its values cannot be copied into a file of this one");
	for (size_t i = 0; i < gguf_value_count(file); i++) {
		struct gguf_value value = gguf_value_at(file, i);
		bool is_architecture = key_is(&value, architecture_key);

		if (is_layout(&value) || (is_architecture && architecture))
			continue;
		*has_architecture |= is_architecture;
		gguf_metadata_copy(metadata, &value);
	}
	return true;
}

static bool add_texts(const struct weights *weights, const char *architecture, struct gguf_metadata *metadata,
		      bool *has_architecture, struct error *e)
{
	struct transcode_texts texts = { .count = 0 };
	bool fine = transcode_texts(weights, false, &texts, e);

	for (size_t i = 0; fine && i < texts.count; i += 2) {
		bool is_architecture = strcmp(texts.pairs[i], architecture_key) == 0;

		/* A text where GGUF wants a number would make the file one that readers refuse. */
		if (strcmp(texts.pairs[i], "general.alignment") == 0 || (is_architecture && architecture))
			continue;
		*has_architecture |= is_architecture;
		gguf_metadata_text(metadata, texts.pairs[i], texts.pairs[i + 1]);
	}
	transcode_texts_free(&texts);
	return fine;
}

bool transcode_metadata(const struct weights *weights, const struct transcode_request *request, struct gguf_metadata *metadata,
			struct error *e)
{
	bool has_architecture = request->architecture != NULL;

	if (request->architecture)
		gguf_metadata_text(metadata, architecture_key, request->architecture);
	if (weights->gguf ? !copy_values(weights->gguf, request->architecture, metadata, &has_architecture, e)
			  : !add_texts(weights, request->architecture, metadata, &has_architecture, e))
		return false;
	if (!has_architecture)
		log_say(request->log, LOG_WARNING,
			"the new file says nothing under general.architecture, which some readers want: --architecture NAME");
	return true;
}

bool transcode_original_shape(struct gguf_metadata *metadata, const struct weights_tensor *tensor, struct error *e)
{
	struct strbuf key = STRBUF_INIT;
	int32_t shape[GGUF_RANK_MAX];

	if (tensor->rank > GGUF_RANK_MAX)
		return error_set(e, ERROR_UNSUPPORTED, "tensor %.200s has %zu dimensions (%u at most)", tensor->name,
				 tensor->rank, GGUF_RANK_MAX);
	for (size_t i = 0; i < tensor->rank; i++) {
		if (tensor->shape[i] > INT32_MAX)
			return error_set(e, ERROR_UNSUPPORTED,
					 "tensor %.200s: a dimension of %" PRId64 " is too large for GGUF", tensor->name,
					 tensor->shape[i]);
		shape[i] = (int32_t)tensor->shape[i];
	}
	strbuf_printf(&key, "%s%s", shape_prefix, tensor->name);
	gguf_metadata_i32s(metadata, strbuf_text(&key), shape, tensor->rank);
	metadata->encoded.failed |= !strbuf_ok(&key);
	strbuf_free(&key);
	return true;
}
