/* Which adapters a LoRA file holds for a model: names are taken apart into module and suffix, modules looked up in the model's key
 * map, and each kind asked whether its tensors hang on the module. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/keys/key_rules.h"
#include "core/patch/lora/lora_private.h"
#include "core/patch/keys/model_keys.h"
#include "core/tensor/convert/convert.h"

static const char alpha_suffix[] = ".alpha";
static const char dora_suffix[] = ".dora_scale";
static const char reshape_suffix[] = ".reshape_weight";

struct matching {
	const struct lora_file *lora;
	const struct key_map *map;
	struct lora_match *match;
	size_t capacity;
	bool *named; /* by entry of the map: the file has a tensor of this module */
	bool *used; /* by tensor */
	struct error *error;
};

/* ---- tensors of a module ---- */

static const struct safetensors_tensor *find(const struct matching *m, const char *module, const char *suffix)
{
	char name[KEY_MAX_BYTES];
	int length = snprintf(name, sizeof(name), "%s%s", module, suffix);

	return length > 0 && (size_t)length < sizeof(name) ? lora_find(m->lora, name) : NULL;
}

static void use(struct matching *m, const struct safetensors_tensor *tensor)
{
	if (tensor && tensor != &m->lora->names.reshape)
		m->used[tensor - safetensors_tensor(m->lora->file, 0)] = true;
}

/* ---- which modules a file names ---- */

static void name_module(struct matching *m, const char *name, const char *suffix)
{
	size_t name_length = strlen(name);
	size_t length = strlen(suffix);
	size_t count;
	const struct key_entry *entries = key_map_entries(m->map, &count);
	const struct key_entry *entry;

	if (name_length <= length || strcmp(name + name_length - length, suffix) != 0)
		return;
	entry = key_map_find(m->map, name, name_length - length);
	if (entry)
		m->named[entry - entries] = true;
}

static void name_modules(struct matching *m)
{
	for (size_t i = 0; i < safetensors_count(m->lora->file); i++) {
		const char *name = lora_tensor_name(m->lora, i);

		for (const struct adapter_kind *const *kind = adapter_kinds; *kind; kind++) {
			for (size_t j = 0; j < ADAPTER_PARTS_MAX; j++) {
				const struct adapter_part *part = &(*kind)->parts[j];

				for (size_t k = 0; k < ADAPTER_SPELLINGS_MAX && part->suffixes[k]; k++) {
					if (part->role == PART_SIGNAL)
						name_module(m, name, part->suffixes[k]);
				}
			}
		}
	}
}

/* ---- adapters ---- */

static bool is_there(const struct adapter_kind *kind, const struct adapter *adapter)
{
	for (size_t i = 0; i < ADAPTER_PARTS_MAX; i++) {
		if (kind->parts[i].role == PART_SIGNAL && adapter->parts[i] &&
		    (!kind->parts[i].rank || adapter->parts[i]->rank == kind->parts[i].rank))
			return true;
	}
	return false;
}

static bool is_whole(const struct matching *m, const struct adapter_kind *kind, const struct adapter *adapter,
		     const char *module, size_t spelling)
{
	for (size_t i = 0; i < ADAPTER_PARTS_MAX; i++) {
		if (kind->parts[i].role == PART_NEEDED && !adapter->parts[i])
			return error_set(m->error, ERROR_FORMAT, "%s: %s%s has no second factor, %s%s", m->lora->name, module,
					 kind->parts[0].suffixes[spelling], module, kind->parts[i].suffixes[spelling]);
	}
	return true;
}

/* The kind's tensors by the first spelling that has a signal; *found says whether there are any. */
static bool take_kind(const struct matching *m, const struct adapter_kind *kind, const char *module, struct adapter *adapter,
		      bool *found)
{
	*found = false;
	for (size_t spelling = 0; spelling < ADAPTER_SPELLINGS_MAX && kind->parts[0].suffixes[spelling]; spelling++) {
		for (size_t i = 0; i < ADAPTER_PARTS_MAX; i++) {
			const char *suffix = kind->parts[i].suffixes[spelling];

			adapter->parts[i] = suffix ? find(m, module, suffix) : NULL;
		}
		if (!is_there(kind, adapter))
			continue;
		*found = true;
		return is_whole(m, kind, adapter, module, spelling);
	}
	return true;
}

