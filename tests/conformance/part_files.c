/* Part `files`: valid files hold what their listings say; malformed ones are refused exactly where the reference readers refuse
 * them, with a message that names the file, a place and a reason, at once, and without taking twice the file's size. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"
#include "core/tensor/gguf/gguf.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/conformance/memory.h"
#include "tests/conformance/part.h"

/* What a reader may take whatever the file: its own struct, room for a few tensors. */
#define ALLOWANCE (4 * KIB)

/* ---- comparisons that tell ---- */

struct check {
	struct tally *tally;
	char name[256]; /* of the case */
	bool failed;
};

static struct check check_begin(struct tally *tally, const char *file, const char *what)
{
	struct check check = { .tally = tally };

	snprintf(check.name, sizeof(check.name), "%s%s%s", file, what ? ": " : "", what ? what : "");
	return check;
}

/* What the listing does not have is no matter. */
static void check_integer(struct check *check, const char *what, uint64_t found, const json_t *wanted)
{
	if (check->failed || !json_is_number(wanted) || (double)found == json_number_value(wanted))
		return;
	tally_fail(check->tally, check->name, "%s is %llu, wanted %.0f", what, (unsigned long long)found,
		   json_number_value(wanted));
	check->failed = true;
}

static void check_count(struct check *check, const char *what, uint64_t found, uint64_t wanted)
{
	json_t *number = json_real((double)wanted);

	check_integer(check, what, found, number);
	json_decref(number);
}

static void check_text(struct check *check, const char *what, const char *found, const json_t *wanted)
{
	if (check->failed || !json_is_string(wanted) || strcmp(found, json_string_value(wanted)) == 0)
		return;
	tally_fail(check->tally, check->name, "%s is \"%s\", wanted \"%s\"", what, found, json_string_value(wanted));
	check->failed = true;
}

static void check_bytes(struct check *check, const char *what, const void *bytes, uint64_t size_bytes, const json_t *wanted)
{
	char sum[65];

	part_sha256(bytes, (size_t)size_bytes, sum);
	check_text(check, what, sum, wanted);
}

static void check_shape(struct check *check, const uint64_t *shape, size_t rank, const json_t *wanted)
{
	if (!json_is_array(wanted))
		return;
	check_count(check, "the rank", rank, json_array_size(wanted));
	for (size_t i = 0; i < rank && i < json_array_size(wanted); i++)
		check_integer(check, "a dimension", shape[i], json_array_get(wanted, i));
}

static void check_end(struct check *check)
{
	if (!check->failed)
		tally_pass(check->tally);
}

static void path_of(char path[512], const char *folder, const char *name)
{
	snprintf(path, 512, "%s/%s", folder, name);
}

/* ---- valid safetensors ---- */

/* The listing has values, or, where they are long, their lengths. */
static void check_metadata(struct tally *tally, const char *name, const struct safetensors *file, json_t *wanted)
{
	struct check check = check_begin(tally, name, "metadata");
	const char *key;
	json_t *value;

	check_count(&check, "the number of entries", safetensors_metadata_count(file), json_object_size(wanted));
	json_object_foreach(wanted, key, value)
	{
		const char *found = safetensors_metadata(file, key);

		if (!found)
			check_count(&check, key, 0, 1);
		else if (json_is_string(value))
			check_text(&check, key, found, value);
	}
	check_end(&check);
}

static int compare_names(const void *a, const void *b)
{
	const struct safetensors_tensor *x = *(const struct safetensors_tensor *const *)a;
	const struct safetensors_tensor *y = *(const struct safetensors_tensor *const *)b;

	return strcmp(x->name, y->name);
}

/* The hash of each name followed by its tensor's hash, by name. */
static bool check_all_bytes(struct tally *tally, const char *name, const struct safetensors *file, const json_t *wanted,
			    struct error *e)
{
	struct check check = check_begin(tally, name, "all bytes");
	size_t count = safetensors_count(file);
	const struct safetensors_tensor **sorted = array_new(count + 1, sizeof(*sorted), e);
	struct strbuf text = STRBUF_INIT;
	char sum[65];

