/* Elements are turned into numbers by the converters of their own type, or a nibble at a time; then each run of them that shares a
 * scale is multiplied by it: a row, or a block.
 */
#include "core/tensor/scaled/scaled.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/dtype/small_float.h"
#include "core/tensor/scaled/scaled_tiles.h"

bool scaled_has_factors(const struct scaled_layer *layer)
{
	return layer->format == SCALED_F8_E4M3 || layer->format == SCALED_F8_E5M2 || layer->format == SCALED_INT8;
}

bool scaled_factors(const struct scaled_layer *layer, const void *scale, float *factors, struct error *e)
{
	return convert_to_f32(layer->scale_dtype, scale, factors, (size_t)layer->scale_count, e);
}

static void multiply(float *values, size_t count, float factor)
{
	for (size_t i = 0; i < count; i++)
		values[i] *= factor;
}

/* How many of the elements from `at` on are left of its run, `count` at most. */
static size_t rest_of(uint64_t at, uint64_t run, size_t count)
{
	uint64_t rest = run - at % run;

	return rest < count ? (size_t)rest : count;
}

/* ---- a factor a tensor or a row ---- */

static bool decode_factors(const struct scaled_layer *layer, const struct scaled_bytes *bytes, uint64_t first, size_t count,
			   float *values, struct error *e)
{
	size_t scale_bytes = dtype_size_bytes(layer->scale_dtype);
	const char *scales = bytes->scale;
	float factor;

	if (!convert_to_f32(layer->stored, (const char *)bytes->weight + first, values, count, e))
		return false;
	if (layer->scale_count == 1) {
		if (!convert_to_f32(layer->scale_dtype, scales, &factor, 1, e))
			return false;
		multiply(values, count, factor);
		return true;
	}
	for (size_t done = 0, run; done < count; done += run) {
		uint64_t row = (first + done) / layer->columns;

		run = rest_of(first + done, layer->columns, count - done);
		if (!convert_to_f32(layer->scale_dtype, scales + row * scale_bytes, &factor, 1, e))
			return false;
		multiply(values + done, run, factor);
	}
	return true;
}

/* ---- a scale a block ---- */

/* 2^(code - 127); 255 is NaN. */
static float exponent_scale(uint8_t code)
{
	return code == 255 ? NAN : ldexpf(1, (int)code - 127);
}

static void take_nibbles(const uint8_t *from, uint64_t first, size_t count, float *values)
{
	static const float e2m1[16] = { 0, 0.5F, 1, 1.5F, 2, 3, 4, 6, -0.0F, -0.5F, -1, -1.5F, -2, -3, -4, -6 };

	for (size_t i = 0; i < count; i++) {
		uint8_t pair = from[(first + i) / 2];

		values[i] = e2m1[(first + i) % 2 ? pair & 15 : pair >> 4];
	}
}

static float block_scale(const struct scaled_layer *layer, const uint8_t *scales, uint64_t row, uint64_t block, float whole)
{
	uint64_t blocks = scaled_blocks(layer);
	uint8_t code = scales[layer->in_tiles ? scaled_tiles_index(row, block, blocks) : row * blocks + block];

	return layer->format == SCALED_NVFP4 ? whole * dtype_f8_e4m3_to_f32(code) : exponent_scale(code);
}

static bool decode_blocks(const struct scaled_layer *layer, const struct scaled_bytes *bytes, uint64_t first, size_t count,
			  float *values, struct error *e)
{
	float whole = 1;

	if (layer->format == SCALED_NVFP4) {
		take_nibbles(bytes->weight, first, count, values);
		if (!convert_to_f32(layer->tensor_scale_dtype, bytes->tensor_scale, &whole, 1, e))
			return false;
	} else if (!convert_to_f32(layer->stored, (const char *)bytes->weight + first, values, count, e)) {
		return false;
	}
	for (size_t done = 0, run; done < count; done += run) {
		uint64_t row = (first + done) / layer->columns;
		uint64_t column = (first + done) % layer->columns;

		run = rest_of(column, scaled_block_elements(layer), count - done);
		run = rest_of(first + done, layer->columns, run);
		multiply(values + done, run,
			 block_scale(layer, bytes->scale, row, column / scaled_block_elements(layer), whole));
	}
	return true;
}

bool scaled_decode(const struct scaled_layer *layer, const struct scaled_bytes *bytes, uint64_t first, size_t count,
		   float *values, struct error *e)
{
	return scaled_has_factors(layer) ? decode_factors(layer, bytes, first, count, values, e)
					 : decode_blocks(layer, bytes, first, count, values, e);
}
