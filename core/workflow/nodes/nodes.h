/* nodes.h - the families of node types, for the list of them in nodes.c. Private to core/workflow/nodes.
 *
 * Each is a table in the file of its name, ended by a row without a name. A new family is its file, a line here and one in nodes.c.
 */
#ifndef RESIDENCY_WORKFLOW_NODES_H
#define RESIDENCY_WORKFLOW_NODES_H

#include "core/workflow/graph/node.h"

extern const struct node_type nodes_loaders[], nodes_loaders_multigpu[], nodes_loaders_gguf[], nodes_loaders_advanced[],
	nodes_patches[], nodes_text[], nodes_latent[], nodes_sampling[], nodes_sampling_custom[], nodes_constant[];

#endif