	if (!sorted)
		return false;
	for (size_t i = 0; i < count; i++)
		sorted[i] = safetensors_tensor(file, i);
	qsort(sorted, count, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < count; i++) {
		part_sha256(sorted[i]->bytes, (size_t)sorted[i]->size_bytes, sum);
		strbuf_printf(&text, "%s%s", sorted[i]->name, sum);
	}
	check_bytes(&check, "sha256 of all", strbuf_text(&text), text.length, wanted);
	check_end(&check);
	strbuf_free(&text);
	free(sorted);
	return true;
}

static void check_tensor(struct tally *tally, const char *file_name, const struct safetensors *file, const char *name,
			 const json_t *wanted)
{
	struct check check = check_begin(tally, file_name, name);
	const struct safetensors_tensor *t = safetensors_find(file, name);

	if (!t) {
		tally_fail(tally, check.name, "is not found");
		return;
	}
	check_text(&check, "dtype", dtype_name(t->dtype), json_object_get(wanted, "dtype"));
	check_shape(&check, t->shape, t->rank, json_object_get(wanted, "shape"));
	check_bytes(&check, "sha256", t->bytes, t->size_bytes, json_object_get(wanted, "sha256"));
	check_end(&check);
}

/* What a reader takes of the heap, against the file's size. */
static void check_memory(struct tally *tally, const char *name, size_t at_begin, uint64_t size_bytes)
{
	size_t peak = memory_peak(at_begin);

	if (peak > 2 * size_bytes + ALLOWANCE)
		tally_fail(tally, name, "%zu bytes were taken for a file of %llu", peak, (unsigned long long)size_bytes);
	else
		tally_pass(tally);
}

static bool check_safetensors(struct tally *tally, const char *folder, const char *name, const json_t *wanted, struct error *e)
{
	struct error why = ERROR_INIT;
	struct safetensors *file;
	size_t before;
	char path[512];
	const char *tensor;
	json_t *record;
	bool fine;

	path_of(path, folder, name);
	before = memory_begin();
	file = safetensors_open(path, &why);
	if (!file) {
		tally_fail(tally, name, "%s", why.text);
		return true;
	}
	check_memory(tally, name, before, (uint64_t)json_number_value(json_object_get(wanted, "size")));
	json_object_foreach(json_object_get(wanted, "tensors"), tensor, record) check_tensor(tally, name, file, tensor, record);
	check_metadata(tally, name, file, json_object_get(wanted, "metadata"));
	fine = check_all_bytes(tally, name, file, json_object_get(wanted, "sha256_of_all"), e);
	safetensors_close(file);
	return fine;
}

/* ---- valid GGUF ---- */

/* The names in the listing are gguf-py's. */
static const char *type_name(uint32_t type)
{
	static const char *const names[GGUF_TYPE_COUNT] = {
		[GGUF_U8] = "UINT8",	  [GGUF_I8] = "INT8",	  [GGUF_U16] = "UINT16",  [GGUF_I16] = "INT16",
		[GGUF_U32] = "UINT32",	  [GGUF_I32] = "INT32",	  [GGUF_F32] = "FLOAT32", [GGUF_BOOL] = "BOOL",
		[GGUF_STRING] = "STRING", [GGUF_ARRAY] = "ARRAY", [GGUF_U64] = "UINT64",  [GGUF_I64] = "INT64",
		[GGUF_F64] = "FLOAT64",
	};

	return type < GGUF_TYPE_COUNT ? names[type] : "?";
}

static void check_number(struct check *check, const struct gguf_value *value, uint64_t index, const json_t *wanted)
{
	double number = NAN;

	gguf_value_number(value, index, &number);
	if (json_is_boolean(wanted) ? number == json_is_true(wanted) : number == json_number_value(wanted))
		return;
	tally_fail(check->tally, check->name, "item %llu is %.17g", (unsigned long long)index, number);
	check->failed = true;
}

/* Strings in an array stand one after the other, each with its length before it. */
static void check_strings(struct check *check, const struct gguf_value *value, const json_t *wanted)
{
	const uint8_t *at = value->bytes;

	for (uint64_t i = 0; i < value->count; i++) {
		char text[200];
		uint64_t length;

		memcpy(&length, at, sizeof(length));
		snprintf(text, sizeof(text), "%.*s", (int)length, (const char *)at + 8);
		check_text(check, "an item", text, json_array_get(wanted, (size_t)i));
		at += 8 + length;
	}
}

