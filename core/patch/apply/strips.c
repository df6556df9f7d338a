/* Factors are made ready once for an adapter; then rows are read, changed and written a strip at a time, so that a strip
 * stays in the processor's cache. Where DoRA wants the norms of whole columns, the weight is walked once before for them,
 * which is why such an adapter must be alone. strips_can() decides beforehand: anything else takes the plain way.
 */
#include "core/patch/apply/strips.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/arith/arith.h"
#include "core/patch/kinds/dora.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/stochastic.h"

#define STRIP_BYTES (256u << 10) /* of values: they stay in a core's own cache from the first pass over them to the last */

enum { UP, DOWN, MID }; /* of LoRA */
enum { LOHA_PAIRS = 2, LOHA_CORE = 4 }; /* of LoHa: two pairs, then their cores */

/* Two factors, ready to be multiplied. */
struct pair {
	float *up; /* [rows, rank] */
	struct panels down;
};

/* One adapter. */
struct row_change {
	struct pair pairs[LOHA_PAIRS];
	size_t pair_count; /* of two the elementwise product counts */
	size_t first, rows; /* of the weight */
	float alpha, strength, factor; /* factor: of both */
	float *scale; /* DoRA's, one a row; or, by columns, what it becomes: the ratios. NULL: none */
	bool by_columns;
};

struct strips {
	const struct stored *stored;
	struct row_change *changes;
	size_t change_count;
	size_t rows, columns, strip; /* strip: rows at a time */
	float *values;
	float *difference, *other; /* of a strip, where one has to be seen; else NULL */
};

/* ---- which weights ---- */

static bool pair_fits(const struct adapter *adapter, unsigned up_part, uint64_t rows, uint64_t columns)
{
	const struct safetensors_tensor *up = adapter->parts[up_part];
	const struct safetensors_tensor *down = adapter->parts[up_part + 1];

	return adapter_tensor_rows(up) == rows && adapter_tensor_rows(down) > 0 &&
	       adapter_tensor_columns(up) == adapter_tensor_rows(down) && adapter_tensor_columns(down) == columns;
}

static bool has_two_dimensions(const struct adapter *adapter)
{
	for (unsigned i = 0; i < LOHA_CORE; i++) {
		if (adapter->parts[i]->rank != 2)
			return false;
	}
	return true;
}

static bool factors_fit(const struct adapter *adapter, uint64_t rows, uint64_t columns)
{
	if (adapter->kind == &kind_lora)
		return !adapter->parts[MID] && pair_fits(adapter, UP, rows, columns);
	return adapter->kind == &kind_loha && !adapter->parts[LOHA_CORE] && has_two_dimensions(adapter) &&
	       pair_fits(adapter, 0, rows, columns) && pair_fits(adapter, LOHA_PAIRS, rows, columns);
}

/* Columns' norms are of the whole weight with all that was changed before: they are found for one adapter on all rows. */
static bool scale_fits(const struct stored *stored, const struct adapter *adapter, uint64_t rows, uint64_t columns,
		       bool is_alone)
{
	const struct safetensors_tensor *scale = adapter->dora_scale;

	if (!scale)
		return true;
	if (adapter_tensor_rows(scale) == rows)
		return scale->element_count == rows;
	return is_alone && adapter->slice.count == 0 && (uint64_t)stored->shape[1] == columns &&
	       scale->element_count == columns;
}

static bool can(const struct stored *stored, const struct patch_use *use, const struct adapter *adapter, bool is_alone)
{
	const struct slice *slice = &adapter->slice;
	uint64_t rows = (uint64_t)(slice->count ? slice->count : stored->shape[0]);
	uint64_t columns = stored_count(stored) / (uint64_t)stored->shape[0];

	return !adapter->reshape && !adapter->swaps_halves && use->strength_model == 1.0 && slice->first >= 0 &&
	       slice->count <= stored->shape[0] - slice->first && factors_fit(adapter, rows, columns) &&
	       scale_fits(stored, adapter, rows, columns, is_alone);
}

static size_t count_adapters(const struct patch_list *list, size_t parameter)
{
	size_t total = 0;

	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;

		lora_match_of(list->uses[i].match, parameter, &count);
		total += count;
	}
	return total;
}

bool strips_can(const struct stored *stored, const struct patch_list *list, size_t parameter)
{
	bool is_alone = count_adapters(list, parameter) == 1;

	if (stored_is_scaled(stored) || stored->rank < 2 || stored_count(stored) == 0)
		return false;
	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;
		const struct adapter *adapters = lora_match_of(list->uses[i].match, parameter, &count);

		for (size_t j = 0; j < count; j++) {
			if (!can(stored, &list->uses[i], &adapters[j], is_alone))
				return false;
		}
	}
	return true;
}

