/* The lora.* records: adapters of every kind on a small net's weights, in every weight type; the float32 sum, the cast, and the
 * run-time path in both compute types. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/arith/arith.h"
#include "core/patch/keys/key_rules.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/stochastic.h"
#include "tests/conformance/adapters.h"

/* ---- the net ---- */

#define KEY(module) "diffusion_model.blk." module
#define SHAPE(...)                                                                                                             \
	(const int64_t[])                                                                                                      \
	{                                                                                                                      \
		__VA_ARGS__                                                                                                    \
	}

static const struct key_target net[] = {
	{ KEY("lin.weight"), 2, SHAPE(8, 12) },	      { KEY("lin.bias"), 1, SHAPE(8) },
	{ KEY("sq.weight"), 2, SHAPE(8, 8) },	      { KEY("sq.bias"), 1, SHAPE(8) },
	{ KEY("conv.weight"), 4, SHAPE(6, 4, 3, 3) }, { KEY("conv.bias"), 1, SHAPE(6) },
	{ KEY("qkv.weight"), 2, SHAPE(12, 6) },	      { KEY("qkv.bias"), 1, SHAPE(12) },
	{ KEY("norm.weight"), 1, SHAPE(8) },	      { KEY("norm.bias"), 1, SHAPE(8) },
};

/* Names of rows of qkv stand beside the modules' own. */
static void add_names(struct key_builder *b)
{
	static const char *const parts[] = { "q", "k", "v" };

	for (size_t i = 0; i < ARRAY_SIZE(net); i++) {
		char module[KEY_MAX_BYTES];

		if (key_between(net[i].key, "", ".weight", module))
			key_add(b, module, net[i].key);
	}
	for (int i = 0; i < 3; i++)
		key_add_slice(b, parts[i], KEY("qkv.weight"), (struct slice) { .first = 4 * i, .count = 4 });
}

static const struct key_rules net_rules = { .name = "the goldens' net", .add = add_names };
static const struct key_rules *const rules[] = { &net_rules, NULL };

/* ---- a record ---- */

struct record {
	const struct numerics_data *data;
	const json_t *json;
	const char *tag, *kind, *dtype, *name;
	struct adapters adapters;
	struct patch_use uses[ADAPTERS_MAX];
	struct patch_list list;
	struct tally *tally;
	bool failed;
};

static void fail(struct record *record, const char *what, double difference)
{
	if (!record->failed)
		tally_fail(record->tally, record->tag, "%s is %.3g off", what, difference);
	record->failed = true;
}

/* OFT and BOFT invert matrices, and cannot be applied at run time. Dyadic sums are exact in any order; a plain LoRA's at run time is rounded the same way whatever the order. */
static double tolerance(const struct record *record, const char *what)
{
	bool in_half = strstr(what, "lowvram") != NULL;

	if (strncmp(record->name, "oft", 3) == 0 || strcmp(record->name, "boft") == 0)
		return in_half ? 0 : 1e-6;
	if (strcmp(record->kind, "dyadic") == 0 || (in_half && strncmp(record->name, "lora_", 5) == 0))
		return 0;
	if (in_half)
		return strstr(what, "bf16") ? 0x1p-8 : 0x1p-11;
	return strcmp(record->name, "glora") == 0 ? 1e-6 : 2e-7;
}

static bool start_weight(struct weight_values *weight, const struct safetensors_tensor *in, enum dtype dtype, struct error *e)
{
	*weight = (struct weight_values) { .dtype = dtype, .rank = (unsigned)in->rank };
	for (size_t i = 0; i < in->rank; i++)
		weight->shape[i] = (int64_t)in->shape[i];
	weight->values = array_new(in->element_count, sizeof(*weight->values), e);
	if (!weight->values || !convert_to_f32(in->dtype, in->bytes, weight->values, in->element_count, e))
		return false;
	round_values(dtype, weight->values, in->element_count);
	return true;
}

static bool same_shape(const struct weight_values *weight, const struct safetensors_tensor *wanted)
{
	bool same = weight->rank == wanted->rank;

	for (unsigned i = 0; same && i < weight->rank; i++)
		same = (uint64_t)weight->shape[i] == wanted->shape[i];
	return same;
}

/* One way of patching one side: patched in dtype, and compared with the golden of that name. */
static bool check_path(struct record *record, const char *what, size_t parameter, const struct safetensors_tensor *in,
		       enum dtype dtype, struct error *e)
{
	const struct safetensors_tensor *wanted = golden_find(record->data, "%s/%s", record->tag, what);
	struct weight_values weight = { .values = NULL };
	float *values = NULL;
	bool fine;

	if (!wanted)
		return true;
	fine = start_weight(&weight, in, dtype, e) && patch_weight(&record->list, parameter, &weight, dtype, e);
	values = fine ? array_new(wanted->element_count, sizeof(*values), e) : NULL;
	fine = values && convert_to_f32(wanted->dtype, wanted->bytes, values, wanted->element_count, e);
	if (fine && !same_shape(&weight, wanted)) {
		fail(record, "the shape", 1);
	} else if (fine) {
		double difference = relative_difference(weight.values, values, wanted->element_count);

		if (difference > tolerance(record, what))
			fail(record, what, difference);
	}
	free(values);
	free(weight.values);
	return fine;
}

