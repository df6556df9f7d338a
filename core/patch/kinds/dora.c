/* DoRA: direction and magnitude apart. The changed weight is scaled so that its norms are dora_scale: by rows, against the norms
 * of the weight as it was, or by columns, against those of the changed one. The strength does not scale the difference; it says how
 * much of the way the weight goes. */
#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"
#include "core/tensor/convert/convert.h"
#include "core/patch/kinds/dora.h"

struct dora {
	const struct change *change;
	float *scale; /* in the differences' type */
	float *changed; /* the weight with its difference */
	float *ratio; /* scale over norm: a row's, or a column's */
	size_t count, rows, columns, inner; /* the weight is [rows, columns, inner] */
	bool by_rows;
};

#define LANES 8

static float epsilon(enum dtype dtype)
{
	return dtype == DTYPE_F16 ? 0x1p-10F : dtype == DTYPE_BF16 ? 0x1p-7F : 0x1p-23F;
}

/* Loops over all elements are written once and compiled twice: in float32, where rounding is nothing, they are vectors. */
#define INLINE __attribute__((always_inline)) static inline
#define IN_TYPES(function, dora, ...)                                                                                          \
	do {                                                                                                                   \
		enum dtype weight_dtype = (dora)->change->weight->dtype;                                                       \
                                                                                                                               \
		if (weight_dtype == DTYPE_F32 && (dora)->change->dtype == DTYPE_F32 && !(dora)->change->adapter->swaps_halves) \
			function(dora, __VA_ARGS__, DTYPE_F32, DTYPE_F32, false);                                              \
		else                                                                                                           \
			function(dora, __VA_ARGS__, weight_dtype, (dora)->change->dtype, true);                                \
	} while (0)

INLINE float changed_value(float value, float difference, float alpha, enum dtype weight_dtype, enum dtype dtype)
{
	return round_value(weight_dtype, value + round_value(weight_dtype, round_value(dtype, difference * alpha)));
}

INLINE void change_weight(struct dora *dora, const struct difference *difference, enum dtype weight_dtype, enum dtype dtype,
			  bool may_swap)
{
	const float *values = dora->change->weight->values;
	float alpha = (float)difference->alpha;

	for (size_t i = 0; i < dora->count; i++) {
		size_t source = may_swap ? adapter_change_source(dora->change, dora->count, i) : i;

		dora->changed[i] = changed_value(values[i], difference->values[source], alpha, weight_dtype, dtype);
	}
}

/* The squares of a run of values, summed in lanes, in double precision: nothing is lost before the root. */
double dora_squares(const float *values, size_t count)
{
	double lanes[LANES] = { 0 };
	double sum = 0;
	size_t i = 0;

	for (; i + LANES <= count; i += LANES) {
		for (size_t lane = 0; lane < LANES; lane++)
			lanes[lane] += (double)values[i + lane] * (double)values[i + lane];
	}
	for (; i < count; i++)
		sum += (double)values[i] * (double)values[i];
	for (size_t lane = 0; lane < LANES; lane++)
		sum += lanes[lane];
	return sum;
}

static void find_squares(const struct dora *dora, double *squares)
{
	size_t row = dora->columns * dora->inner;

	for (size_t i = 0; i < dora->rows; i++) {
		if (dora->by_rows) {
			squares[i] = dora_squares(dora->change->weight->values + i * row, row);
			continue;
		}
		for (size_t j = 0; j < dora->columns; j++) {
			for (size_t x = 0; x < dora->inner; x++) {
				double value = (double)dora->changed[i * row + j * dora->inner + x];

				squares[j] += value * value;
			}
		}
	}
}

/* wider: the type of a quotient of weights and differences. */
INLINE float ratio_of(float scale, double squares, enum dtype weight_dtype, enum dtype wider)
{
	float norm = round_value(weight_dtype, sqrtf((float)squares));

	norm = round_value(weight_dtype, norm + epsilon(weight_dtype));
	return round_value(weight_dtype, round_value(wider, scale / norm));
}

