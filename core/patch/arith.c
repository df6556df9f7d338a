#include "core/patch/arith.h"

#include <math.h>

void round_all(enum dtype dtype, float *values, size_t count)
{
	if (dtype == DTYPE_F32)
		return;
	for (size_t i = 0; i < count; i++)
		values[i] = as_dtype(dtype, values[i]);
}

void transpose(const float *from, float *to, size_t rows, size_t columns)
{
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j < columns; j++)
			to[j * rows + i] = from[i * columns + j];
	}
}

void product(enum dtype dtype, const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns)
{
	product_f32(a, b, to, rows, depth, columns);
	round_all(dtype, to, rows * columns);
}
