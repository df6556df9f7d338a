/* sampled.h - what a sampler works with: the patches that the workflow puts on its model, and those that are in the weights.
 * Private to core/workflow/nodes.
 */
#ifndef RESIDENCY_WORKFLOW_SAMPLED_H
#define RESIDENCY_WORKFLOW_SAMPLED_H

#include "core/workflow/graph/node.h"

/* Tells the observer, where it listens. The patcher is loaded. */
void sampled_tell(const struct call *call, const struct patcher *patcher);

#endif
