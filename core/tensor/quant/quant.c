/* quant.c - what a file's types are called, how large their blocks are, and where they lead.
 *
 * A table indexed by type gives names and block sizes, also for types without code, so that a file that holds them can be listed.
 * Which types lead to float32 in how many ways stands in quant_scalar.h's lists, of which the reference kernels are made; which
 * come back, in the encoders' table.
 */
#include "core/tensor/quant/quant.h"

#include <string.h>

#include "core/base/array.h"
#include "core/tensor/quant/quant_encode.h"
#include "core/tensor/quant/quant_scalar.h"

static const struct {
	const char *name; /* NULL: no such type */
	unsigned elements, bytes;
} quants[QUANT_COUNT] = {
#define QUANT_ROW(name, number, elements, bytes) [number] = { #name, elements, bytes },
	QUANTS(QUANT_ROW)
#undef QUANT_ROW
};

static const uint8_t way_counts[QUANT_COUNT] = {
#define QUANT_TWO_WAYS(name) [QUANT_##name] = QUANT_WAYS,
#define QUANT_ONE_WAY(name) [QUANT_##name] = 1,
	QUANTS_OF_TWO_WAYS(QUANT_TWO_WAYS) QUANTS_OF_ONE_WAY(QUANT_ONE_WAY)
#undef QUANT_TWO_WAYS
#undef QUANT_ONE_WAY
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
	return way_counts[type] == QUANT_WAYS;
}

bool quant_can_dequantise(enum quant type)
{
	enum dtype dtype;

	return way_counts[type] > 0 || quant_to_dtype(type, &dtype);
}

bool quant_can_quantise(enum quant type)
{
	return type == QUANT_F32 || type == QUANT_F16 || type == QUANT_BF16 || quant_encoders[type];
}