static void check_value(struct tally *tally, const char *file_name, const struct gguf *file, const json_t *wanted)
{
	const char *key = json_string_value(json_array_get(wanted, 0));
	const json_t *types = json_array_get(wanted, 1);
	const json_t *content = json_array_get(wanted, 2);
	struct check check = check_begin(tally, file_name, key);
	struct gguf_value value;
	size_t length;

	if (strncmp(key, "GGUF.", 5) == 0)
		return; /* the header's own fields, told by the counts */
	if (!gguf_value_find(file, key, &value)) {
		tally_fail(tally, check.name, "is not found");
		return;
	}
	check_text(&check, "the type", type_name(value.type), json_array_get(types, 0));
	if (value.type == GGUF_STRING) {
		char text[512];
		const char *found = gguf_value_text(&value, &length);

		snprintf(text, sizeof(text), "%.*s", (int)length, found);
		check_text(&check, "the value", text, content);
	} else if (value.type == GGUF_ARRAY) {
		check_count(&check, "the length", value.count, json_array_size(content));
		check_text(&check, "the item type", type_name(value.item_type), json_array_get(types, 1));
		if (value.item_type == GGUF_STRING)
			check_strings(&check, &value, content);
		else
			for (uint64_t i = 0; i < value.count; i++)
				check_number(&check, &value, i, json_array_get(content, (size_t)i));
	} else {
		check_number(&check, &value, 0, content);
	}
	check_end(&check);
}

static void check_gguf_tensor(struct tally *tally, const char *file_name, const struct gguf *file, const json_t *wanted)
{
	const char *name = json_string_value(json_object_get(wanted, "name"));
	struct check check = check_begin(tally, file_name, name);
	const struct gguf_tensor *t = gguf_find(file, name);

	if (!t) {
		tally_fail(tally, check.name, "is not found");
		return;
	}
	check_text(&check, "the type", quant_name((enum quant)t->type), json_object_get(wanted, "type"));
	check_shape(&check, t->shape, t->rank, json_object_get(wanted, "torch_shape"));
	check_integer(&check, "the offset", gguf_file_offset(file, t), json_object_get(wanted, "abs_offset"));
	check_integer(&check, "the size", t->size_bytes, json_object_get(wanted, "n_bytes"));
	check_integer(&check, "the number of elements", gguf_element_count(t), json_object_get(wanted, "n_elements"));
	check_bytes(&check, "sha256", t->bytes, t->size_bytes, json_object_get(wanted, "sha256"));
	check_end(&check);
}

/* What ComfyUI-GGUF makes of a tensor: its shape, and its elements by half-precision arithmetic. */
static bool check_comfy(struct tally *tally, const char *file_name, const struct gguf *file, const struct gguf_tensor *t,
			const json_t *wanted, struct error *e)
{
	struct check check = check_begin(tally, file_name, t->name);
	size_t count = (size_t)gguf_element_count(t);
	float *values = array_new(count + 1, sizeof(*values), e);
	uint16_t *halves = array_new(count + 1, sizeof(*halves), e);
	uint64_t shape[GGUF_RANK_MAX];
	unsigned rank;
	bool fine = values && halves && convert_dequantise((enum quant)t->type, QUANT_HALF, t->bytes, values, count, e) &&
		    convert_from_f32(DTYPE_F16, values, halves, count, e);

	if (fine) {
		if (gguf_original_shape(file, t, shape, &rank))
			check_shape(&check, shape, rank, json_object_get(wanted, "tensor_shape"));
		else
			check_shape(&check, t->shape, t->rank, json_object_get(wanted, "tensor_shape"));
		check_bytes(&check, "sha256 of float32", values, count * sizeof(*values),
			    json_object_get(wanted, "sha256_dequant_to_f32_default_fp16_math"));
		check_bytes(&check, "sha256 of halves", halves, count * sizeof(*halves),
			    json_object_get(wanted, "sha256_dequant_to_f16"));
		check_end(&check);
	}
	free(values);
	free(halves);
	return fine;
}

