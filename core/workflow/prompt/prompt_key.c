/* prompt_key.c - a node's cache key: what it is, and what all its ancestors are, by their places and not by their ids.
 *
 * Ancestors come depth first, inputs by name, the first visit counts. The key is written as a text that says of every value what
 * Python's sets and numbers would compare (py_write_key), and hashed to 128 bits. A link is written as the list that a literal
 * ["ANCESTOR", place, slot] would be: upstream does not tell them apart either.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/workflow/prompt/prompt_nodes.h"

struct prompt_ancestry {
	struct prompt_nodes *nodes;
	size_t *order; /* ancestors; PROMPT_NO_NODE for a link to nowhere */
	size_t count, capacity;
	size_t *places; /* by node, from 1; 0: not met */
	struct {
		size_t node, next;
	} * stack; /* nodes on the way, each with the next input to look at */
	size_t depth, stack_capacity;
};

/* ---- inputs by name ---- */

static int compare_names(const void *a, const void *b, void *context)
{
	const struct py_pair *pairs = context;

	return strcmp(pairs[*(const size_t *)a].key, pairs[*(const size_t *)b].key);
}

static bool sort_inputs(struct prompt_node *node, const struct py *inputs, struct py_raised *raised)
{
	if (node->sorted)
		return true;
	node->sorted = array_new(py_count(inputs), sizeof(*node->sorted), NULL);
	if (!node->sorted)
		return py_raise_no_memory(raised);
	for (size_t i = 0; i < py_count(inputs); i++)
		node->sorted[i] = i;
	if (py_count(inputs))
		qsort_r(node->sorted, py_count(inputs), sizeof(*node->sorted), compare_names, inputs->map.pairs);
	return true;
}

/* ---- ancestors ---- */

static bool push(struct prompt_ancestry *a, size_t node, struct py_raised *raised)
{
	const struct py *inputs = prompt_node_inputs(&a->nodes->items[node], raised);

	if (!inputs || !sort_inputs(&a->nodes->items[node], inputs, raised))
		return false;
	if (!array_reserve(&a->stack, &a->stack_capacity, a->depth + 1, sizeof(*a->stack), NULL))
		return py_raise_no_memory(raised);
	a->stack[a->depth].node = node;
	a->stack[a->depth++].next = 0;
	return true;
}

static bool meet(struct prompt_ancestry *a, size_t node, struct py_raised *raised)
{
	if (node != PROMPT_NO_NODE && a->places[node])
		return true;
	if (!array_reserve(&a->order, &a->capacity, a->count + 1, sizeof(*a->order), NULL))
		return py_raise_no_memory(raised);
	a->order[a->count++] = node;
	if (node == PROMPT_NO_NODE)
		return true;
	a->places[node] = a->count;
	return push(a, node, raised);
}

static bool find_ancestors(struct prompt_ancestry *a, size_t node, struct py_raised *raised)
{
	if (!push(a, node, raised))
		return false;
	while (a->depth) {
		size_t at = a->stack[a->depth - 1].node;
		const struct py *inputs = py_get(a->nodes->items[at].body, "inputs");
		size_t next = a->stack[a->depth - 1].next++;
		const struct py *value;

		if (next == py_count(inputs)) {
			a->depth--;
			continue;
		}
		value = inputs->map.pairs[a->nodes->items[at].sorted[next]].value;
		if (py_is_link(value) && !meet(a, prompt_nodes_find(a->nodes, py_at(value, 0)), raised))
			return false;
	}
	return true;
}

/* ---- IS_CHANGED ---- */

static struct py *changed_results(const struct prompt_mapping *mapping)
{
	struct py *list = py_list();

	for (size_t i = 0; list && i < mapping->result_count; i++) {
		const struct py *value = mapping->results[i].value;

		if (!py_append(list, value && value->kind != PY_BLOCKER ? py_take(value) : py_none())) {
			py_drop(list);
			return NULL;
		}
	}
	return list;
}

/* Calls IS_CHANGED with literals only. The list of its results, or a fresh NaN where it raises. */
static struct py *call_is_changed(struct prompt_node *node, struct py_raised *raised)
{
	const struct prompt_sources nowhere = { .outputs = NULL };
	struct prompt_mapping mapping = { .call = { .class = node->class, .node_id = node->id },
					  .function = node->class->code->is_changed };
	struct py_raised thrown = PY_RAISED_INIT;
	struct py *data = NULL;
	struct py *missing = NULL;
	struct py *made = NULL;

