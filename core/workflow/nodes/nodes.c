/* nodes.c - the list of node families.
 *
 * It stands apart from the look-up (graph/node.c), so that the graph includes no node and a node may include the graph. The order
 * is that in which types are listed and a name's nearest one is sought.
 */
#include "core/workflow/nodes/nodes.h"

const struct node_type *const node_families[] = {
	nodes_loaders, nodes_loaders_multigpu, nodes_loaders_gguf,    nodes_loaders_advanced, nodes_patches, nodes_text,
	nodes_latent,  nodes_sampling,	       nodes_sampling_custom, nodes_constant,	      NULL,
};
