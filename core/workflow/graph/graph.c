/* graph.c - reads a workflow in API format, links its nodes and checks them.
 *
 * Reading makes nodes and inputs in the order written, which execution depends on. Then links are resolved to indexes, cycles are
 * looked for depth first on a stack of its own (a workflow may be deep), inputs are checked and literals cast as upstream casts
 * them. The JSON is kept, and texts are borrowed from it.
 */
#include "core/workflow/graph/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	for (size_t i = 0; i < graph->node_count; i++) {
		free(graph->nodes[i].inputs);
		free(graph->nodes[i].sorted);
	}
	free(graph->nodes);
	free(graph->outputs);
	json_decref(graph->prompt);
	free(graph);
}

size_t graph_find(const struct graph *graph, const char *id)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		if (strcmp(graph->nodes[i].id, id) == 0)
			return i;
	}
	return NO_NODE;
}

static size_t output_count(const struct node_type *type)
{
	size_t count = 0;

	while (count < OUTPUTS_MAX && type->outputs[count])
		count++;
	return count;
}

int graph_slot(const struct graph *graph, const struct graph_input *input)
{
	int64_t count = (int64_t)output_count(graph->nodes[input->source].type);
	int64_t slot = input->slot < 0 ? count + input->slot : input->slot;

	return slot >= 0 && slot < count ? (int)slot : -1;
}

/* ---- reading ---- */

static bool fault(const struct graph_node *node, const char *where, struct error *e, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static bool fault(const struct graph_node *node, const char *where, struct error *e, const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return error_set(e, ERROR_FORMAT, "%s: node %s%s%s%s: %s", where, node->id, node->type ? " (" : "",
			 node->type ? node->type->name : "", node->type ? ")" : "", text);
}

/* A list of a text and a number is a link. */
static bool is_link(const json_t *value)
{
	return json_is_array(value) && json_array_size(value) == 2 && json_is_string(json_array_get(value, 0)) &&
	       !json_is_wide(json_array_get(value, 0)) &&
	       (json_is_any_number(json_array_get(value, 1)) || json_is_boolean(json_array_get(value, 1)));
}

/* Towards zero; what no int64_t holds becomes the nearest one that does. */
static int64_t truncate_number(double number)
{
	const double limit = 9223372036854775808.0;

	if (number >= limit)
		return INT64_MAX;
	return number < -limit ? INT64_MIN : (int64_t)number;
}

static bool read_inputs(struct graph_node *node, json_t *inputs, struct error *e)
{
	const char *name;
	json_t *value;

	node->inputs = array_new(json_object_size(inputs), sizeof(*node->inputs), e);
	if (!node->inputs)
		return false;
	json_object_foreach(inputs, name, value)
	{
		struct graph_input *input = &node->inputs[node->input_count++];

		*input = (struct graph_input) { .name = name, .source = NO_NODE };
		if (is_link(value)) {
			json_t *slot = json_array_get(value, 1);

			input->slot_literal = slot;
			input->slot = json_is_boolean(slot) ? json_is_true(slot) : truncate_number(json_any_number(slot));
			input->literal = NULL;
			input->value.text = json_string_value(json_array_get(value, 0)); /* until the source is found */
		} else {
			input->literal = value;
		}
	}
	return true;
}

static int compare_inputs(const void *a, const void *b, void *context)
{
	const struct graph_input *inputs = context;

	return strcmp(inputs[*(const size_t *)a].name, inputs[*(const size_t *)b].name);
}

static bool sort_inputs(struct graph_node *node, struct error *e)
{
	node->sorted = array_new(node->input_count, sizeof(*node->sorted), e);
	if (!node->sorted)
		return false;
	for (size_t i = 0; i < node->input_count; i++)
		node->sorted[i] = i;
	qsort_r(node->sorted, node->input_count, sizeof(*node->sorted), compare_inputs, node->inputs);
	return true;
}

static bool read_node(struct graph_node *node, const char *id, const json_t *value, const char *where, struct error *e)
{
	const char *class_type = json_string_value(json_object_get(value, "class_type"));
	json_t *inputs = json_object_get(value, "inputs");

	node->id = id;
	if (!class_type)
		return fault(node, where, e,
			     "it has no class_type; is this a workflow in API format? (Save (API Format) in ComfyUI)");
	node->type = node_type_find(class_type);
	if (!node->type) {
		fault(node, where, e, "there is no node class \"%.80s\" here", class_type);
		return node_type_suggest(class_type, e);
	}
	if (!json_is_object(inputs))
		return fault(node, where, e, "its inputs are missing");
	return read_inputs(node, inputs, e) && sort_inputs(node, e);
}

/* ---- checking ---- */

static const struct graph_input *find_input(const struct graph_node *node, const char *name)
{
	for (size_t i = 0; i < node->input_count; i++) {
		if (strcmp(node->inputs[i].name, name) == 0)
			return &node->inputs[i];
	}
	return NULL;
}

static bool resolve_links(struct graph *graph, const char *where, struct error *e)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		struct graph_node *node = &graph->nodes[i];

		for (size_t j = 0; j < node->input_count; j++) {
			struct graph_input *input = &node->inputs[j];

			if (input->literal)
				continue;
			input->source = graph_find(graph, input->value.text);
			if (input->source == NO_NODE)
				return fault(node, where, e, "input %s is linked to node %.40s, which is not there",
					     input->name, input->value.text);
			graph->link_count++;
		}
	}
	return true;
}

