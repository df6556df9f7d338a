/* need.h - what a node asks the manager to make room for: memory estimates of a patcher's model, by the shape of the work.
 * Private to core/workflow/nodes.
 */
#ifndef RESIDENCY_WORKFLOW_NEED_H
#define RESIDENCY_WORKFLOW_NEED_H

#include "core/compute/inference.h"
#include "core/manager/manager.h"

/* Sampling a latent: room for two batches is preferred, for one is the minimum. Nothing for a placeholder model. */
struct load_request need_of_sampling(const struct patcher *patcher, const struct values *latent);

/* Decoding a latent. */
struct load_request need_of_decoding(const struct patcher *patcher, const struct values *latent);

/* Encoding a text: no more than inference takes in any case. */
struct load_request need_of_text(void);

/* Whether a model that was just made is loaded at once, whole: a text encoder that is to run where it is made. */
bool need_to_load_at_once(const struct patcher *patcher);

#endif
