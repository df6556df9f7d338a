/* A value points into the mapping, unaligned and in the file's byte order. Numbers are put together from their bytes,
 * whatever their type, and then given as an integer, where they are one, or as a double. Texts are given where they lie.
 */
#include <string.h>

#include "core/tensor/gguf/gguf.h"

static const unsigned sizes[GGUF_TYPE_COUNT] = {
#define GGUF_SIZE(name, number, bytes) [number] = (bytes),
	GGUF_TYPES(GGUF_SIZE)
#undef GGUF_SIZE
};

/* The bits of the number at index, in this machine's order, the highest bits 0. */
static bool bits_at(const struct gguf_value *value, uint64_t index, uint64_t *bits)
{
	unsigned size;

	if (value->type == GGUF_STRING || index >= value->count || value->item_type >= GGUF_TYPE_COUNT)
		return false;
	size = sizes[value->item_type];
	if (size == 0)
		return false;
	*bits = 0;
	memcpy(bits, value->bytes + index * size, size);
	if (value->swapped)
		*bits = __builtin_bswap64(*bits) >> (64 - 8 * size);
	return true;
}

static double float_of(uint64_t bits, uint32_t type)
{
	uint32_t low = (uint32_t)bits;
	float single;
	double wide;

	if (type == GGUF_F32) {
		memcpy(&single, &low, sizeof(single));
		return single;
	}
	memcpy(&wide, &bits, sizeof(wide));
	return wide;
}

bool gguf_value_integer(const struct gguf_value *value, uint64_t index, int64_t *number)
{
	uint64_t bits;

	if (!bits_at(value, index, &bits))
		return false;
	switch (value->item_type) {
	case GGUF_I8:
	case GGUF_I16:
	case GGUF_I32: {
		unsigned unused = 64 - 8 * sizes[value->item_type];

		*number = (int64_t)(bits << unused) >> unused; /* the sign comes down */
		return true;
	}
	case GGUF_F32:
	case GGUF_F64:
		return false;
	default:
		*number = (int64_t)bits;
		return value->item_type != GGUF_U64 || bits <= INT64_MAX;
	}
}

bool gguf_value_number(const struct gguf_value *value, uint64_t index, double *number)
{
	uint64_t bits;
	int64_t whole;

	if (!bits_at(value, index, &bits))
		return false;
	if (value->item_type == GGUF_F32 || value->item_type == GGUF_F64)
		*number = float_of(bits, value->item_type);
	else if (gguf_value_integer(value, index, &whole))
		*number = (double)whole;
	else
		*number = (double)bits;
	return true;
}

const char *gguf_value_text(const struct gguf_value *value, size_t *length)
{
	if (value->type != GGUF_STRING)
		return NULL;
	*length = (size_t)value->count;
	return (const char *)value->bytes;
}

/* The value under "comfy.gguf.orig_shape.NAME". */
static bool find_original_shape(const struct gguf *file, const struct gguf_tensor *tensor, struct gguf_value *value)
{
	static const char prefix[] = "comfy.gguf.orig_shape.";
	size_t prefix_length = sizeof(prefix) - 1;

	for (size_t i = 0; i < gguf_value_count(file); i++) {
		*value = gguf_value_at(file, i);
		if (value->key_length == prefix_length + tensor->name_length &&
		    memcmp(value->key, prefix, prefix_length) == 0 &&
		    memcmp(value->key + prefix_length, tensor->name, tensor->name_length) == 0)
			return true;
	}
	return false;
}

bool gguf_original_shape(const struct gguf *file, const struct gguf_tensor *tensor, uint64_t shape[GGUF_RANK_MAX],
			 unsigned *rank)
{
	uint64_t product = 1;
	struct gguf_value value;

	if (!find_original_shape(file, tensor, &value) || value.type != GGUF_ARRAY || value.item_type != GGUF_I32 ||
	    value.count > GGUF_RANK_MAX)
		return false;
	for (uint64_t i = 0; i < value.count; i++) {
		int64_t dimension;

		if (!gguf_value_integer(&value, i, &dimension) || dimension < 0 ||
		    __builtin_mul_overflow(product, (uint64_t)dimension, &product))
			return false;
		shape[i] = (uint64_t)dimension;
	}
	*rank = (unsigned)value.count;
	return product == gguf_element_count(tensor);
}

bool gguf_split(const struct gguf *file, uint64_t *part, uint64_t *count)
{
	struct gguf_value value;
	int64_t number;

	if (!gguf_value_find(file, "split.count", &value) || !gguf_value_integer(&value, 0, &number) || number < 2)
		return false;
	*count = (uint64_t)number;
	*part = 1;
	if (gguf_value_find(file, "split.no", &value) && gguf_value_integer(&value, 0, &number) && number >= 0)
		*part = (uint64_t)number + 1;
	return true;
}
