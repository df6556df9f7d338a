/* Values that describe the old file's layout are dropped, since the new file states its own; all others are copied or become
 * strings. The shape of a tensor that GGUF cannot hold as it is goes beside it, under upstream's key.
 */
#include "core/tensor/transcode/transcode_values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char architecture_key[] = "general.architecture";

static bool key_is(const struct gguf_value *value, const char *key)
{
	return value->key_length == strlen(key) && memcmp(value->key, key, value->key_length) == 0;
}

static bool copy_values(const struct gguf *file, const char *architecture, struct gguf_metadata *metadata,
			bool *has_architecture, struct error *e)
{
	if (gguf_is_swapped(file))
		return error_set(e, ERROR_UNSUPPORTED,
				 "the file is of the other byte order: its values cannot be copied into a file of this one");
	for (size_t i = 0; i < gguf_value_count(file); i++) {
		struct gguf_value value = gguf_value_at(file, i);
		bool is_architecture = key_is(&value, architecture_key);

		if (weights_value_is_layout(&value) || (is_architecture && architecture))
			continue;
		*has_architecture |= is_architecture;
		gguf_metadata_copy(metadata, &value);
	}
	return true;
}

static bool add_texts(const struct weights *weights, const char *architecture, struct gguf_metadata *metadata,
		      bool *has_architecture, struct error *e)
{
	struct weights_texts texts = { .count = 0 };
	bool fine = weights_texts(weights, false, &texts, e);

	for (size_t i = 0; fine && i < texts.count; i += 2) {
		bool is_architecture = strcmp(texts.pairs[i], architecture_key) == 0;

		/* A text where GGUF wants a number would make the file one that readers refuse; and there are no scales any more. */
		if (strcmp(texts.pairs[i], "general.alignment") == 0 || strcmp(texts.pairs[i], SCALED_METADATA) == 0 ||
		    (is_architecture && architecture))
			continue;
		*has_architecture |= is_architecture;
		gguf_metadata_text(metadata, texts.pairs[i], texts.pairs[i + 1]);
	}
	weights_texts_free(&texts);
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
	strbuf_printf(&key, "%s%s", WEIGHTS_SHAPE_PREFIX, tensor->name);
	gguf_metadata_i32s(metadata, strbuf_text(&key), shape, tensor->rank);
	metadata->encoded.failed |= !strbuf_ok(&key);
	strbuf_free(&key);
	return true;
}
