/* convert.c - plain types to float32 and back, by the widest kernel that runs here.
 *
 * The kernel is asked for once for each array; a type that no table has a loop for is an error.
 */
#include "core/tensor/convert/convert.h"

#include "core/tensor/kernels/kernels.h"

bool convert_to_f32(enum dtype dtype, const void *from, float *to, size_t count, struct error *e)
{
	kernel_to_f32 kernel = kernels_to_f32(dtype);

	if (!kernel)
		return error_set(e, ERROR_UNSUPPORTED, "elements of type %s cannot be converted to F32", dtype_name(dtype));
	kernel(from, to, count);
	return true;
}

bool convert_from_f32(enum dtype dtype, const float *from, void *to, size_t count, struct error *e)
{
	kernel_from_f32 kernel = kernels_from_f32(dtype);

	if (!kernel)
		return error_set(e, ERROR_UNSUPPORTED, "F32 cannot be converted to elements of type %s", dtype_name(dtype));
	kernel(from, to, count);
	return true;
}
