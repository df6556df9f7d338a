#include "tests/conformance/adapters.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"

const struct safetensors_tensor *golden_find(const struct numerics_data *data, const char *format, ...)
{
	const struct safetensors_tensor *tensor;
	const char *stored;
	char name[300];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	tensor = safetensors_find(data->tensors, name);
	stored = tensor ? NULL : json_string_value(json_object_get(json_object_get(data->json, "alias"), name));
	return stored ? safetensors_find(data->tensors, stored) : tensor;
}

/* ---- files in memory ---- */

struct draft {
	struct strbuf header;
	struct strbuf data;
};

static void draft_add(struct draft *draft, const char *name, const struct safetensors_tensor *tensor)
{
	size_t begin = draft->data.length;

	strbuf_printf(&draft->header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", draft->header.length > 1 ? "," : "", name,
		      dtype_name(tensor->dtype));
	for (size_t i = 0; i < tensor->rank; i++)
		strbuf_printf(&draft->header, "%s%" PRIu64, i ? "," : "", tensor->shape[i]);
	strbuf_append_n(&draft->data, (const char *)tensor->bytes, tensor->size_bytes);
	strbuf_printf(&draft->header, "],\"data_offsets\":[%zu,%zu]}", begin, draft->data.length);
}

static uint8_t *draft_finish(struct draft *draft, size_t *size_bytes, struct error *e)
{
	uint64_t header_bytes;
	uint8_t *bytes = NULL;

	strbuf_append_char(&draft->header, '}');
	if (!strbuf_ok(&draft->header) || !strbuf_ok(&draft->data)) {
		error_no_memory(e);
		goto out;
	}
	header_bytes = draft->header.length;
	*size_bytes = sizeof(header_bytes) + draft->header.length + draft->data.length;
	bytes = array_new(*size_bytes, 1, e);
	if (!bytes)
		goto out;
	memcpy(bytes, &header_bytes, sizeof(header_bytes));
	memcpy(bytes + sizeof(header_bytes), draft->header.text, draft->header.length);
	if (draft->data.length)
		memcpy(bytes + sizeof(header_bytes) + draft->header.length, draft->data.text, draft->data.length);
out:
	strbuf_free(&draft->header);
	strbuf_free(&draft->data);
	return bytes;
}

/* The name behind a prefix; NULL where name does not begin with it. */
static const char *behind(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

static size_t gather(const struct numerics_data *data, const char *prefix, struct draft *draft)
{
	const char *alias;
	json_t *stored;
	size_t count = 0;

	strbuf_append_char(&draft->header, '{');
	for (size_t i = 0; i < safetensors_count(data->tensors); i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor(data->tensors, i);
		const char *name = behind(tensor->name, prefix);

		if (name) {
			draft_add(draft, name, tensor);
			count++;
		}
	}
	json_object_foreach(json_object_get(data->json, "alias"), alias, stored)
	{
		const struct safetensors_tensor *tensor = safetensors_find(data->tensors, json_string_value(stored));
		const char *name = behind(alias, prefix);

		if (name && tensor) {
			draft_add(draft, name, tensor);
			count++;
		}
	}
	return count;
}

bool adapters_read(struct adapters *adapters, const struct numerics_data *data, const char *prefix, struct error *e)
{
	*adapters = (struct adapters) { .count = 0 };
	while (adapters->count < ADAPTERS_MAX) {
		struct draft draft = { .header = STRBUF_INIT, .data = STRBUF_INIT };
		size_t i = adapters->count;
		size_t size_bytes;
		char path[200];
		size_t tensors;

		snprintf(path, sizeof(path), "%s.%zu/", prefix, i);
		tensors = gather(data, path, &draft);
		adapters->bytes[i] = draft_finish(&draft, &size_bytes, e);
		if (!adapters->bytes[i])
			return false;
		if (tensors == 0) {
			free(adapters->bytes[i]);
			return true;
		}
		adapters->count++;
		adapters->files[i] = lora_parse(adapters->bytes[i], size_bytes, path, e);
		if (!adapters->files[i])
			return false;
	}
	return true;
}

void adapters_free(struct adapters *adapters)
{
	for (size_t i = 0; i < adapters->count; i++) {
		lora_close(adapters->files[i]);
		free(adapters->bytes[i]);
	}
}

double relative_difference(const float *found, const float *wanted, size_t count)
{
	double largest = 0;
	double difference = 0;

	for (size_t i = 0; i < count; i++) {
		if (isnan(found[i]) != isnan(wanted[i]))
			return INFINITY;
		if (isnan(wanted[i]) || found[i] == wanted[i])
			continue;
		difference = fmax(difference, fabs((double)found[i] - (double)wanted[i]));
	}
	for (size_t i = 0; i < count; i++)
		largest = isnan(wanted[i]) ? largest : fmax(largest, fabs((double)wanted[i]));
	return difference == 0 ? 0 : difference / largest;
}
