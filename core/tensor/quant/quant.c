/* A table indexed by type gives names and block sizes, also for types without code, so that a file that holds them can be
 * listed. The loops are the kernels' (kernels.h) and the encoders' (quant_encode.c); here counts are checked for whole
 * blocks.
 */
#include "core/tensor/quant/quant.h"

#include <string.h>

#include "core/base/array.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/kernels/kernels.h"
#include "core/tensor/quant/quant_encode.h"

static const struct {
	const char *name; /* NULL: no such type */
	unsigned elements, bytes;
} quants[QUANT_COUNT] = {
#define QUANT_ROW(name, number, elements, bytes) [number] = { #name, elements, bytes },
	QUANTS(QUANT_ROW)
#undef QUANT_ROW
};

static const struct {
	enum quant type;
	enum dtype dtype;
} plain[] = {
	{ .type = QUANT_F32, .dtype = DTYPE_F32 },   { .type = QUANT_F16, .dtype = DTYPE_F16 },
	{ .type = QUANT_BF16, .dtype = DTYPE_BF16 }, { .type = QUANT_F64, .dtype = DTYPE_F64 },
	{ .type = QUANT_I8, .dtype = DTYPE_I8 },     { .type = QUANT_I16, .dtype = DTYPE_I16 },
	{ .type = QUANT_I32, .dtype = DTYPE_I32 },   { .type = QUANT_I64, .dtype = DTYPE_I64 },
};

bool quant_is_known(uint32_t number)
{
	return number < QUANT_COUNT && quants[number].name;
}

const char *quant_name(enum quant type)
{
	return quants[type].name;
}

unsigned quant_block_elements(enum quant type)
{
	return quants[type].elements;
}

unsigned quant_block_bytes(enum quant type)
{
	return quants[type].bytes;
}

bool quant_from_name(const char *name, enum quant *type)
{
	for (unsigned i = 0; i < QUANT_COUNT; i++) {
		if (quants[i].name && strcmp(quants[i].name, name) == 0) {
			*type = (enum quant)i;
			return true;
		}
	}
	return false;
}

bool quant_to_dtype(enum quant type, enum dtype *dtype)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (plain[i].type == type) {
			*dtype = plain[i].dtype;
			return true;
		}
	}
	return false;
}

bool quant_from_dtype(enum dtype dtype, enum quant *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (plain[i].dtype == dtype) {
			*type = plain[i].type;
			return true;
		}
	}
	return false;
}

bool quant_has_half_way(enum quant type)
{
	return kernels_scalar.dequantise[type][QUANT_HALF] != NULL;
}

bool quant_can_dequantise(enum quant type)
{
	enum dtype dtype;

	return kernels_scalar.dequantise[type][QUANT_EXACT] || quant_to_dtype(type, &dtype);
}

bool quant_can_quantise(enum quant type)
{
	return type == QUANT_F32 || type == QUANT_F16 || type == QUANT_BF16 || quant_encoders[type];
}

static bool whole_blocks(enum quant type, size_t count, struct error *e)
{
	if (count % quants[type].elements == 0)
		return true;
	return error_set(e, ERROR_FORMAT, "%zu elements are not whole blocks of %s, which hold %u", count, quants[type].name,
			 quants[type].elements);
}

bool quant_dequantise(enum quant type, enum quant_way way, const void *blocks, float *to, size_t count, struct error *e)
{
	kernel_dequantise kernel;
	enum dtype dtype;

	if (quant_to_dtype(type, &dtype))
		return convert_to_f32(dtype, blocks, to, count, e);
	kernel = kernels_dequantise(type, quant_has_half_way(type) ? way : QUANT_EXACT);
	if (!kernel)
		return error_set(e, ERROR_UNSUPPORTED, "elements of type %s cannot be dequantised", quants[type].name);
	if (!whole_blocks(type, count, e))
		return false;
	kernel(blocks, to, count / quants[type].elements);
	return true;
}

bool quant_quantise(enum quant type, const float *from, void *blocks, size_t count, struct error *e)
{
	enum dtype dtype;

	if (!quant_can_quantise(type))
		return error_set(e, ERROR_UNSUPPORTED,
				 "float32 cannot be quantised to %s here: its scales are found by a search", quants[type].name);
	if (quant_to_dtype(type, &dtype))
		return convert_from_f32(dtype, from, blocks, count, e);
	if (!whole_blocks(type, count, e))
		return false;
	for (size_t i = 0; i < count / quants[type].elements; i++)
		quant_encoders[type](from + i * quants[type].elements, (uint8_t *)blocks + i * quants[type].bytes);
	return true;
}
