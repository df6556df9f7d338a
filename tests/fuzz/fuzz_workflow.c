/* Any bytes as a prompt: refused with words, or a graph whose links all lead somewhere. */
#include <stdlib.h>

#include "core/base/json.h"
#include "core/workflow/graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct graph *graph)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct graph_node *node = &graph->nodes[i];

		for (size_t j = 0; node->checked && j < node->input_count; j++) {
			const struct graph_input *input = &node->inputs[j];

			if (!input->literal && (input->source >= graph->node_count || graph_slot(graph, input) < 0))
				abort();
		}
	}
	for (size_t i = 0; i < graph->output_count; i++) {
		if (graph->outputs[i] >= graph->node_count || !graph->nodes[graph->outputs[i]].checked)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	json_t *prompt = json_parse((const char *)data, size, "fuzz", true, &e);
	struct graph *graph = prompt ? graph_new(prompt, "fuzz", &e) : NULL;

	if (graph)
		check(graph);
	else if (!error_is_set(&e))
		abort();
	graph_free(graph);
	json_decref(prompt);
	return 0;
}
