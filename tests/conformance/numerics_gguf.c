/* GGUF's types: bytes to float32 as gguf-py computes them, as ComfyUI-GGUF does, and float32 to bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"
#include "core/tensor/quant/quant.h"
#include "tests/conformance/numerics.h"

static const struct {
	const char *suffix;
	enum quant_way way;
	enum dtype dtype;
} ways[] = { { "f32", QUANT_EXACT, DTYPE_F32 }, { "comfy_f16", QUANT_HALF, DTYPE_F16 } };

static bool check_dequantise(const struct numerics_data *data, enum quant type, size_t way, struct tally *tally,
			     struct error *e)
{
	const struct safetensors_tensor *in;
	const struct safetensors_tensor *out;
	char name[80];
	float *values;
	void *codes;
	size_t count;
	size_t first;

	snprintf(name, sizeof(name), "dequant.%s.bytes", quant_name(type));
	in = safetensors_find(data->tensors, name);
	snprintf(name, sizeof(name), "dequant.%s.%s", quant_name(type), ways[way].suffix);
	out = safetensors_find(data->tensors, name);
	if (!in || !out)
		return true;
	count = (size_t)out->element_count;
	values = array_new(count, sizeof(*values), e);
	codes = array_new(count, sizeof(*values), e);
	if (values && codes && convert_dequantise(type, ways[way].way, in->bytes, values, count, e) &&
	    convert_from_f32(ways[way].dtype, values, codes, count, e)) {
		size_t differ = numerics_differ(ways[way].dtype, codes, out->bytes, count, &first);

		if (differ)
			tally_fail(tally, name, "%zu elements differ, the first is %zu: %a", differ, first,
				   (double)values[first]);
		else
			tally_pass(tally);
	}
	free(values);
	free(codes);
	return !error_is_set(e);
}

static bool check_quantise(const struct numerics_data *data, enum quant type, struct tally *tally, struct error *e)
{
	const struct safetensors_tensor *in;
	const struct safetensors_tensor *out;
	char name[80];
	float *values;
	uint8_t *bytes;

	snprintf(name, sizeof(name), "quant.%s.x", quant_name(type));
	in = safetensors_find(data->tensors, name);
	snprintf(name, sizeof(name), "quant.%s.bytes", quant_name(type));
	out = safetensors_find(data->tensors, name);
	if (!in || !out)
		return true;
	values = array_new(in->element_count, sizeof(*values), e);
	bytes = array_new(out->size_bytes, 1, e);
	if (values && bytes) {
		memcpy(values, in->bytes, in->size_bytes);
		if (!convert_quantise(type, values, bytes, in->element_count, e))
			tally_fail(tally, name, "%s", e->text);
		else if (memcmp(bytes, out->bytes, out->size_bytes) != 0)
			tally_fail(tally, name, "other bytes");
		else
			tally_pass(tally);
	}
	free(values);
	free(bytes);
	return !error_is_set(e);
}

bool numerics_gguf(const char *folder, struct tally *tally, struct error *e)
{
	struct numerics_data data = { .tensors = NULL };
	struct error absent = ERROR_INIT;
	struct strbuf path = STRBUF_INIT;
	const char *name;
	json_t *record;
	bool fine = true;

	strbuf_printf(&path, "%s/gguf_quants.safetensors", folder);
	data.tensors = safetensors_open(strbuf_text(&path), &absent);
	strbuf_free(&path);
	if (!data.tensors)
		return absent.kind == ERROR_MISSING || error_set(e, absent.kind, "%s", absent.text);
	data.json = part_listing(folder, "gguf.json", e);
	fine = data.json != NULL;
	json_object_foreach(json_object_get(data.json, "types"), name, record)
	{
		enum quant type;

		if (!fine || !quant_from_name(name, &type))
			tally_fail(tally, name, "no such type");
		else
			fine = check_dequantise(&data, type, 0, tally, e) && check_dequantise(&data, type, 1, tally, e) &&
			       check_quantise(&data, type, tally, e);
	}
	numerics_close(&data);
	return fine;
}