	if (prompt_collect(node->class, node->id, py_get(node->body, "inputs"), &nowhere, &data, &missing, &thrown)) {
		mapping.data = data;
		if (prompt_map_calls(&mapping, &thrown))
			made = changed_results(&mapping);
	}
	if (!made && !thrown.no_memory && py_is_raised(&thrown))
		made = py_float(__builtin_nan(""));
	if (!made)
		py_raise_no_memory(raised);
	py_raised_clear(&thrown);
	prompt_mapping_free(&mapping);
	py_drop(data);
	py_drop(missing);
	return made;
}

static bool ask_is_changed(struct prompt_node *node, struct py_raised *raised)
{
	const struct py *given = py_get(node->body, "is_changed");

	if (node->is_changed)
		return true;
	if (!node->class || !node->class->has_is_changed || !node->class->code || !node->class->code->is_changed)
		node->is_changed = py_bool(false);
	else if (given)
		node->is_changed = py_take(given);
	else
		node->is_changed = call_is_changed(node, raised);
	if (!node->is_changed)
		return false;
	if (node->class && node->class->has_is_changed && !py_set(node->body, "is_changed", py_take(node->is_changed)))
		return py_raise_no_memory(raised);
	return true;
}

/* ---- the text ---- */

static void write_text(struct strbuf *out, const char *text, size_t length)
{
	strbuf_printf(out, "\"%zu:", length);
	strbuf_append_n(out, text, length);
}

static void write_link(const struct prompt_ancestry *a, struct strbuf *out, const struct py *link)
{
	size_t source = prompt_nodes_find(a->nodes, py_at(link, 0));

	strbuf_append(out, "[\"8:ANCESTOR#");
	strbuf_printf(out, "%zu;", source == PROMPT_NO_NODE ? 0 : a->places[source] - 1);
	py_write_key(out, py_at(link, 1));
	strbuf_append_char(out, ']');
}

static bool write_part(const struct prompt_ancestry *a, struct strbuf *out, size_t at, struct py_raised *raised)
{
	struct prompt_node *node = &a->nodes->items[at];
	const struct py *inputs = py_get(node->body, "inputs");

	strbuf_append_char(out, '[');
	py_write_key(out, py_get(node->body, "class_type"));
	if (!ask_is_changed(node, raised))
		return false;
	py_write_key(out, node->is_changed);
	if (node->class && (node->class->not_idempotent || node->class->id_in_key))
		py_write_key(out, node->id);
	for (size_t i = 0; i < py_count(inputs); i++) {
		const struct py_pair *input = &inputs->map.pairs[node->sorted[i]];

		strbuf_append_char(out, '[');
		write_text(out, input->key, input->length);
		if (py_is_link(input->value))
			write_link(a, out, input->value);
		else
			py_write_key(out, input->value);
		strbuf_append_char(out, ']');
	}
	strbuf_append_char(out, ']');
	return strbuf_ok(out) || py_raise_no_memory(raised);
}

static bool write_key(struct prompt_ancestry *a, struct strbuf *out, size_t node, struct py_raised *raised)
{
	if (!find_ancestors(a, node, raised) || !write_part(a, out, node, raised))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (a->order[i] == PROMPT_NO_NODE)
			strbuf_printf(out, "[#n%llu;]", (unsigned long long)py_serial_next()); /* equal to nothing */
		else if (!write_part(a, out, a->order[i], raised))
			return false;
	}
	return strbuf_ok(out) || py_raise_no_memory(raised);
}

bool prompt_node_key(struct prompt_nodes *nodes, size_t node, struct prompt_key *key, struct py_raised *raised)
{
	struct prompt_ancestry a = { .nodes = nodes };
	struct strbuf text = STRBUF_INIT;
	bool fine = true;

	if (!nodes->items[node].has_key) {
		a.places = array_new(nodes->count, sizeof(*a.places), NULL);
		fine = a.places ? write_key(&a, &text, node, raised) : py_raise_no_memory(raised);
		if (fine) {
			XXH128_hash_t hash = XXH3_128bits(text.text, text.length);

			nodes->items[node].key = (struct prompt_key) { .low = hash.low64, .high = hash.high64 };
			nodes->items[node].has_key = true;
		}
		free(a.places);
		free(a.order);
		free(a.stack);
		strbuf_free(&text);
	}
	if (fine)
		*key = nodes->items[node].key;
	return fine;
}
