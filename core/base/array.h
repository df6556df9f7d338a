/* array.h - growing arrays without a type of their own.
 *
 * An array is three fields of its owner: pointer, count, capacity. array_reserve makes room; the owner frees with free().
 *
 *	if (!array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items), e))
 *		return false;
 *	list->items[list->count++] = item;
 */
#ifndef RESIDENCY_BASE_ARRAY_H
#define RESIDENCY_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* Makes room for `needed` items in *(T **)pointer. On failure nothing has changed. Sizes are checked before multiplied. */
bool array_reserve(void *pointer, size_t *capacity, size_t needed, size_t item_size_bytes, struct error *e);

/* calloc that says so when there is no memory. NULL on failure. */
void *array_new(size_t count, size_t item_size_bytes, struct error *e);

/* Sorts the texts, in strcmp's order, and returns the first that is there twice, or NULL when all differ. */
const char *array_repeated_text(const char **texts, size_t count);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