static double read_alpha(const struct safetensors_tensor *tensor)
{
	float value;

	if (!tensor || tensor->element_count != 1 || !convert_to_f32(tensor->dtype, tensor->bytes, &value, 1, NULL))
		return NAN;
	return (double)value;
}

static bool add_adapter(struct matching *m, const struct adapter *adapter)
{
	struct lora_match *match = m->match;

	if (!array_reserve(&match->adapters, &m->capacity, match->count + 1, sizeof(*match->adapters), m->error))
		return false;
	match->adapters[match->count] = *adapter;
	match->adapters[match->count].order = match->count;
	match->count++;
	return true;
}

/* The parameter that an adapter changes: the entry's, or the bias beside it. */
static bool aim(const struct matching *m, const struct key_entry *entry, struct adapter *adapter)
{
	char module[KEY_MAX_BYTES];
	char key[KEY_MAX_BYTES];

	adapter->parameter = entry->target;
	if (adapter->kind->of_bias) {
		if (!key_between(entry->key, "", ".weight", module))
			return false;
		key_print(key, "%s.bias", module);
		adapter->parameter = key_map_target(m->map, key);
	} else {
		adapter->slice = entry->slice;
		adapter->swaps_halves = entry->swaps_halves;
	}
	if (adapter->parameter == KEY_ABSENT)
		return false;
	adapter->key = key_map_key(m->map, adapter->parameter);
	return true;
}

static bool take_module(struct matching *m, const struct key_entry *entry)
{
	const struct safetensors_tensor *alpha = find(m, entry->name, alpha_suffix);
	const struct safetensors_tensor *dora_scale = find(m, entry->name, dora_suffix);
	const struct safetensors_tensor *reshape = find(m, entry->name, reshape_suffix);

	for (const struct adapter_kind *const *kind = adapter_kinds; *kind; kind++) {
		struct adapter adapter = { .kind = *kind, .file = m->lora->name, .alpha = read_alpha(alpha) };
		bool found;

		if ((*kind)->difference)
			adapter.dora_scale = dora_scale;
		if ((*kind)->may_reshape)
			adapter.reshape = reshape;
		if (!take_kind(m, *kind, entry->name, &adapter, &found))
			return false;
		if (!found || !aim(m, entry, &adapter))
			continue;
		for (size_t i = 0; i < ADAPTER_PARTS_MAX; i++)
			use(m, adapter.parts[i]);
		use(m, alpha);
		use(m, dora_scale);
		use(m, adapter.reshape);
		if (!add_adapter(m, &adapter))
			return false;
	}
	return true;
}

static int compare_orders(const void *a, const void *b, void *context)
{
	const struct key_entry *entries = context;
	size_t left = entries[*(const size_t *)a].order;
	size_t right = entries[*(const size_t *)b].order;

	return left < right ? -1 : left > right;
}

/* In the order in which the map was made: what comes later counts. */
static bool take_modules(struct matching *m)
{
	size_t count;
	const struct key_entry *entries = key_map_entries(m->map, &count);
	size_t *order = array_new(count, sizeof(*order), m->error);
	size_t named = 0;
	bool fine = order != NULL;

	for (size_t i = 0; fine && i < count; i++) {
		if (m->named[i])
			order[named++] = i;
	}
	if (named)
		qsort_r(order, named, sizeof(*order), compare_orders, (void *)(uintptr_t)entries);
	for (size_t i = 0; fine && i < named; i++)
		fine = take_module(m, &entries[order[i]]);
	free(order);
	return fine;
}

/* ---- what means nothing ---- */

static bool list_unused(struct matching *m)
{
	struct lora_match *match = m->match;
	size_t count = safetensors_count(m->lora->file);

	match->unused = array_new(count, sizeof(*match->unused), m->error);
	if (!match->unused)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!m->used[i])
			match->unused[match->unused_count++] = safetensors_tensor(m->lora->file, i)->name;
	}
	return true;
}

/* ---- matching ---- */

static int compare(uint64_t left, uint64_t right)
{
	return left < right ? -1 : left > right;
}

