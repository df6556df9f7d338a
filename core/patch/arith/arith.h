/* arith.h - products and rounding as upstream's tensors have them. Private to core/patch.
 *
 * An element of a product is summed in float32 over ascending depth with fused multiply-adds, whatever the machine: the order in
 * which the reference machine sums factors of rank up to 192.
 */
#ifndef RESIDENCY_PATCH_ARITH_H
#define RESIDENCY_PATCH_ARITH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/tensor/dtype/dtype.h"
#include "core/tensor/dtype/rounding.h"

/* a [rows, depth] times b [depth, columns] into to, row-major, rounded once. */
bool arith_product(enum dtype dtype, const float *a, const float *b, float *to, size_t rows, size_t depth, size_t columns,
		   struct error *e);

/* The transpose of from [rows, columns]. */
void arith_transpose(const float *from, float *to, size_t rows, size_t columns);

/* ---- by panels ---- */

#define PANEL_COLUMNS 32

/* A right-hand factor with its columns side by side in panels, so that a panel is read in one piece: where depth is large, the
 * rows of a plain matrix fall on few lines of the cache. The last panel is filled up with zeros. */
struct panels {
	float *values; /* [panel][depth][PANEL_COLUMNS], aligned to a vector; free() frees them */
	size_t depth, columns;
};
bool arith_panels_make(struct panels *panels, const float *b, size_t depth, size_t columns, struct error *e);

/* to [rows, columns] += factor * (a times b): the product is summed, then scaled, then added, each step rounded to float32. */
void arith_panels_add(const float *a, const struct panels *b, float *to, size_t rows, float factor);

/* Each way there is of computing it, for tests: NULL ends them. The first is the plain one. */
struct product_way {
	const char *name;
	bool (*runs_here)(void);
	void (*add)(const float *a, const struct panels *b, float *to, size_t rows, float factor);
};
extern const struct product_way *const product_ways[];

#endif
