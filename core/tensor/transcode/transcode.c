/* Three steps. Each tensor gets its new type, and everything that would be lost is refused; the head of the new file is
 * written; then elements stream through a buffer, copied where the type stays and by way of float32 where it does not, with
 * a check of what the new type can hold.
 */
#include "core/tensor/transcode/transcode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"
#include "core/tensor/convert/stochastic.h"
#include "core/tensor/transcode/transcode_values.h"

/* Elements that are converted at a time: whole blocks of every type. */
#define PIECE_ELEMENTS ((size_t)256 * 1024)
#define PIECE_BYTES ((size_t)4 * MIB)
#define RANK_IN_GGML 4u

/* One tensor's way. */
struct step {
	const struct weights_tensor *from;
	struct weights_type type;
	bool converts;
	size_t rank; /* in the new file */
	int64_t shape[2]; /* used where the rank had to change */
};

struct transcoder {
	const struct transcode_request *request;
	struct weights weights;
	struct step *steps;
	struct safetensors_writer *safetensors;
	struct gguf_writer *gguf;
	float *values;
	uint8_t *bytes;
	uint64_t done_bytes, total_bytes;
};

/* ---- what becomes of each tensor ---- */

static bool is_float(const struct weights_type *type)
{
	static const bool floats[DTYPE_COUNT] = { [DTYPE_F64] = true,  [DTYPE_F32] = true,     [DTYPE_F16] = true,
						  [DTYPE_BF16] = true, [DTYPE_F8_E4M3] = true, [DTYPE_F8_E5M2] = true };

	return type->is_quantised || floats[type->dtype];
}

static bool same_type(const struct weights_type *a, const struct weights_type *b)
{
	return a->is_quantised == b->is_quantised && (a->is_quantised ? a->quant == b->quant : a->dtype == b->dtype);
}

/* Whether a quantised type suits a tensor: matrices, and rows of whole blocks. */
static bool suits(const struct weights_type *type, const struct weights_tensor *tensor)
{
	return !type->is_quantised || (tensor->rank == 2 && tensor->shape[1] % (int64_t)quant_block_elements(type->quant) == 0);
}

static struct weights_type wanted_type(const struct transcode_request *request, const struct weights_tensor *tensor)
{
	if (!request->type || !is_float(&tensor->type))
		return tensor->type;
	if (suits(request->type, tensor))
		return *request->type;
	if (tensor->type.is_quantised && suits(&tensor->type, tensor))
		return tensor->type;
	return tensor->type.is_quantised ? (struct weights_type) { .dtype = DTYPE_F32 } : tensor->type;
}

static bool refuse(const struct weights_tensor *tensor, struct error *e, const char *what, const char *instead)
{
	return error_set(e, ERROR_UNSUPPORTED, "tensor %.200s is %s: %s; %s", tensor->name, weights_type_name(&tensor->type),
			 what, instead);
}

static bool format_has(enum weights_format format, const struct weights_type *type)
{
	enum quant quant;

	if (format == WEIGHTS_SAFETENSORS)
		return !type->is_quantised;
	return type->is_quantised || quant_from_dtype(type->dtype, &quant);
}

static bool can_convert(const struct step *step, struct error *e)
{
	const struct weights_type *from = &step->from->type;

	return !from->is_quantised || quant_can_dequantise(from->quant) ||
	       refuse(step->from, e, "nothing turns that into numbers", "leave --dtype out");
}

/* Whatever the file holds. */
static bool check_wish(const struct transcode_request *request, struct error *e)
{
	const struct weights_type *type = request->type;

	if (type && type->is_quantised && !quant_can_quantise(type->quant))
		return error_set(e, ERROR_UNSUPPORTED,
				 "nothing here quantises to %s, whose scales are found by a search; Q8_0, Q5_1, Q5_0, Q4_1, "
				 "Q4_0, TQ1_0, TQ2_0 and MXFP4 can be had",
				 quant_name(type->quant));
	if (type && !type->is_quantised && !is_float(type))
		return error_set(e, ERROR_UNSUPPORTED, "%s is no floating point type: weights do not become that",
				 dtype_name(type->dtype));
	if (type && !format_has(request->format, type))
		return error_set(e, ERROR_UNSUPPORTED, "%s files have no %s", weights_format_name(request->format),
				 weights_type_name(type));
	return true;
}

