#include "core/patch/strips.h"

#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/arith.h"
#include "core/tensor/convert.h"
#include "core/tensor/stochastic.h"

#define STRIP_BYTES (256u << 10) /* of values: they stay in a core's own cache from the first pass over them to the last */

enum { UP, DOWN, MID };

/* One pair, ready to be multiplied. */
struct pair {
	float *up; /* [rows, rank] */
	struct panels down;
	size_t first, rows; /* of the weight */
	float factor;
};

struct strips {
	const struct stored *stored;
	struct pair *pairs;
	size_t pair_count;
	size_t rows, columns, strip; /* strip: rows at a time */
	float *values;
};

/* ---- which weights ---- */

static bool is_plain(const struct stored *stored, const struct patch_use *use, const struct adapter *adapter)
{
	const struct safetensors_tensor *up = adapter->parts[UP];
	const struct safetensors_tensor *down = adapter->parts[DOWN];
	const struct slice *slice = &adapter->slice;
	uint64_t rows = (uint64_t)(slice->count ? slice->count : stored->shape[0]);

	return adapter->kind == &kind_lora && !adapter->parts[MID] && !adapter->dora_scale && !adapter->reshape &&
	       !adapter->swaps_halves && use->strength_model == 1.0 && slice->first >= 0 &&
	       slice->count <= stored->shape[0] - slice->first && tensor_rows(up) == rows && tensor_rows(down) > 0 &&
	       tensor_columns(up) == tensor_rows(down) &&
	       tensor_columns(down) == stored_count(stored) / (uint64_t)stored->shape[0];
}

bool strips_can(const struct stored *stored, const struct patch_list *list, size_t parameter)
{
	if (stored->scale != 0 || stored->rank < 2 || stored_count(stored) == 0)
		return false;
	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;
		const struct adapter *adapters = lora_match_of(list->uses[i].match, parameter, &count);

		for (size_t j = 0; j < count; j++) {
			if (!is_plain(stored, &list->uses[i], &adapters[j]))
				return false;
		}
	}
	return true;
}

/* ---- pairs ---- */

static float *values_of(const struct safetensors_tensor *tensor, struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);

	if (values && convert_to_f32(tensor->dtype, tensor->bytes, values, tensor->element_count, e))
		return values;
	free(values);
	return NULL;
}

static bool take_pair(struct strips *strips, const struct patch_use *use, const struct adapter *adapter, struct error *e)
{
	const struct safetensors_tensor *down = adapter->parts[DOWN];
	const struct change change = { .adapter = adapter };
	struct pair *pair = &strips->pairs[strips->pair_count++];
	float *values = values_of(down, e);

	pair->first = (size_t)adapter->slice.first;
	pair->rows = tensor_rows(adapter->parts[UP]);
	pair->factor = (float)(use->strength * change_alpha(&change, tensor_rows(down)));
	pair->up = values ? values_of(adapter->parts[UP], e) : NULL;
	if (pair->up)
		panels_make(&pair->down, values, tensor_rows(down), tensor_columns(down), e);
	free(values);
	return pair->down.values != NULL;
}

static bool take_pairs(struct strips *strips, const struct patch_list *list, size_t parameter, struct error *e)
{
	size_t total = 0;
	size_t count;

	for (size_t i = 0; i < list->use_count; i++) {
		lora_match_of(list->uses[i].match, parameter, &count);
		total += count;
	}
	strips->pairs = array_new(total, sizeof(*strips->pairs), e);
	if (!strips->pairs)
		return false;
	for (size_t i = 0; i < list->use_count; i++) {
		const struct adapter *adapters = lora_match_of(list->uses[i].match, parameter, &count);

		for (size_t j = 0; j < count; j++) {
			if (!take_pair(strips, &list->uses[i], &adapters[j], e))
				return false;
		}
	}
	return true;
}

/* ---- strips ---- */

/* The part of a pair that is among rows first to end. */
static void add_pair(const struct strips *strips, const struct pair *pair, size_t first, size_t end)
{
	size_t from = pair->first > first ? pair->first : first;
	size_t to = pair->first + pair->rows < end ? pair->first + pair->rows : end;

	if (from < to)
		panels_add(pair->up + (from - pair->first) * pair->down.depth, &pair->down,
			   strips->values + (from - first) * strips->columns, to - from, pair->factor);
}

static bool patch_rows(const struct strips *strips, size_t first, size_t end, struct mt19937 *generator, char *to,
		       struct error *e)
{
	const struct stored *stored = strips->stored;
	size_t row_bytes = strips->columns * dtype_size_bytes(stored->dtype);
	size_t count = (end - first) * strips->columns;

	if (!convert_to_f32(stored->dtype, (const char *)stored->bytes + first * row_bytes, strips->values, count, e))
		return false;
	for (size_t i = 0; i < strips->pair_count; i++)
		add_pair(strips, &strips->pairs[i], first, end);
	return stochastic_round(stored->dtype, generator, strips->values, to + first * row_bytes, count, e);
}

bool strips_patch(const struct stored *stored, const struct patch_list *list, size_t parameter, void *to, struct error *e)
{
	struct strips strips = { .stored = stored, .rows = (size_t)stored->shape[0] };
	struct mt19937 generator;
	bool fine;

	strips.columns = stored_count(stored) / strips.rows;
	strips.strip = STRIP_BYTES / sizeof(float) / strips.columns / 8 * 8;
	strips.strip = strips.strip ? strips.strip : 8;
	strips.values = array_new(strips.strip * strips.columns, sizeof(*strips.values), e);
	fine = strips.values && take_pairs(&strips, list, parameter, e);
	mt19937_seed(&generator, stochastic_seed(stored->key));
	for (size_t row = 0; fine && row < strips.rows; row += strips.strip)
		fine = patch_rows(&strips, row, row + strips.strip < strips.rows ? row + strips.strip : strips.rows, &generator,
				  to, e);
	for (size_t i = 0; i < strips.pair_count; i++) {
		free(strips.pairs[i].up);
		free(strips.pairs[i].down.values);
	}
	free(strips.pairs);
	free(strips.values);
	return fine;
}
