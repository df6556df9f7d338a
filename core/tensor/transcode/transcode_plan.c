/* A tensor keeps its type, or takes the one that is asked for where that suits it. Weights with scales keep both or lose both: a type
 * of another kind gets values with the scale multiplied in, and the scales and their marks are left out. What no rule converts
 * without loss is refused by name.
 */
#include "core/tensor/transcode/transcode_plan.h"

#include <stdio.h>
#include <string.h>

#define RANK_IN_GGML 4u

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
static bool suits(const struct weights_type *type, size_t rank, int64_t columns)
{
	return !type->is_quantised || (rank == 2 && columns % (int64_t)quant_block_elements(type->quant) == 0);
}

static bool suits_tensor(const struct weights_type *type, const struct weights_tensor *tensor)
{
	return suits(type, tensor->rank, tensor->rank == 2 ? tensor->shape[1] : 0);
}

static struct weights_type wanted_type(const struct transcode_request *request, const struct weights_tensor *tensor)
{
	if (!request->type || !is_float(&tensor->type))
		return tensor->type;
	if (suits_tensor(request->type, tensor))
		return *request->type;
	if (tensor->type.is_quantised && suits_tensor(&tensor->type, tensor))
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

static bool can_convert(const struct transcode_step *step, struct error *e)
{
	const struct weights_type *from = &step->from->type;

	return !from->is_quantised || quant_can_dequantise(from->quant) ||
	       refuse(step->from, e, "nothing turns that into numbers", "leave --dtype out");
}

/* Whatever the file holds. */
static bool check_wanted(const struct transcode_request *request, struct error *e)
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

/* ---- weights with scales ---- */

/* Whether a weight loses its scales: where a type is asked for that is not the one it is stored in. */
static bool unscales(const struct transcode_request *request, const struct scaled_layer *layer)
{
	const struct weights_type *type = request->type;

	if (!type)
		return false;
	return type->is_quantised || type->dtype != layer->stored || !scaled_has_factors(layer);
}

static bool plan_unscaling(const struct transcode_request *request, const struct scaled_layer *layer,
			   struct transcode_step *step, struct error *e)
{
	int64_t columns = (int64_t)layer->columns;

	if (!scaled_readable(layer, request->from, step->from->name, e))
		return false;
	step->unscales = layer;
	step->converts = true;
	step->element_count = layer->rows * layer->columns;
	step->type =
		suits(request->type, step->from->rank, columns) ? *request->type : (struct weights_type) { .dtype = DTYPE_F32 };
	return true;
}

/* Scales mean something to safetensors' readers only. */
static bool check_kept(const struct transcode_request *request, const struct scaled_layer *layer,
		       const struct weights_tensor *tensor, struct error *e)
{
	return request->format == WEIGHTS_SAFETENSORS ||
	       error_set(e, ERROR_UNSUPPORTED,
			 "tensor %.200s has scales (%s), which %s files have no place for; --dtype F16 multiplies them in",
			 tensor->name, scaled_format_name(layer), weights_format_name(request->format));
}

/* ---- one tensor ---- */

/* ggml has four dimensions; the true shape goes into a value, as ComfyUI-GGUF does it. */
static void plan_shape(const struct transcode_request *request, struct transcode_step *step)
{
	const struct weights_tensor *from = step->from;

	step->rank = from->rank;
	step->shape = from->shape;
	if (step->unscales && from->rank == 2) {
		step->own_shape[0] = (int64_t)step->unscales->rows; /* packed elements are more than their bytes */
		step->own_shape[1] = (int64_t)step->unscales->columns;
		step->shape = step->own_shape;
	}
	if (request->format == WEIGHTS_GGUF && from->rank > RANK_IN_GGML) {
		step->rank = 2;
		step->own_shape[0] = from->shape[0];
		step->own_shape[1] = from->shape[0] ? (int64_t)step->element_count / from->shape[0] : 0;
		step->shape = step->own_shape;
	} else if (request->format == WEIGHTS_GGUF && from->rank == 0) {
		step->rank = 1; /* readers find no row in a tensor without dimensions */
		step->own_shape[0] = 1;
		step->shape = step->own_shape;
	}
}

static bool plan_plain(const struct transcode_request *request, const struct weights *weights, struct transcode_step *step,
		       bool keeps_type, struct error *e)
{
	const struct weights_tensor *from = step->from;

	step->type = keeps_type ? from->type : wanted_type(request, from);
	step->converts = !same_type(&step->type, &from->type);
	if (!format_has(request->format, &step->type)) {
		char what[80];

		snprintf(what, sizeof(what), "%s files have no %s", weights_format_name(request->format),
			 weights_type_name(&step->type));
		return refuse(from, e, what, way_out(&from->type));
	}
	if (weights->gguf && gguf_is_swapped(weights->gguf) && (from->type.is_quantised || dtype_bits(from->type.dtype) > 8))
		return refuse(from, e, "the file is of the other byte order", "convert it on such a machine");
	return !step->converts || can_convert(step, e);
}

static bool plan_step(const struct transcode_request *request, const struct weights *weights, const struct scaled_use *use,
		      struct transcode_step *step, struct error *e)
{
	const struct weights_tensor *from = step->from;
	const struct scaled_layer *layer = use && use->role == SCALED_WEIGHT ? &weights->scaled.layers[use->layer] : NULL;
	bool fine;