static bool check_link(const struct graph *graph, const struct graph_node *node, const struct input_type *type,
		       const struct graph_input *input, const char *where, struct error *e)
{
	const struct graph_node *source = &graph->nodes[input->source];
	int slot = graph_slot(graph, input);

	if (slot < 0)
		return fault(node, where, e, "input %s is linked to output %lld of node %s (%s), which has %zu", type->name,
			     (long long)input->slot, source->id, source->type->name, output_count(source->type));
	if (type->kind == INPUT_LINK && strcmp(type->type, "*") != 0 && strcmp(type->type, source->type->outputs[slot]) != 0)
		return fault(node, where, e, "input %s takes %s; node %s (%s) gives %s", type->name, type->type, source->id,
			     source->type->name, source->type->outputs[slot]);
	return true;
}

/* ComfyUI's INT of 0 to 2^64-1: a real is cut towards zero, and what is outside is refused. */
static bool cast_seed(const struct graph_node *node, const char *name, struct graph_input *input, const char *where,
		      struct error *e)
{
	const json_t *literal = input->literal;
	double number = json_is_boolean(literal) ? json_is_true(literal) : json_any_number(literal);
	uint64_t seed;

	if (!json_is_boolean(literal) && !json_is_any_number(literal))
		return fault(node, where, e, "input %s is %s, which cannot be used as a seed", name, json_type_words(literal));
	if (!json_read_unsigned(literal, &seed)) {
		if (!(number > -1) || !(number < 0x1p64))
			return fault(node, where, e, "input %s is %.17g; a seed is 0 to %llu", name, number,
				     (unsigned long long)UINT64_MAX);
		seed = number > 0 ? (uint64_t)number : 0;
	}
	input->value = (struct value) { .kind = VALUE_SEED, .seed = seed };
	return true;
}

static bool cast(const struct graph_node *node, const struct input_type *type, struct graph_input *input, const char *where,
		 struct error *e)
{
	const json_t *literal = input->literal;
	bool is_number = json_is_any_number(literal) || json_is_boolean(literal);
	double number = json_is_boolean(literal) ? json_is_true(literal) : json_any_number(literal);

	switch (type->kind) {
	case INPUT_INTEGER:
		if (!is_number)
			break;
		input->value = (struct value) { .kind = VALUE_INTEGER,
						.integer = json_is_integer(literal) ? json_integer_value(literal)
										    : truncate_number(number) };
		goto in_range;
	case INPUT_SEED:
		return cast_seed(node, type->name, input, where, e);
	case INPUT_NUMBER:
		if (!is_number)
			break;
		input->value = (struct value) { .kind = VALUE_NUMBER, .number = number };
		goto in_range;
	case INPUT_TEXT:
		if (!json_is_string(literal) || json_is_wide(literal))
			break;
		input->value = (struct value) { .kind = VALUE_TEXT, .text = json_string_value(literal) };
		return true;
	case INPUT_BOOLEAN:
		if (!is_number)
			break;
		input->value = (struct value) { .kind = VALUE_BOOLEAN, .boolean = number != 0 };
		return true;
	case INPUT_LINK:
		return fault(node, where, e, "input %s must be a link to a %s, not %s", type->name, type->type,
			     json_type_words(literal));
	}
	return fault(node, where, e, "input %s is %s, which cannot be used as %s", type->name, json_type_words(literal),
		     type->kind == INPUT_TEXT	   ? "text"
		     : type->kind == INPUT_BOOLEAN ? "a boolean"
						   : "a number");
in_range:
	if (!isfinite(number) || ((type->least != 0 || type->most != 0) && (number < type->least || number > type->most)))
		return fault(node, where, e, "input %s is %g; it may be %g to %g", type->name, number, type->least, type->most);
	return true;
}

