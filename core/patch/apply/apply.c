/* LoRAs on values: each adapter of a parameter in its order, on the rows that it means. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/arith/arith.h"
#include "core/patch/patch.h"

const struct patch_rules patch_rules_upstream = {
	.skips_misfits = true,
	.copies_in_compute_type = true,
	.rounds_again = true,
};
const struct patch_rules patch_rules_ours = { .skips_misfits = false };

static const struct patch_rules *rules_of(const struct patch_list *list)
{
	return list->rules ? list->rules : &patch_rules_ours;
}

bool patch_covers(const struct patch_list *list, size_t parameter)
{
	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;

		lora_match_of(list->uses[i].match, parameter, &count);
		if (count)
			return true;
	}
	return false;
}

/* A few bytes of a file may ask for any shape. Real ones ask for several times the weight; what is far beyond is refused before
 * memory is asked for it. */
#define PADDED_TIMES_MAX 64

/* The dimension that cannot be, or rank where all can. */
static unsigned find_misfit(const int64_t *sizes, const int64_t *shape, unsigned rank)
{
	int64_t times = PADDED_TIMES_MAX;

	for (unsigned i = 0; i < rank; i++) {
		int64_t least = shape[i] > 0 ? shape[i] : 1;

		if (sizes[i] < shape[i] || sizes[i] / least > times)
			return i;
		times /= (sizes[i] + least - 1) / least ? (sizes[i] + least - 1) / least : 1;
	}
	return rank;
}

/* The weight in a corner of a larger one, the rest zeros. Shapes that are no larger are refused. */
static bool pad(const struct adapter *adapter, struct weight_values *weight, struct error *e)
{
	const struct safetensors_tensor *reshape = adapter->reshape;
	struct weight_values padded = *weight;
	size_t count = adapter_weight_count(weight);
	int64_t sizes[TENSOR_RANK_MAX];
	unsigned misfit;

	if (reshape->element_count != weight->rank || reshape->dtype != DTYPE_I64)
		return error_set(e, ERROR_FORMAT, "%s: %s, at byte %llu, is no shape for %s", adapter->file, reshape->name,
				 (unsigned long long)reshape->file_offset, adapter->key);
	memcpy(sizes, reshape->bytes, weight->rank * sizeof(*sizes));
	misfit = find_misfit(sizes, weight->shape, weight->rank);
	if (misfit < weight->rank)
		return error_set(e, ERROR_FORMAT, "%s: %s, at byte %llu, would make %s %lld where it is %lld", adapter->file,
				 reshape->name, (unsigned long long)reshape->file_offset, adapter->key,
				 (long long)sizes[misfit], (long long)weight->shape[misfit]);
	memcpy(padded.shape, sizes, weight->rank * sizeof(*sizes));
	padded.values = array_new(adapter_weight_count(&padded), sizeof(*padded.values), e);
	if (!padded.values)
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t rest = i;
		size_t at = 0;
		size_t step = 1;

		for (unsigned d = weight->rank; d-- > 0;) {
			at += rest % (size_t)weight->shape[d] * step;
			rest /= (size_t)weight->shape[d];
			step *= (size_t)padded.shape[d];
		}
		padded.values[at] = weight->values[i];
	}
	free(weight->values);
	*weight = padded;
	return true;
}

/* The rows that an adapter changes. */
static bool narrow(const struct adapter *adapter, const struct weight_values *weight, struct weight_values *view,
		   struct error *e)
{
	size_t row;

	*view = *weight;
	if (adapter->slice.count == 0)
		return true;
	if (weight->rank == 0 || adapter->slice.first < 0 || adapter->slice.count > weight->shape[0] - adapter->slice.first)
		return error_set(e, ERROR_FORMAT, "%s: %s has no rows from %lld on, %lld of them", adapter->file, adapter->key,
				 (long long)adapter->slice.first, (long long)adapter->slice.count);
	row = adapter_weight_count(weight) / (size_t)weight->shape[0];
	view->values += (size_t)adapter->slice.first * row;
	view->shape[0] = adapter->slice.count;
	return true;
}

static bool is_misfit(const struct error *e)
{
	return e->kind == ERROR_FORMAT || e->kind == ERROR_UNSUPPORTED;
}

static bool apply_one(const struct patch_list *list, const struct patch_use *use, const struct adapter *adapter,
		      struct weight_values *weight, enum dtype dtype, struct error *e)
{
	struct error why = ERROR_INIT;
	struct weight_values view;
	struct change change = { .adapter = adapter,
				 .weight = &view,
				 .dtype = dtype,
				 .strength = use->strength,
				 .as_upstream = rules_of(list)->skips_misfits };
	bool fine = !adapter->reshape || pad(adapter, weight, &why);

	fine = fine && narrow(adapter, weight, &view, &why);
	for (size_t i = 0; fine && use->strength_model != 1.0 && i < adapter_weight_count(&view); i++)
		view.values[i] = round_value(view.dtype, view.values[i] * (float)use->strength_model);
	fine = fine && adapter_apply(&change, &why);
	if (fine)
		return true;
	if (!rules_of(list)->skips_misfits || !is_misfit(&why))
		return error_set(e, why.kind, "%s", why.text);
	log_say(list->log, LOG_WARNING, "%s: left out", why.text);
	return true;
}

bool patch_weight(const struct patch_list *list, size_t parameter, struct weight_values *weight, enum dtype dtype,
		  struct error *e)
{
	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;
		const struct adapter *adapters = lora_match_of(list->uses[i].match, parameter, &count);

		for (size_t j = 0; j < count; j++) {
			if (!apply_one(list, &list->uses[i], &adapters[j], weight, dtype, e))
				return false;
		}
	}
	return true;
}

bool patch_reshaped(const struct patch_list *list, size_t parameter, unsigned rank, const int64_t *from, int64_t *shape)
{
	bool reshaped = false;

	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;
		const struct adapter *adapters = lora_match_of(list->uses[i].match, parameter, &count);

		for (size_t j = 0; j < count; j++) {
			int64_t sizes[TENSOR_RANK_MAX];

			if (!adapters[j].reshape || adapters[j].reshape->size_bytes != rank * sizeof(*shape))
				continue;
			memcpy(sizes, adapters[j].reshape->bytes, rank * sizeof(*shape));
			if (find_misfit(sizes, from, rank) < rank)
				continue; /* refused when the weight's turn comes */
			memcpy(shape, sizes, rank * sizeof(*shape));
			reshaped = true;
		}
	}
	return reshaped;
}
