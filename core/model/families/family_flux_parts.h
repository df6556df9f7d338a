/* family_flux_parts.h - the blocks that FLUX.1 and HunyuanVideo share. Module names begin where the caller has entered.
 * Private to core/model/families.
 */
#ifndef RESIDENCY_MODEL_FAMILY_FLUX_PARTS_H
#define RESIDENCY_MODEL_FAMILY_FLUX_PARTS_H

#include "core/model/families/family.h"
#include "core/model/families/family_flux.h"

/* Two Linears from a sine embedding or a vector: in_layer, out_layer. */
void family_flux_embedder(struct architecture *a, const char *name, int64_t in, int64_t hidden);
/* double_blocks, single_blocks. */
void family_flux_blocks(struct architecture *a, const struct flux_config *config);
/* final_layer, of `out` numbers a token. */
void family_flux_final_layer(struct architecture *a, const struct flux_config *config, int64_t out);

/* What both families' tensors say in the same way; in_channels and out_channels are the caller's. */
void family_flux_detect_blocks(const struct tensor_view *view, struct flux_config *config);
bool family_flux_read_axes(struct flux_config *config, const json_t *object, const char *where, struct error *e);
bool family_flux_write_axes(const struct flux_config *config, json_t *object);

#endif