static bool check_gguf(struct tally *tally, const char *folder, const char *name, const json_t *wanted, struct error *e)
{
	struct check check = check_begin(tally, name, NULL);
	struct error why = ERROR_INIT;
	struct gguf *file;
	size_t before;
	char path[512];
	size_t i;
	json_t *row;
	const char *key;
	bool fine = true;

	path_of(path, folder, name);
	before = memory_begin();
	file = gguf_open(path, &why);
	if (!file) {
		tally_fail(tally, name, "%s", why.text);
		return true;
	}
	check_memory(tally, name, before, (uint64_t)json_number_value(json_object_get(wanted, "size")));
	check_integer(&check, "the alignment", gguf_alignment(file), json_object_get(wanted, "alignment"));
	check_count(&check, "the number of tensors", gguf_count(file), json_array_size(json_object_get(wanted, "tensors")));
	check_end(&check);
	json_array_foreach(json_object_get(wanted, "kv"), i, row) check_value(tally, name, file, row);
	json_array_foreach(json_object_get(wanted, "tensors"), i, row) check_gguf_tensor(tally, name, file, row);
	i = 0;
	json_object_foreach(json_object_get(wanted, "comfyui_gguf"), key, row)
	{
		/* In the file's order; some names are translated, which is not this room's business. */
		if (fine && i < gguf_count(file))
			fine = check_comfy(tally, name, file, gguf_tensor(file, i++), row, e);
	}
	gguf_close(file);
	return fine;
}

/* ---- malformed ---- */

/* Column of a line whose columns end in tabs. */
static const char *column(const char *line, unsigned index)
{
	for (; line && index; index--) {
		line = strchr(line, '\t');
		line += line != NULL;
	}
	return line ? line : "";
}

static bool opens(const char *path, bool is_gguf, struct error *e)
{
	struct gguf *gguf = is_gguf ? gguf_open(path, e) : NULL;
	struct safetensors *safetensors = is_gguf ? NULL : safetensors_open(path, e);
	bool opened = gguf || safetensors;

	gguf_close(gguf);
	safetensors_close(safetensors);
	return opened;
}

static void check_malformed(struct tally *tally, const char *folder, const char *line)
{
	bool is_gguf = line[0] == 'g';
	bool wanted = strncmp(column(line, is_gguf ? 5 : 3), "OK", 2) == 0;
	uint64_t size_bytes = strtoull(column(line, 1), NULL, 10);
	uint64_t started_ns = clock_now_ns();
	size_t before = memory_begin();
	struct error e = ERROR_INIT;
	char name[128];
	char path[512];
	bool opened;
	size_t peak;

	snprintf(name, sizeof(name), "malformed/%.*s", (int)strcspn(line, "\t"), line);
	path_of(path, folder, name);
	opened = opens(path, is_gguf, &e);
	peak = memory_peak(before);
	if (e.kind == ERROR_MISSING)
		tally_fail(tally, name, "%s", e.text);
	else if (opened != wanted)
		tally_fail(tally, name, "the reference %s it, ours: %s", wanted ? "opens" : "refuses",
			   opened ? "opens" : e.text);
	else if (!opened && (e.kind != ERROR_FORMAT || !strstr(e.text, path) || strlen(e.text) < strlen(path) + 20))
		tally_fail(tally, name, "the message does not say enough: %s", e.text);
	else if (peak > 2 * size_bytes + ALLOWANCE)
		tally_fail(tally, name, "%zu bytes were taken for a file of %llu", peak, (unsigned long long)size_bytes);
	else if (clock_now_ns() - started_ns > NS_PER_S)
		tally_fail(tally, name, "took more than a second");
	else
		tally_pass(tally);
}

/* ---- the part ---- */

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	json_t *safetensors = part_listing(folder, "valid_safetensors.json", e);
	json_t *gguf = part_listing(folder, "../gguf.json", e);
	struct error absent = ERROR_INIT;
	const char *name;
	json_t *record;
	size_t length;
	char *table = part_read(folder, "malformed.tsv", &length, &absent);
	char *rest = table;
	bool fine = safetensors && gguf;

	json_object_foreach(safetensors, name, record)
	{
		if (fine)
			fine = check_safetensors(tally, folder, name, record, e);
	}
	json_object_foreach(json_object_get(gguf, "files"), name, record)
	{
		if (fine)
			fine = check_gguf(tally, folder, name, record, e);
	}
	if (!table)
		fine = error_set(e, absent.kind, "%s", absent.text);
	for (char *line; fine && rest && (line = strsep(&rest, "\n"));) {
		if ((line[0] == 'g' || line[0] == 's') && strchr("0123456789", line[1]))
			check_malformed(tally, folder, line);
	}
	free(table);
	json_decref(safetensors);
	json_decref(gguf);
	return fine;
}

const struct part part_files = { .name = "files", .folder = "numerics/files", .run = run };