/* ---- adapters ---- */

static float *values_of(const struct safetensors_tensor *tensor, struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);

	if (values && convert_to_f32(tensor->dtype, tensor->bytes, values, tensor->element_count, e))
		return values;
	free(values);
	return NULL;
}

static bool take_pair(struct row_change *change, const struct safetensors_tensor *up, const struct safetensors_tensor *down,
		      struct error *e)
{
	struct pair *pair = &change->pairs[change->pair_count++];
	float *values = values_of(down, e);

	pair->up = values ? values_of(up, e) : NULL;
	if (pair->up)
		arith_panels_make(&pair->down, values, adapter_tensor_rows(down), adapter_tensor_columns(down), e);
	free(values);
	return pair->down.values != NULL;
}

static bool take_adapter(struct strips *strips, const struct patch_use *use, const struct adapter *adapter, struct error *e)
{
	const struct change made = { .adapter = adapter };
	double alpha = adapter_alpha(&made, adapter_tensor_rows(adapter->parts[DOWN]));
	struct row_change *change = &strips->changes[strips->change_count++];

	*change = (struct row_change) { .first = (size_t)adapter->slice.first,
					.rows = adapter_tensor_rows(adapter->parts[UP]),
					.alpha = (float)alpha,
					.strength = (float)use->strength,
					.factor = (float)(use->strength * alpha) };
	if (!take_pair(change, adapter->parts[UP], adapter->parts[DOWN], e))
		return false;
	if (adapter->kind == &kind_loha && !take_pair(change, adapter->parts[LOHA_PAIRS], adapter->parts[LOHA_PAIRS + 1], e))
		return false;
	if (!adapter->dora_scale)
		return true;
	change->by_columns = adapter_tensor_rows(adapter->dora_scale) != change->rows;
	change->scale = values_of(adapter->dora_scale, e);
	return change->scale != NULL;
}

static bool take_adapters(struct strips *strips, const struct patch_list *list, size_t parameter, struct error *e)
{
	strips->changes = array_new(count_adapters(list, parameter), sizeof(*strips->changes), e);
	if (!strips->changes)
		return false;
	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;
		const struct adapter *adapters = lora_match_of(list->uses[i].match, parameter, &count);

		for (size_t j = 0; j < count; j++) {
			if (!take_adapter(strips, &list->uses[i], &adapters[j], e))
				return false;
		}
	}
	return true;
}

static bool is_added_at_once(const struct row_change *change)
{
	return change->pair_count == 1 && !change->scale;
}

static bool make_room(struct strips *strips, struct error *e)
{
	size_t count = strips->strip * strips->columns;
	bool one = false;
	bool two = false;

	for (size_t i = 0; i < strips->change_count; i++) {
		one = one || !is_added_at_once(&strips->changes[i]);
		two = two || strips->changes[i].pair_count > 1;
	}
	strips->values = array_new(count, sizeof(*strips->values), e);
	strips->difference = one ? array_new(count, sizeof(*strips->difference), e) : NULL;
	strips->other = two ? array_new(count, sizeof(*strips->other), e) : NULL;
	return strips->values && (strips->difference || !one) && (strips->other || !two);
}

/* ---- strips ---- */

static void multiply(const struct pair *pair, size_t first, size_t rows, float *to)
{
	memset(to, 0, rows * pair->down.columns * sizeof(*to));
	arith_panels_add(pair->up + first * pair->down.depth, &pair->down, to, rows, 1.0F);
}

/* Of some of the adapter's rows. */
static void find_difference(const struct strips *strips, const struct row_change *change, size_t first, size_t rows)
{
	multiply(&change->pairs[0], first, rows, strips->difference);
	if (change->pair_count == 1)
		return;
	multiply(&change->pairs[1], first, rows, strips->other);
	for (size_t i = 0; i < rows * strips->columns; i++)
		strips->difference[i] *= strips->other[i];
}

static void go_to_norms(const struct strips *strips, const struct row_change *change, size_t first, size_t rows, float *values)
{
	for (size_t i = 0; i < rows; i++) {
		float *row = values + i * strips->columns;
		float *changed = strips->difference + i * strips->columns;

		dora_change(row, changed, strips->columns, change->alpha);
		if (change->by_columns)
			dora_go_columns(row, changed, strips->columns, change->scale, change->strength);
		else
			dora_go_row(row, changed, strips->columns,
				    dora_ratio(change->scale[first + i], dora_squares(row, strips->columns)), change->strength);
	}
}