/* By parameter, then by what of it. */
static int compare_aims(const struct adapter *left, const struct adapter *right)
{
	int order = compare(left->parameter, right->parameter);

	if (order == 0)
		order = compare((uint64_t)left->slice.first, (uint64_t)right->slice.first);
	if (order == 0)
		order = compare((uint64_t)left->slice.count, (uint64_t)right->slice.count);
	return order ? order : compare(left->swaps_halves, right->swaps_halves);
}

static int compare_adapters(const void *a, const void *b)
{
	const struct adapter *left = a;
	const struct adapter *right = b;
	int order = compare_aims(left, right);

	return order ? order : compare(left->order, right->order);
}

/* Of two changes to the same rows the later counts. */
static void sort_adapters(struct lora_match *match)
{
	size_t kept = 0;

	if (match->count)
		qsort(match->adapters, match->count, sizeof(*match->adapters), compare_adapters);
	for (size_t i = 0; i < match->count; i++) {
		if (i + 1 == match->count || compare_aims(&match->adapters[i], &match->adapters[i + 1]) != 0)
			match->adapters[kept++] = match->adapters[i];
	}
	match->count = kept;
}

static struct lora_match *match_new(struct lora_file *lora, struct error *e)
{
	struct lora_match *match = array_new(1, sizeof(*match), e);

	if (!match)
		return NULL;
	match->owner_count = 1;
	match->lora = lora_share(lora);
	return match;
}

struct lora_match *lora_match_map(struct lora_file *lora, const struct key_map *map, struct error *e)
{
	struct matching m = { .lora = lora, .map = map, .match = match_new(lora, e), .error = e };
	size_t entry_count;
	bool fine;

	if (!m.match || !lora->file)
		return m.match;
	key_map_entries(map, &entry_count);
	m.named = array_new(entry_count, sizeof(*m.named), e);
	m.used = array_new(safetensors_count(lora->file), sizeof(*m.used), e);
	fine = m.named && m.used;
	if (fine) {
		name_modules(&m);
		fine = take_modules(&m) && list_unused(&m);
	}
	free(m.named);
	free(m.used);
	if (!fine) {
		lora_match_end(m.match);
		return NULL;
	}
	sort_adapters(m.match);
	return m.match;
}

/* A synthetic one changes every product of FLUX's double blocks. */
static bool add_synthetic(struct lora_match *match, const struct model *model, const struct key_target *targets,
			  struct error *e)
{
	size_t capacity = 0;

	for (size_t i = 0; i < model->parameter_count; i++) {
		const struct parameter *parameter = &model->parameters[i];

		if (parameter->rank != 2 || strncmp(parameter->name, "double_blocks.", strlen("double_blocks.")) != 0)
			continue;
		if (!array_reserve(&match->adapters, &capacity, match->count + 1, sizeof(*match->adapters), e))
			return false;
		match->adapters[match->count++] = (struct adapter) {
			.kind = &kind_synthetic, .file = match->lora->name, .parameter = i, .key = targets[i].key
		};
	}
	return true;
}

struct lora_match *lora_match(struct lora_file *lora, const struct model *model, struct error *e)
{
	struct lora_match *match = NULL;
	char *text = NULL;
	struct key_target *targets = model_keys(model, &text, e);
	struct key_map *map = targets && lora->file ? key_map_new(targets, model->parameter_count, e) : NULL;

	if (targets && (map || !lora->file))
		match = lora_match_map(lora, map, e);
	if (match) {
		match->keys = text;
		text = NULL;
		if (!lora->file && !lora->is_blank && !add_synthetic(match, model, targets, e)) {
			lora_match_end(match);
			match = NULL;
		}
	}
	key_map_free(map);
	free(targets);
	free(text);
	return match;
}

struct lora_match *lora_match_share(struct lora_match *match)
{
	match->owner_count++;
	return match;
}

void lora_match_end(struct lora_match *match)
{
	if (!match || --match->owner_count)
		return;
	free(match->unused);
	free(match->adapters);
	free(match->keys);
	lora_close(match->lora);
	free(match);
}

const struct adapter *lora_match_of(const struct lora_match *match, size_t parameter, size_t *count)
{
	size_t low = 0;
	size_t high = match->count;
	size_t end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (match->adapters[middle].parameter < parameter)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < match->count && match->adapters[end].parameter == parameter;)
		end++;
	*count = end - low;
	return end > low ? match->adapters + low : NULL;
}
