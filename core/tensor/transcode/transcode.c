/* Three steps. Each tensor gets its new type, and everything that would be lost is refused; the head of the new file is
 * written; then elements stream through a buffer, copied where the type stays and by way of float32 where it does not, with
 * a check of what the new type can hold.
 */
#include "core/tensor/transcode/transcode.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"
#include "core/tensor/convert/stochastic.h"
#include "core/tensor/transcode/transcode_plan.h"
#include "core/tensor/transcode/transcode_values.h"

/* Elements that are converted at a time: whole blocks of every type. */
#define PIECE_ELEMENTS ((size_t)256 * 1024)
#define PIECE_BYTES ((size_t)4 * MIB)

struct transcoder {
	const struct transcode_request *request;
	struct weights weights;
	struct transcode_step *steps; /* of the new file's tensors */
	size_t step_count;
	struct safetensors_writer *safetensors;
	struct gguf_writer *gguf;
	float *values;
	uint8_t *bytes;
	uint64_t done_bytes, total_bytes;
};

/* ---- the new file's head ---- */

/* The header's word on weights with scales, without those that have none any more. */
static bool forget_scales(const struct transcoder *t, struct weights_texts *texts, struct error *e)
{
	const char **without = array_new(t->step_count + 1, sizeof(const char *), e);
	size_t count = 0;

	for (size_t i = 0; without && i < t->step_count; i++) {
		if (t->steps[i].unscales)
			without[count++] = t->steps[i].from->name;
	}
	if (without && (count || t->weights.shards) && weights_texts_find(texts, SCALED_METADATA))
		weights_texts_replace(texts, SCALED_METADATA, weights_scaled_metadata(&t->weights, without, count, e));
	free(without);
	return !error_is_set(e);
}

static bool begin_safetensors(struct transcoder *t, struct error *e)
{
	struct safetensors_entry *entries = array_new(t->step_count + 1, sizeof(*entries), e);
	struct weights_texts texts = { .count = 0 };

	for (size_t i = 0; entries && i < t->step_count; i++)
		entries[i] = (struct safetensors_entry) {
			.name = t->steps[i].from->name,
			.dtype = t->steps[i].type.dtype,
			.rank = t->steps[i].rank,
			.shape = t->steps[i].shape,
		};
	if (entries && weights_texts(&t->weights, t->request->drop_values, &texts, e) && forget_scales(t, &texts, e))
		t->safetensors = safetensors_writer_open(t->request->to, entries, t->step_count,
							 texts.count ? (const char *const *)texts.pairs : NULL, e);
	weights_texts_free(&texts);
	free(entries);
	return t->safetensors;
}

static bool begin_gguf(struct transcoder *t, struct error *e)
{
	struct gguf_entry *entries = array_new(t->step_count + 1, sizeof(*entries), e);
	struct gguf_metadata metadata = { .count = 0 };
	bool fine = entries && transcode_metadata(&t->weights, t->request, &metadata, e);

	for (size_t i = 0; fine && i < t->step_count; i++) {
		const struct transcode_step *step = &t->steps[i];

		entries[i] = (struct gguf_entry) {
			.name = step->from->name, .type = step->type.quant, .rank = step->rank, .shape = step->shape
		};
		if (!step->type.is_quantised)
			quant_from_dtype(step->type.dtype, &entries[i].type);
		if (step->rank != step->from->rank)
			fine = transcode_original_shape(&metadata, step->from, e);
	}
	if (fine)
		t->gguf = gguf_writer_open(t->request->to, entries, t->step_count, &metadata, e);
	gguf_metadata_free(&metadata);
	free(entries);
	return t->gguf;
}

/* ---- the elements ---- */

static bool put(struct transcoder *t, const void *bytes, size_t size_bytes, struct error *e)
{
	return t->gguf ? gguf_writer_put(t->gguf, bytes, size_bytes, e)
		       : safetensors_writer_put(t->safetensors, bytes, size_bytes, e);
}

static bool advance(struct transcoder *t, uint64_t size_bytes, struct error *e)
{
	const struct bulk_watcher *watcher = t->request->watcher;

	t->done_bytes += size_bytes;
	if (watcher && watcher->progress)
		watcher->progress(watcher->context, t->done_bytes, t->total_bytes);
	return !watcher || !watcher->interrupted || !*watcher->interrupted ||
	       error_set(e, ERROR_INTERRUPTED, "interrupted while writing %s", t->request->to);
}

static bool copy_tensor(struct transcoder *t, const struct transcode_step *step, struct error *e)
{
	for (uint64_t done = 0; done < step->from->size_bytes;) {
		uint64_t left = step->from->size_bytes - done;
		size_t some = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;

		if (!put(t, step->from->bytes + done, some, e) || !advance(t, some, e))
			return false;
		done += some;
	}
	return true;
}

static bool to_floats(const struct transcoder *t, const struct transcode_step *step, uint64_t first, size_t count,
		      struct error *e)
{
	enum quant_way way = t->request->in_half ? QUANT_HALF : QUANT_EXACT;
	const uint8_t *bytes = step->from->bytes + weights_type_bytes(&step->from->type, first);

