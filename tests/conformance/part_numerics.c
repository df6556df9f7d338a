#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "tests/conformance/numerics.h"

bool numerics_open(struct numerics_data *data, const char *folder, const char *name, bool *there, struct error *e)
{
	struct strbuf path = STRBUF_INIT;
	struct error why = ERROR_INIT;

	*data = (struct numerics_data) { .tensors = NULL };
	strbuf_printf(&path, "%s/%s.safetensors", folder, name);
	data->tensors = safetensors_open(strbuf_text(&path), &why);
	*there = data->tensors != NULL;
	if (data->tensors) {
		strbuf_clear(&path);
		strbuf_printf(&path, "%s/%s.json", folder, name);
		data->json = json_parse_file(strbuf_text(&path), e);
	}
	strbuf_free(&path);
	return data->json || why.kind == ERROR_MISSING || error_set(e, why.kind, "%s", why.text);
}

void numerics_close(struct numerics_data *data)
{
	safetensors_close(data->tensors);
	json_decref(data->json);
	*data = (struct numerics_data) { .tensors = NULL };
}

static bool is_nan(enum dtype dtype, uint32_t code)
{
	switch (dtype) {
	case DTYPE_F32:
		return (code & 0x7fffffff) > 0x7f800000;
	case DTYPE_F16:
		return (code & 0x7fff) > 0x7c00;
	case DTYPE_BF16:
		return (code & 0x7fff) > 0x7f80;
	case DTYPE_F8_E4M3:
		return (code & 0x7f) == 0x7f;
	case DTYPE_F8_E5M2:
		return (code & 0x7f) > 0x7c;
	default:
		return false;
	}
}

size_t numerics_differ(enum dtype dtype, const void *found, const void *wanted, size_t count, size_t *first)
{
	size_t size = dtype_size_bytes(dtype);
	size_t differ = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t a = 0;
		uint32_t b = 0;

		memcpy(&a, (const char *)found + i * size, size);
		memcpy(&b, (const char *)wanted + i * size, size);
		if (a == b || (is_nan(dtype, a) && is_nan(dtype, b)))
			continue;
		if (!differ++)
			*first = i;
	}
	return differ;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	return numerics_conversions(folder, tally, e) && numerics_rounding(folder, tally, e) &&
	       numerics_gguf(folder, tally, e) && numerics_lora(folder, tally, e) && numerics_lpd(folder, tally, e);
}

const struct part part_numerics = { .name = "numerics", .folder = "numerics", .run = run };