static const char *way_out(const struct weights_type *type)
{
	if (type->is_quantised)
		return "--dtype F32 keeps every value";
	return is_float(type) ? "name another --dtype" : "no --dtype changes what is not floating point";
}

static bool plan_step(const struct transcode_request *request, const struct weights *weights, struct step *step,
		      struct error *e)
{
	const struct weights_tensor *from = step->from;

	if (strlen(from->name) != from->name_length)
		return refuse(from, e, "its name holds a NUL", "no writer here can write that");
	step->type = wanted_type(request, from);
	step->converts = !same_type(&step->type, &from->type);
	step->rank = from->rank;
	if (!format_has(request->format, &step->type)) {
		char what[80];

		snprintf(what, sizeof(what), "%s files have no %s", weights_format_name(request->format),
			 weights_type_name(&step->type));
		return refuse(from, e, what, way_out(&from->type));
	}
	if (weights->gguf && gguf_is_swapped(weights->gguf) && (from->type.is_quantised || dtype_bits(from->type.dtype) > 8))
		return refuse(from, e, "the file is of the other byte order", "convert it on such a machine");
	/* ggml has four dimensions; the true shape goes into a value, as ComfyUI-GGUF does it. */
	if (request->format == WEIGHTS_GGUF && from->rank > RANK_IN_GGML) {
		step->rank = 2;
		step->shape[0] = from->shape[0];
		step->shape[1] = from->shape[0] ? (int64_t)from->element_count / from->shape[0] : 0;
	} else if (request->format == WEIGHTS_GGUF && from->rank == 0) {
		step->rank = 1; /* readers find no row in a tensor without dimensions */
		step->shape[0] = 1;
	}
	return !step->converts || can_convert(step, e);
}

static bool plan_steps(struct transcoder *t, struct transcode_result *result, struct error *e)
{
	t->steps = array_new(t->weights.count + 1, sizeof(*t->steps), e);
	if (!t->steps)
		return false;
	for (size_t i = 0; i < t->weights.count; i++) {
		struct step *step = &t->steps[i];

		step->from = &t->weights.tensors[i];
		if (!plan_step(t->request, &t->weights, step, e))
			return false;
		result->tensors++;
		result->changed += step->converts;
		result->from_bytes += step->from->size_bytes;
		result->to_bytes += weights_type_bytes(&step->type, step->from->element_count);
	}
	t->total_bytes = result->from_bytes;
	return true;
}

/* ---- the new file's head ---- */

static const int64_t *shape_of(const struct step *step)
{
	return step->rank == step->from->rank ? step->from->shape : step->shape;
}

static bool begin_safetensors(struct transcoder *t, struct error *e)
{
	struct safetensors_entry *entries = array_new(t->weights.count + 1, sizeof(*entries), e);
	struct weights_texts texts = { .count = 0 };

	for (size_t i = 0; entries && i < t->weights.count; i++)
		entries[i] = (struct safetensors_entry) {
			.name = t->steps[i].from->name,
			.dtype = t->steps[i].type.dtype,
			.rank = t->steps[i].rank,
			.shape = shape_of(&t->steps[i]),
		};
	if (entries && weights_texts(&t->weights, t->request->drop_values, &texts, e))
		t->safetensors = safetensors_writer_open(t->request->to, entries, t->weights.count,
							 texts.count ? (const char *const *)texts.pairs : NULL, e);
	weights_texts_free(&texts);
	free(entries);
	return t->safetensors;
}