/* The float32 result's cast to the weight's type, seeded by the key. */
static bool check_cast(struct record *record, const char *side, const char *key, struct error *e)
{
	const struct safetensors_tensor *from = golden_find(record->data, "%s/%s.f32", record->tag, side);
	const struct safetensors_tensor *to = golden_find(record->data, "%s/%s.out", record->tag, side);
	struct mt19937 generator;
	float *values;
	void *cast;
	size_t first;
	bool fine;

	if (!from || !to)
		return true;
	values = array_new(from->element_count, sizeof(*values), e);
	cast = array_new(to->size_bytes, 1, e);
	mt19937_seed(&generator, stochastic_seed(key));
	fine = values && cast && convert_to_f32(from->dtype, from->bytes, values, from->element_count, e) &&
	       stochastic_round(to->dtype, &generator, values, cast, to->element_count, e);
	if (fine && numerics_differ(to->dtype, cast, to->bytes, to->element_count, &first))
		fail(record, "the cast", 1);
	free(values);
	free(cast);
	return fine;
}

static bool check_side(struct record *record, const struct key_map *map, const char *side, struct error *e)
{
	static const struct {
		const char *name;
		enum dtype dtype;
	} paths[] = { { "f32", DTYPE_F32 }, { "lowvram_bf16", DTYPE_BF16 }, { "lowvram_f16", DTYPE_F16 } };
	const struct safetensors_tensor *in = golden_find(record->data, "%s/%s.in", record->tag, side);
	char member[16];
	const char *key;

	snprintf(member, sizeof(member), "%s_key", side);
	key = json_string_value(json_object_get(record->json, member));
	if (!key)
		return true;
	if (!in)
		return error_set(e, ERROR_FORMAT, "%s: there is no %s.in", record->tag, side);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		snprintf(member, sizeof(member), "%s.%s", side, paths[i].name);
		if (!check_path(record, member, key_map_target(map, key), in, paths[i].dtype, e))
			return false;
	}
	return check_cast(record, side, key, e);
}

/* ---- all of them ---- */

static bool take_adapters(struct record *record, const struct key_map *map, struct error *e)
{
	const json_t *strengths = json_object_get(record->json, "strengths");
	char prefix[120];

	snprintf(prefix, sizeof(prefix), "lora.%s.%s", record->kind, record->name);
	if (!adapters_read(&record->adapters, record->data, prefix, e))
		return false;
	if (record->adapters.count == 0 || record->adapters.count != json_array_size(strengths))
		return error_set(e, ERROR_FORMAT, "%s: %zu adapters, %zu strengths", record->tag, record->adapters.count,
				 json_array_size(strengths));
	for (size_t i = 0; i < record->adapters.count; i++) {
		const json_t *pair = json_array_get(strengths, i);

		record->uses[i] = (struct patch_use) { .match = lora_match_map(record->adapters.files[i], map, e),
						       .strength = json_number_value(json_array_get(pair, 0)),
						       .strength_model = json_number_value(json_array_get(pair, 1)) };
		if (!record->uses[i].match)
			return false;
	}
	record->list = (struct patch_list) { .uses = record->uses,
					     .use_count = record->adapters.count,
					     .rules = &patch_rules_upstream };
	return true;
}

static bool check_record(const struct numerics_data *data, const json_t *json, const struct key_map *map, struct tally *tally,
			 struct error *e)
{
	struct record record = { .data = data, .json = json, .tally = tally };
	bool fine;

	record.tag = json_string_value(json_object_get(json, "tag"));
	record.kind = json_string_value(json_object_get(json, "lora_kind"));
	if (!record.tag || !record.kind || !strchr(record.tag, '.'))
		return error_set(e, ERROR_FORMAT, "lora.json: a record without a tag");
	record.name = strchr(strchr(record.tag, '.') + 1, '.') + 1;
	fine = take_adapters(&record, map, e) && check_side(&record, map, "w", e) && check_side(&record, map, "b", e);
	if (fine && !record.failed)
		tally_pass(tally);
	for (size_t i = 0; i < record.adapters.count; i++)
		lora_match_end(record.uses[i].match);
	adapters_free(&record.adapters);
	return fine;
}

bool numerics_lora(const char *folder, struct tally *tally, struct error *e)
{
	struct numerics_data data;
	struct key_map *map = NULL;
	const json_t *records;
	bool there;
	bool fine;

	if (!numerics_open(&data, folder, "lora", &there, e) || !there)
		return !error_is_set(e);
	map = key_map_make(net, ARRAY_SIZE(net), rules, e);
	records = json_object_get(data.json, "records");
	fine = map != NULL;
	for (size_t i = 0; fine && i < json_array_size(records); i++)
		fine = check_record(&data, json_array_get(records, i), map, tally, e);
	key_map_free(map);
	numerics_close(&data);
	return fine;
}
