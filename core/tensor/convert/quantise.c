/* quantise.c - GGUF's blocks to float32 by the widest kernel that runs here, and back by the encoders.
 *
 * A plain type of a GGUF file goes the way of plain types; for the others, counts are checked for whole blocks here, so that
 * kernels and encoders need not.
 */
#include "core/tensor/convert/quantise.h"

#include "core/tensor/convert/convert.h"
#include "core/tensor/kernels/kernels.h"
#include "core/tensor/quant/quant_encode.h"

static bool whole_blocks(enum quant type, size_t count, struct error *e)
{
	unsigned elements = quant_block_elements(type);

	if (count % elements == 0)
		return true;
	return error_set(e, ERROR_FORMAT, "%zu elements are not whole blocks of %s, which hold %u", count, quant_name(type),
			 elements);
}

bool convert_dequantise(enum quant type, enum quant_way way, const void *blocks, float *to, size_t count, struct error *e)
{
	kernel_dequantise kernel;
	enum dtype dtype;

	if (quant_to_dtype(type, &dtype))
		return convert_to_f32(dtype, blocks, to, count, e);
	kernel = kernels_dequantise(type, quant_has_half_way(type) ? way : QUANT_EXACT);
	if (!kernel)
		return error_set(e, ERROR_UNSUPPORTED, "elements of type %s cannot be dequantised", quant_name(type));
	if (!whole_blocks(type, count, e))
		return false;
	kernel(blocks, to, count / quant_block_elements(type));
	return true;
}

bool convert_quantise(enum quant type, const float *from, void *blocks, size_t count, struct error *e)
{
	unsigned elements = quant_block_elements(type);
	unsigned bytes = quant_block_bytes(type);
	enum dtype dtype;

	if (!quant_can_quantise(type))
		return error_set(e, ERROR_UNSUPPORTED,
				 "float32 cannot be quantised to %s here: its scales are found by a search", quant_name(type));
	if (quant_to_dtype(type, &dtype))
		return convert_from_f32(dtype, from, blocks, count, e);
	if (!whole_blocks(type, count, e))
		return false;
	for (size_t i = 0; i < count / elements; i++)
		quant_encoders[type](from + i * elements, (uint8_t *)blocks + i * bytes);
	return true;
}
