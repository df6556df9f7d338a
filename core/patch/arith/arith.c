/* Small products: the right-hand factor is laid out in panels, arith_panels_add (product.c) sums them, and the result is rounded
 * once. */
#include "core/patch/arith/arith.h"

#include <stdlib.h>
#include <string.h>

void arith_transpose(const float *from, float *to, size_t rows, size_t columns)
{
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j < columns; j++)
			to[j * rows + i] = from[i * columns + j];
	}
}

bool arith_panels_make(struct panels *panels, const float *b, size_t depth, size_t columns, struct error *e)
{
	size_t count = (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
	size_t panel = depth * PANEL_COLUMNS;
	size_t size_bytes;

	*panels = (struct panels) { .depth = depth, .columns = columns };
	if (__builtin_mul_overflow(depth, (count + 1) * PANEL_COLUMNS * sizeof(*panels->values), &size_bytes))
		return error_no_memory(e);
	panels->values = aligned_alloc(64, size_bytes ? size_bytes : 64);
	if (!panels->values)
		return error_no_memory(e);
	for (size_t i = 0; i < count; i++) {
		size_t first = i * PANEL_COLUMNS;
		size_t width = columns - first < PANEL_COLUMNS ? columns - first : PANEL_COLUMNS;

		for (size_t k = 0; k < depth; k++) {
			float *row = panels->values + i * panel + k * PANEL_COLUMNS;

			memcpy(row, b + k * columns + first, width * sizeof(*row));
			memset(row + width, 0, (PANEL_COLUMNS - width) * sizeof(*row));
		}
	}
	return true;
}

bool arith_product(enum dtype dtype, const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns,
		   struct error *e)
{
	struct panels panels;

	if (!arith_panels_make(&panels, b, depth, columns, e))
		return false;
	memset(to, 0, rows * columns * sizeof(*to));
	arith_panels_add(a, &panels, to, rows, 1.0F);
	free(panels.values);
	round_values(dtype, to, rows * columns);
	return true;
}
