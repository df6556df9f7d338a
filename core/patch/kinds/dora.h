/* dora.h - the steps of DoRA on rows in float32, for weights that are patched a few rows at a time (strips.c). Private to core/patch.
 *
 * A changed row is the row and its difference; its ratio is dora_scale over a norm; the row then goes some of the way to the changed
 * one times its ratio. Norms of rows are those of the weight as it was, norms of columns those of the changed one. */
#ifndef RESIDENCY_PATCH_DORA_H
#define RESIDENCY_PATCH_DORA_H

#include <stddef.h>

/* `changed` holds the difference, and then the changed row. */
void dora_change(const float *values, float *changed, size_t count, float alpha);

double dora_squares(const float *values, size_t count);

/* Adds each value's square to its column's sum. */
void dora_add_squares(const float *changed, size_t count, double *squares);

float dora_ratio(float scale, double squares);

void dora_go_row(float *values, const float *changed, size_t count, float ratio, float strength);
void dora_go_columns(float *values, const float *changed, size_t count, const float *ratios, float strength);

#endif