static bool check_inputs(struct graph *graph, struct graph_node *node, const char *where, struct error *e)
{
	for (const struct input_type *type = node->type->inputs; type && type->name; type++) {
		struct graph_input *input = (struct graph_input *)(uintptr_t)find_input(node, type->name);

		if (!input) {
			if (!type->optional)
				return fault(node, where, e, "input %s is missing", type->name);
			continue;
		}
		if (input->literal ? !cast(node, type, input, where, e) : !check_link(graph, node, type, input, where, e))
			return false;
	}
	node->checked = true;
	return true;
}

/* Depth first without recursion: 0 not seen, 1 on the way, 2 done. */
static bool check_cycles(const struct graph *graph, const char *where, struct error *e)
{
	uint8_t *colour = array_new(graph->node_count, 1, e);
	size_t *stack = array_new(graph->node_count + graph->link_count + 1, sizeof(*stack), e);
	bool fine = colour && stack;

	for (size_t i = 0; fine && i < graph->node_count; i++) {
		size_t depth = 0;

		stack[depth++] = i;
		while (fine && depth) {
			size_t at = stack[depth - 1];
			const struct graph_node *node = &graph->nodes[at];

			if (colour[at]) {
				colour[at] = 2;
				depth--;
				continue;
			}
			colour[at] = 1;
			for (size_t j = 0; fine && j < node->input_count; j++) {
				size_t source = node->inputs[j].source;

				if (source == NO_NODE || colour[source] == 2)
					continue;
				if (colour[source] == 1)
					fine = fault(node, where, e, "input %s closes a cycle through node %s",
						     node->inputs[j].name, graph->nodes[source].id);
				else
					stack[depth++] = source;
			}
		}
	}
	free(colour);
	free(stack);
	return fine;
}

static bool collect_outputs(struct graph *graph, const char *where, struct error *e)
{
	graph->outputs = array_new(graph->node_count, sizeof(*graph->outputs), e);
	if (!graph->outputs)
		return false;
	for (size_t i = 0; i < graph->node_count; i++) {
		if (graph->nodes[i].type->is_output)
			graph->outputs[graph->output_count++] = i;
	}
	if (!graph->output_count)
		return error_set(e, ERROR_FORMAT, "%s: no node is an output (SaveImage, PreviewImage, ...): nothing would run",
				 where);
	return true;
}

static bool fill(struct graph *graph, const char *where, struct error *e)
{
	const char *id;
	json_t *value;

	graph->nodes = array_new(json_object_size(graph->prompt), sizeof(*graph->nodes), e);
	if (!graph->nodes)
		return false;
	json_object_foreach(graph->prompt, id, value)
	{
		if (!read_node(&graph->nodes[graph->node_count++], id, value, where, e))
			return false;
	}
	if (!resolve_links(graph, where, e) || !check_cycles(graph, where, e))
		return false;
	for (size_t i = 0; i < graph->node_count; i++) {
		if (!check_inputs(graph, &graph->nodes[i], where, e))
			return false;
	}
	return collect_outputs(graph, where, e);
}

struct graph *graph_new(const json_t *prompt, const char *where, struct error *e)
{
	struct graph *graph;

	if (!json_is_object(prompt)) {
		error_set(e, ERROR_FORMAT, "%s: a workflow in API format is an object of nodes, not %s", where,
			  json_type_words(prompt));
		return NULL;
	}
	if (json_is_array(json_object_get(prompt, "nodes"))) {
		error_set(e, ERROR_FORMAT, "%s: this is a workflow in UI format; save it with Save (API Format)", where);
		return NULL;
	}
	if (json_object_size(prompt) > GRAPH_NODES_MAX) {
		error_set(e, ERROR_FORMAT, "%s: %zu nodes; there may be %d", where, json_object_size(prompt), GRAPH_NODES_MAX);
		return NULL;
	}
	graph = array_new(1, sizeof(*graph), e);
	if (!graph)
		return NULL;
	graph->prompt = json_incref((json_t *)(uintptr_t)prompt);
	if (fill(graph, where, e))
		return graph;
	graph_free(graph);
	return NULL;
}