static bool find_ratios(struct dora *dora, struct error *e)
{
	const struct weight_values *weight = dora->change->weight;
	size_t axis = dora->by_rows ? dora->rows : dora->columns;
	enum dtype wider = weight->dtype == dora->change->dtype ? weight->dtype : DTYPE_F32;
	double *squares = array_new(axis, sizeof(*squares), e);

	if (!squares)
		return false;
	find_squares(dora, squares);
	for (size_t i = 0; i < axis; i++)
		dora->ratio[i] = ratio_of(dora->scale[i], squares[i], weight->dtype, wider);
	free(squares);
	return true;
}

/* From `values` all of the way, or part of it, to `changed` by one ratio. */
INLINE void go_run(float *values, const float *changed, size_t count, float ratio, float strength, enum dtype dtype)
{
	for (size_t i = 0; i < count; i++) {
		float there = round_value(dtype, changed[i] * ratio);
		float way = round_value(dtype, strength * round_value(dtype, there - values[i]));

		values[i] = strength == 1.0F ? there : round_value(dtype, values[i] + way);
	}
}

INLINE void go_columns(float *values, const float *changed, size_t count, const float *ratios, float strength, enum dtype dtype)
{
	for (size_t i = 0; i < count; i++)
		go_run(values + i, changed + i, 1, ratios[i], strength, dtype);
}

INLINE void go_there(struct dora *dora, float strength, enum dtype weight_dtype, enum dtype dtype, bool may_swap)
{
	size_t row = dora->columns * dora->inner;

	(void)dtype;
	(void)may_swap;
	for (size_t i = 0; i < dora->rows; i++) {
		float *values = dora->change->weight->values + i * row;
		const float *changed = dora->changed + i * row;

		if (dora->by_rows) {
			go_run(values, changed, row, dora->ratio[i], strength, weight_dtype);
		} else if (dora->inner == 1) {
			go_columns(values, changed, row, dora->ratio, strength, weight_dtype);
		} else {
			for (size_t j = 0; j < dora->columns; j++)
				go_run(values + j * dora->inner, changed + j * dora->inner, dora->inner, dora->ratio[j],
				       strength, weight_dtype);
		}
	}
}

static bool measure(struct dora *dora, const struct safetensors_tensor *scale, struct error *e)
{
	const struct adapter *adapter = dora->change->adapter;
	const struct weight_values *weight = dora->change->weight;

	dora->count = adapter_weight_count(weight);
	dora->rows = weight->rank ? (size_t)weight->shape[0] : 1;
	dora->columns = weight->rank > 1 ? (size_t)weight->shape[1] : 1;
	dora->inner = dora->count ? dora->count / dora->rows / dora->columns : 0;
	dora->by_rows = adapter_tensor_rows(scale) == dora->rows;
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
		round_values(change->dtype, dora.scale, scale->element_count);
		IN_TYPES(change_weight, &dora, difference);
		fine = find_ratios(&dora, e);
	}
	if (fine)
		IN_TYPES(go_there, &dora, (float)change->strength);
	free(dora.scale);
	free(dora.changed);
	free(dora.ratio);
	return fine;
}

/* ---- rows in float32 ---- */

void dora_change(const float *values, float *changed, size_t count, float alpha)
{
	for (size_t i = 0; i < count; i++)
		changed[i] = changed_value(values[i], changed[i], alpha, DTYPE_F32, DTYPE_F32);
}

void dora_add_squares(const float *changed, size_t count, double *squares)
{
	for (size_t i = 0; i < count; i++)
		squares[i] += (double)changed[i] * (double)changed[i];
}

float dora_ratio(float scale, double squares)
{
	return ratio_of(scale, squares, DTYPE_F32, DTYPE_F32);
}

void dora_go_row(float *values, const float *changed, size_t count, float ratio, float strength)
{
	go_run(values, changed, count, ratio, strength, DTYPE_F32);
}

void dora_go_columns(float *values, const float *changed, size_t count, const float *ratios, float strength)
{
	go_columns(values, changed, count, ratios, strength, DTYPE_F32);
}