/* The part of an adapter that is among rows first to end. */
static void apply(const struct strips *strips, const struct row_change *change, size_t first, size_t end)
{
	size_t from = change->first > first ? change->first : first;
	size_t to = change->first + change->rows < end ? change->first + change->rows : end;
	float *values = strips->values + (from - first) * strips->columns;
	const struct pair *pair = &change->pairs[0];

	if (from >= to)
		return;
	if (is_added_at_once(change)) {
		arith_panels_add(pair->up + (from - change->first) * pair->down.depth, &pair->down, values, to - from,
				 change->factor);
		return;
	}
	find_difference(strips, change, from - change->first, to - from);
	if (change->scale) {
		go_to_norms(strips, change, from - change->first, to - from, values);
		return;
	}
	for (size_t i = 0; i < (to - from) * strips->columns; i++)
		values[i] += change->factor * strips->difference[i];
}

static bool read_rows(const struct strips *strips, size_t first, size_t end, struct error *e)
{
	const struct stored *stored = strips->stored;
	size_t row_bytes = strips->columns * dtype_size_bytes(stored->dtype);

	return convert_to_f32(stored->dtype, (const char *)stored->bytes + first * row_bytes, strips->values,
			      (end - first) * strips->columns, e);
}

static size_t end_of_strip(const struct strips *strips, size_t first)
{
	return first + strips->strip < strips->rows ? first + strips->strip : strips->rows;
}

/* From a scale a column to a ratio: once over the whole weight before it is changed. */
static bool find_column_ratios(const struct strips *strips, struct row_change *change, struct error *e)
{
	double *squares = array_new(strips->columns, sizeof(*squares), e);
	bool fine = squares != NULL;

	for (size_t first = 0, end; fine && first < strips->rows; first = end) {
		end = end_of_strip(strips, first);
		fine = read_rows(strips, first, end, e);
		if (fine)
			find_difference(strips, change, first, end - first);
		for (size_t i = 0; fine && i < end - first; i++) {
			float *changed = strips->difference + i * strips->columns;

			dora_change(strips->values + i * strips->columns, changed, strips->columns, change->alpha);
			dora_add_squares(changed, strips->columns, squares);
		}
	}
	for (size_t i = 0; fine && i < strips->columns; i++)
		change->scale[i] = dora_ratio(change->scale[i], squares[i]);
	free(squares);
	return fine;
}

static bool patch_rows(const struct strips *strips, size_t first, size_t end, struct mt19937 *generator, char *to,
		       struct error *e)
{
	const struct stored *stored = strips->stored;
	size_t row_bytes = strips->columns * dtype_size_bytes(stored->dtype);

	if (!read_rows(strips, first, end, e))
		return false;
	for (size_t i = 0; i < strips->change_count; i++)
		apply(strips, &strips->changes[i], first, end);
	return stochastic_round(stored->dtype, generator, strips->values, to + first * row_bytes,
				(end - first) * strips->columns, e);
}

static void strips_end(struct strips *strips)
{
	for (size_t i = 0; i < strips->change_count; i++) {
		for (size_t j = 0; j < strips->changes[i].pair_count; j++) {
			free(strips->changes[i].pairs[j].up);
			free(strips->changes[i].pairs[j].down.values);
		}
		free(strips->changes[i].scale);
	}
	free(strips->changes);
	free(strips->values);
	free(strips->difference);
	free(strips->other);
}

bool strips_patch(const struct stored *stored, const struct patch_list *list, size_t parameter, void *to, struct error *e)
{
	struct strips strips = { .stored = stored, .rows = (size_t)stored->shape[0] };
	struct mt19937 generator;
	bool fine;

	strips.columns = stored_count(stored) / strips.rows;
	strips.strip = STRIP_BYTES / sizeof(float) / strips.columns / 8 * 8;
	strips.strip = strips.strip ? strips.strip : 8;
	fine = take_adapters(&strips, list, parameter, e) && make_room(&strips, e);
	for (size_t i = 0; fine && i < strips.change_count; i++)
		fine = !strips.changes[i].by_columns || find_column_ratios(&strips, &strips.changes[i], e);
	mt19937_seed(&generator, stochastic_seed(stored->key));
	for (size_t row = 0; fine && row < strips.rows; row += strips.strip)
		fine = patch_rows(&strips, row, end_of_strip(&strips, row), &generator, to, e);
	strips_end(&strips);
	return fine;
}
