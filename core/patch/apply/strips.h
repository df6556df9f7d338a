/* strips.h - the fast way for what nearly every LoRA is: pairs, LoHa's two pairs, and DoRA over either, on a weight whose rows are
 * patched a few at a time, from stored bytes to stored bytes, without the whole weight in float32 anywhere. Private to core/patch.
 *
 * Its bits are those of the plain way (stored_patch and stored_round), which stays as its test.
 */
#ifndef RESIDENCY_PATCH_STRIPS_H
#define RESIDENCY_PATCH_STRIPS_H

#include "core/patch/apply/stored.h"

/* Whether all adapters of a parameter are such, fit, and can be told row by row (DoRA by columns: where it is the only one). */
bool strips_can(const struct stored *stored, const struct patch_list *list, size_t parameter);

/* From the stored bytes to patched ones at `to`, which may be where they are. */
bool strips_patch(const struct stored *stored, const struct patch_list *list, size_t parameter, void *to, struct error *e);

#endif