	if (strlen(from->name) != from->name_length)
		return refuse(from, e, "its name holds a NUL", "no writer here can write that");
	step->element_count = from->element_count;
	if (layer && unscales(request, layer))
		fine = plan_unscaling(request, layer, step, e);
	else
		fine = (!layer || check_kept(request, layer, from, e)) &&
		       plan_plain(request, weights, step, use && use->role != SCALED_PLAIN, e);
	if (fine)
		plan_shape(request, step);
	return fine;
}

/* ---- all of them ---- */

/* Whether a tensor goes: it belongs to a weight that loses its scales, or says of such that they count. */
static bool is_left_out(const struct transcode_request *request, const struct weights *weights, const struct scaled_use *use)
{
	const struct scaled_map *map = &weights->scaled;

	if (!use || use->role == SCALED_PLAIN || use->role == SCALED_WEIGHT)
		return false;
	if (use->role != SCALED_FLAG)
		return unscales(request, &map->layers[use->layer]);
	for (size_t i = 0; i < map->count; i++) {
		if (!unscales(request, &map->layers[i]))
			return false;
	}
	return request->type != NULL;
}

/* Which weights have scales must be known before types change. */
static bool check_words(const struct transcode_request *request, const struct weights *weights, struct error *e)
{
	return !weights->scaled.fault[0] || (!request->type && request->format == WEIGHTS_SAFETENSORS) ||
	       error_set(e, ERROR_UNSUPPORTED,
			 "%s: which of its weights have scales cannot be read: %s; without --dtype it is copied as it is",
			 request->from, weights->scaled.fault);
}

static void warn_of_unmarked(const struct transcode_request *request, const struct scaled_map *map)
{
	size_t unmarked = 0;

	for (size_t i = 0; i < map->count; i++)
		unmarked += map->layers[i].mark == SCALED_UNMARKED && unscales(request, &map->layers[i]);
	if (unmarked)
		log_say(request->log, LOG_WARNING,
			"%s: no mark (comfy_quant) names the scales of %zu weights, so ComfyUI leaves them out; here they are "
			"multiplied in",
			request->from, unmarked);
}

bool transcode_plan(const struct transcode_request *request, const struct weights *weights, struct transcode_step *steps,
		    size_t *count, struct transcode_result *result, struct error *e)
{
	*count = 0;
	if (!check_wanted(request, e) || !check_words(request, weights, e))
		return false;
	for (size_t i = 0; i < weights->count; i++) {
		const struct scaled_use *use = weights->scaled.uses ? &weights->scaled.uses[i] : NULL;
		struct transcode_step *step = &steps[*count];

		result->from_bytes += weights->tensors[i].size_bytes;
		if (is_left_out(request, weights, use))
			continue;
		*step = (struct transcode_step) { .from = &weights->tensors[i] };
		if (!plan_step(request, weights, use, step, e))
			return false;
		++*count;
		result->changed += step->converts;
		result->unscaled += step->unscales != NULL;
		result->to_bytes += weights_type_bytes(&step->type, step->element_count);
	}
	result->tensors = *count;
	warn_of_unmarked(request, &weights->scaled);
	return true;
}