	if (step->unscales) {
		const struct scaled_bytes stored = weights_scaled_bytes(&t->weights, step->unscales);

		return scaled_decode(step->unscales, &stored, first, count, t->values, e);
	}
	if (step->from->type.is_quantised)
		return convert_dequantise(step->from->type.quant, way, bytes, t->values, count, e);
	return convert_to_f32(step->from->type.dtype, bytes, t->values, count, e);
}

static bool from_floats(const struct transcoder *t, const struct transcode_step *step, struct mt19937 *generator, size_t count,
			struct error *e)
{
	if (step->type.is_quantised)
		return convert_quantise(step->type.quant, t->values, t->bytes, count, e);
	if (t->request->stochastic)
		return stochastic_round(step->type.dtype, generator, t->values, t->bytes, count, e);
	return convert_from_f32(step->type.dtype, t->values, t->bytes, count, e);
}

/* The largest number that rounds to a finite one; what is larger would become infinite, or NaN. */
static float largest_kept(const struct transcoder *t, const struct weights_type *type)
{
	if (type->is_quantised)
		return 65519; /* scales are halves */
	switch (type->dtype) {
	case DTYPE_F16:
		return 65519;
	case DTYPE_F8_E4M3:
		return t->request->stochastic ? INFINITY : 464;
	case DTYPE_F8_E5M2:
		return t->request->stochastic ? 65375 : 61439;
	case DTYPE_BF16:
		return 0x1.fefffep127f;
	default:
		return INFINITY;
	}
}

static bool check_range(const struct transcoder *t, const struct transcode_step *step, uint64_t first, size_t count,
			struct error *e)
{
	float most = largest_kept(t, &step->type);

	for (size_t i = 0; i < count; i++) {
		if (fabsf(t->values[i]) > most && isfinite(t->values[i]))
			return error_set(e, ERROR_UNSUPPORTED, "tensor %.200s: element %" PRIu64 " is %g, which %s cannot hold",
					 step->from->name, first + i, (double)t->values[i], weights_type_name(&step->type));
	}
	return true;
}

/* Those that so many elements take in the old file. */
static uint64_t stored_bytes(const struct transcode_step *step, size_t count)
{
	if (step->unscales && step->unscales->format == SCALED_NVFP4)
		return count / 2;
	return weights_type_bytes(&step->from->type, count);
}

static bool convert_tensor(struct transcoder *t, const struct transcode_step *step, struct error *e)
{
	struct mt19937 generator;

	mt19937_seed(&generator, stochastic_seed(step->from->name));
	for (uint64_t done = 0; done < step->element_count;) {
		uint64_t left = step->element_count - done;
		size_t some = left < PIECE_ELEMENTS ? (size_t)left : PIECE_ELEMENTS;

		if (!to_floats(t, step, done, some, e) || !check_range(t, step, done, some, e) ||
		    !from_floats(t, step, &generator, some, e) ||
		    !put(t, t->bytes, (size_t)weights_type_bytes(&step->type, some), e) ||
		    !advance(t, stored_bytes(step, some), e))
			return false;
		done += some;
	}
	return true;
}

/* Ends the writer either way. */
static bool write_tensors(struct transcoder *t, struct error *e)
{
	bool fine = true;

	for (size_t i = 0; fine && i < t->step_count; i++)
		fine = t->steps[i].converts ? convert_tensor(t, &t->steps[i], e) : copy_tensor(t, &t->steps[i], e);
	if (fine)
		return t->gguf ? gguf_writer_finish(t->gguf, e) : safetensors_writer_finish(t->safetensors, e);
	gguf_writer_abandon(t->gguf);
	safetensors_writer_abandon(t->safetensors);
	return false;
}

static bool plan_steps(struct transcoder *t, struct transcode_result *result, struct error *e)
{
	t->steps = array_new(t->weights.count + 1, sizeof(*t->steps), e);
	if (!t->steps || !transcode_plan(t->request, &t->weights, t->steps, &t->step_count, result, e))
		return false;
	for (size_t i = 0; i < t->step_count; i++)
		t->total_bytes += t->steps[i].from->size_bytes;
	return true;
}

bool transcode(const struct transcode_request *request, struct transcode_result *result, struct error *e)
{
	struct transcoder t = { .request = request };
	bool fine;

	*result = (struct transcode_result) { .tensors = 0 };
	t.values = array_new(PIECE_ELEMENTS, sizeof(*t.values), e);
	t.bytes = array_new(PIECE_ELEMENTS, sizeof(double), e);
	fine = t.values && t.bytes && weights_open(&t.weights, request->from, e) && plan_steps(&t, result, e) &&
	       (request->format == WEIGHTS_GGUF ? begin_gguf(&t, e) : begin_safetensors(&t, e)) && write_tensors(&t, e);
	free(t.values);
	free(t.bytes);
	free(t.steps);
	weights_close(&t.weights);
	return fine;
}
