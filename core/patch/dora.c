/* DoRA: direction and magnitude apart. The changed weight is scaled so that its norms are dora_scale: by rows, against the norms
 * of the weight as it was, or by columns, against those of the changed one. The strength does not scale the difference; it says how
 * much of the way the weight goes. */
#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith.h"

struct dora {
	const struct change *change;
	float *scale; /* in the differences' type */
	float *changed; /* the weight with its difference */
	float *ratio; /* scale over norm: a row's, or a column's */
	size_t count, rows, columns, inner; /* the weight is [rows, columns, inner] */
	bool by_rows;
};

static float epsilon(enum dtype dtype)
{
	return dtype == DTYPE_F16 ? 0x1p-10F : dtype == DTYPE_BF16 ? 0x1p-7F : 0x1p-23F;
}

static size_t axis_of(const struct dora *dora, size_t i)
{
	return dora->by_rows ? i / (dora->columns * dora->inner) : i / dora->inner % dora->columns;
}

static void change_weight(struct dora *dora, const struct difference *difference)
{
	const struct weight_values *weight = dora->change->weight;

	for (size_t i = 0; i < dora->count; i++) {
		float value = difference->values[change_source(dora->change, dora->count, i)];

		value = as_dtype(dora->change->dtype, value * (float)difference->alpha);
		dora->changed[i] = as_dtype(weight->dtype, weight->values[i] + as_dtype(weight->dtype, value));
	}
}

static bool find_ratios(struct dora *dora, struct error *e)
{
	const struct weight_values *weight = dora->change->weight;
	const float *values = dora->by_rows ? weight->values : dora->changed;
	size_t axis = dora->by_rows ? dora->rows : dora->columns;
	enum dtype wider = weight->dtype == dora->change->dtype ? weight->dtype : DTYPE_F32;
	double *squares = array_new(axis, sizeof(*squares), e);

	if (!squares)
		return false;
	for (size_t i = 0; i < dora->count; i++)
		squares[axis_of(dora, i)] += (double)values[i] * (double)values[i];
	for (size_t i = 0; i < axis; i++) {
		float norm = as_dtype(weight->dtype, sqrtf((float)squares[i]));

		norm = as_dtype(weight->dtype, norm + epsilon(weight->dtype));
		dora->ratio[i] = as_dtype(weight->dtype, as_dtype(wider, dora->scale[i] / norm));
	}
	free(squares);
	return true;
}

static void go_there(struct dora *dora)
{
	struct weight_values *weight = dora->change->weight;
	float strength = (float)dora->change->strength;

	for (size_t i = 0; i < dora->count; i++) {
		float there = as_dtype(weight->dtype, dora->changed[i] * dora->ratio[axis_of(dora, i)]);
		float way;

		if (dora->change->strength == 1.0) {
			weight->values[i] = there;
			continue;
		}
		way = as_dtype(weight->dtype, there - weight->values[i]);
		weight->values[i] = as_dtype(weight->dtype, weight->values[i] + as_dtype(weight->dtype, strength * way));
	}
}

static bool measure(struct dora *dora, const struct safetensors_tensor *scale, struct error *e)
{
	const struct adapter *adapter = dora->change->adapter;
	const struct weight_values *weight = dora->change->weight;

	dora->count = weight_count(weight);
	dora->rows = weight->rank ? (size_t)weight->shape[0] : 1;
	dora->columns = weight->rank > 1 ? (size_t)weight->shape[1] : 1;
	dora->inner = dora->count ? dora->count / dora->rows / dora->columns : 0;
	dora->by_rows = tensor_rows(scale) == dora->rows;
	if (dora->count && scale->element_count == (dora->by_rows ? dora->rows : dora->columns))
		return true;
	return error_set(e, ERROR_FORMAT, "%s: %s, at byte %llu, has %llu elements; %s has %zu rows and %zu columns",
			 adapter->file, scale->name, (unsigned long long)scale->file_offset,
			 (unsigned long long)scale->element_count, adapter->key, dora->rows, dora->columns);
}

bool dora_apply(const struct change *change, const struct difference *difference, struct error *e)
{
	const struct safetensors_tensor *scale = change->adapter->dora_scale;
	struct dora dora = { .change = change };
	bool fine = measure(&dora, scale, e);

	if (!fine)
		return false;
	dora.scale = array_new(scale->element_count, sizeof(*dora.scale), e);
	dora.changed = array_new(dora.count, sizeof(*dora.changed), e);
	dora.ratio = array_new(scale->element_count, sizeof(*dora.ratio), e);
	fine = dora.scale && dora.changed && dora.ratio &&
	       convert_to_f32(scale->dtype, scale->bytes, dora.scale, scale->element_count, e);
	if (fine) {
		round_all(change->dtype, dora.scale, scale->element_count);
		change_weight(&dora, difference);
		fine = find_ratios(&dora, e);
	}
	if (fine)
		go_there(&dora);
	free(dora.scale);
	free(dora.changed);
	free(dora.ratio);
	return fine;
}