static bool begin_gguf(struct transcoder *t, struct error *e)
{
	struct gguf_entry *entries = array_new(t->weights.count + 1, sizeof(*entries), e);
	struct gguf_metadata metadata = { .count = 0 };
	bool fine = entries && transcode_metadata(&t->weights, t->request, &metadata, e);

	for (size_t i = 0; fine && i < t->weights.count; i++) {
		const struct step *step = &t->steps[i];

		entries[i] = (struct gguf_entry) {
			.name = step->from->name, .type = step->type.quant, .rank = step->rank, .shape = shape_of(step)
		};
		if (!step->type.is_quantised)
			quant_from_dtype(step->type.dtype, &entries[i].type);
		if (step->rank != step->from->rank)
			fine = transcode_original_shape(&metadata, step->from, e);
	}
	if (fine)
		t->gguf = gguf_writer_open(t->request->to, entries, t->weights.count, &metadata, e);
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

static bool copy_tensor(struct transcoder *t, const struct step *step, struct error *e)
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

static bool to_floats(const struct transcoder *t, const struct step *step, uint64_t first, size_t count, struct error *e)
{
	enum quant_way way = t->request->in_half ? QUANT_HALF : QUANT_EXACT;
	const uint8_t *bytes = step->from->bytes + weights_type_bytes(&step->from->type, first);

	if (step->from->type.is_quantised)
		return quant_dequantise(step->from->type.quant, way, bytes, t->values, count, e);
	return convert_to_f32(step->from->type.dtype, bytes, t->values, count, e);
}

static bool from_floats(const struct transcoder *t, const struct step *step, struct mt19937 *generator, size_t count,
			struct error *e)
{
	if (step->type.is_quantised)
		return quant_quantise(step->type.quant, t->values, t->bytes, count, e);
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

static bool check_range(const struct transcoder *t, const struct step *step, uint64_t first, size_t count, struct error *e)
{
	float most = largest_kept(t, &step->type);

	for (size_t i = 0; i < count; i++) {
		if (fabsf(t->values[i]) > most && isfinite(t->values[i]))
			return error_set(e, ERROR_UNSUPPORTED, "tensor %.200s: element %" PRIu64 " is %g, which %s cannot hold",
					 step->from->name, first + i, (double)t->values[i], weights_type_name(&step->type));
	}
	return true;
}

static bool convert_tensor(struct transcoder *t, const struct step *step, struct error *e)
{
	struct mt19937 generator;

	mt19937_seed(&generator, stochastic_seed(step->from->name));
	for (uint64_t done = 0; done < step->from->element_count;) {
		uint64_t left = step->from->element_count - done;
		size_t some = left < PIECE_ELEMENTS ? (size_t)left : PIECE_ELEMENTS;

		if (!to_floats(t, step, done, some, e) || !check_range(t, step, done, some, e) ||
		    !from_floats(t, step, &generator, some, e) ||
		    !put(t, t->bytes, (size_t)weights_type_bytes(&step->type, some), e) ||
		    !advance(t, weights_type_bytes(&step->from->type, some), e))
			return false;
		done += some;
	}
	return true;
}

/* Ends the writer either way. */
static bool write_tensors(struct transcoder *t, struct error *e)
{
	bool fine = true;

	for (size_t i = 0; fine && i < t->weights.count; i++)
		fine = t->steps[i].converts ? convert_tensor(t, &t->steps[i], e) : copy_tensor(t, &t->steps[i], e);
	if (fine)
		return t->gguf ? gguf_writer_finish(t->gguf, e) : safetensors_writer_finish(t->safetensors, e);
	gguf_writer_abandon(t->gguf);
	safetensors_writer_abandon(t->safetensors);
	return false;
}

bool transcode(const struct transcode_request *request, struct transcode_result *result, struct error *e)
{
	struct transcoder t = { .request = request };
	bool fine;

	*result = (struct transcode_result) { .tensors = 0 };
	t.values = array_new(PIECE_ELEMENTS, sizeof(*t.values), e);
	t.bytes = array_new(PIECE_ELEMENTS, sizeof(double), e);
	fine = t.values && t.bytes && check_wish(request, e) && weights_open(&t.weights, request->from, e) &&
	       plan_steps(&t, result, e) && (request->format == WEIGHTS_GGUF ? begin_gguf(&t, e) : begin_safetensors(&t, e)) &&
	       write_tensors(&t, e);
	free(t.values);
	free(t.bytes);
	free(t.steps);
	weights_close(&t.weights);
	return fine;
}
