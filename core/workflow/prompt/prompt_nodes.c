/* prompt_nodes.c - a table of nodes and a map from ids to places in it. */
#include "core/workflow/prompt/prompt_nodes.h"

#include <stdlib.h>

#include "core/base/array.h"

static struct py *name_of(const struct prompt_node *node)
{
	const struct py *class_type = py_get(node->body, "class_type");
	struct strbuf text = STRBUF_INIT;
	struct py *name = NULL;

	strbuf_append_n(&text, node->id->text.bytes, node->id->text.length + 1);
	if (class_type)
		py_write_str(&text, class_type);
	if (strbuf_ok(&text))
		name = py_text_n(text.text, text.length);
	strbuf_free(&text);
	return name;
}

static bool add(struct prompt_nodes *nodes, struct prompt_node node, struct py_raised *raised)
{
	node.name = node.id ? name_of(&node) : NULL;
	if (!node.name || !array_reserve(&nodes->items, &nodes->capacity, nodes->count + 1, sizeof(*nodes->items), NULL)) {
		py_drop(node.id);
		py_drop(node.name);
		return py_raise_no_memory(raised);
	}
	node.body = py_take(node.body);
	node.display = py_take(node.display);
	nodes->items[nodes->count] = node;
	return py_set_n(nodes->places, node.id->text.bytes, node.id->text.length, py_integer((int64_t)nodes->count++)) ||
	       py_raise_no_memory(raised);
}

static const struct prompt_class *class_of(const struct prompt_nodes *nodes, const struct py *body)
{
	const struct py *class_type = py_get(body, "class_type");

	return class_type ? prompt_class_find(nodes->classes, class_type) : NULL;
}

bool prompt_nodes_init(struct prompt_nodes *nodes, const struct prompt_classes *classes, struct py *prompt,
		       struct py_raised *raised)
{
	*nodes = (struct prompt_nodes) { .classes = classes, .prompt = prompt, .places = py_map() };
	if (!nodes->places)
		return py_raise_no_memory(raised);
	for (size_t i = 0; i < py_count(prompt); i++) {
		const struct py_pair *pair = &prompt->map.pairs[i];

		if (!add(nodes,
			 (struct prompt_node) { .id = py_text_n(pair->key, pair->length),
						.body = pair->value,
						.class = class_of(nodes, pair->value),
						.parent = PROMPT_NO_NODE },
			 raised))
			return false;
	}
	return true;
}

bool prompt_nodes_add(struct prompt_nodes *nodes, const char *id, size_t length, struct py *body, size_t parent,
		      const struct py *display, struct py_raised *raised)
{
	return add(nodes,
		   (struct prompt_node) { .id = py_text_n(id, length),
					  .body = body,
					  .class = class_of(nodes, body),
					  .parent = parent,
					  .display = (struct py *)(uintptr_t)display },
		   raised);
}

void prompt_nodes_free(struct prompt_nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++) {
		struct prompt_node *node = &nodes->items[i];

		py_drop(node->id);
		py_drop(node->name);
		py_drop(node->body);
		py_drop(node->display);
		py_drop(node->is_changed);
		py_drop(node->expansion);
		free(node->sorted);
		free(node->blocked);
		if (node->tasks)
			prompt_mapping_free(node->tasks);
		free(node->tasks);
	}
	free(nodes->items);
	py_drop(nodes->places);
}

size_t prompt_nodes_find(const struct prompt_nodes *nodes, const struct py *id)
{
	const struct py *place = id->kind == PY_TEXT ? py_get_n(nodes->places, id->text.bytes, id->text.length) : NULL;

	return place ? (size_t)place->integer.small : PROMPT_NO_NODE;
}

size_t prompt_nodes_get(const struct prompt_nodes *nodes, const struct py *id, struct py_raised *raised)
{
	size_t node = prompt_nodes_find(nodes, id);

	if (node == PROMPT_NO_NODE)
		py_raise(raised, "comfy_execution.graph.NodeNotFoundError", "Node %s not found", id->text.bytes);
	return node;
}

const struct py *prompt_node_inputs(const struct prompt_node *node, struct py_raised *raised)
{
	const struct py *inputs = py_get(node->body, "inputs");

	if (!inputs)
		py_raise_key(raised, "inputs", 6);
	else if (inputs->kind != PY_MAP)
		py_raise(raised, "AttributeError", "'%s' object has no attribute 'keys'", py_type(inputs));
	return py_is_raised(raised) ? NULL : inputs;
}

const struct py *prompt_node_display(const struct prompt_nodes *nodes, size_t node)
{
	const struct py *id = nodes->items[node].id;

	while (node != PROMPT_NO_NODE && nodes->items[node].display) {
		id = nodes->items[node].display;
		node = prompt_nodes_find(nodes, id);
	}
	return id;
}

const struct py *prompt_node_real(const struct prompt_nodes *nodes, size_t node)
{
	while (nodes->items[node].parent != PROMPT_NO_NODE)
		node = nodes->items[node].parent;
	return nodes->items[node].id;
}
