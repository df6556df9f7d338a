/* prompt_expand.c - a node returns a graph: its nodes join the prompt, and the node waits until they have run.
 *
 * Children get keys and a place in every cache; outputs among them run, too; each link in the results is waited for. When all have
 * run, a link in a result stands for all values of that child's slot.
 */
#include "core/workflow/prompt/prompt_run.h"

/* One graph's nodes; those that are outputs are noted. */
static bool add_graph(struct prompt_run *run, size_t parent, const struct py *graph, struct py_raised *raised)
{
	for (size_t i = 0; i < py_count(graph); i++) {
		const struct py_pair *pair = &graph->map.pairs[i];

		if (py_get_n(run->nodes->places, pair->key, pair->length))
			return py_raise(raised, "comfy_execution.graph.DuplicateNodeError",
					"Attempt to add duplicate node %s. Ensure node ids are unique and deterministic or use "
					"graph_utils.GraphBuilder.",
					pair->key);
	}
	for (size_t i = 0; i < py_count(graph); i++) {
		const struct py_pair *pair = &graph->map.pairs[i];
		const struct py *display = py_get(pair->value, "override_display_id");
		const struct py *class_type = py_get(pair->value, "class_type");

		if (!prompt_nodes_add(run->nodes, pair->key, pair->length, pair->value, parent,
				      display ? display : run->nodes->items[parent].id, raised))
			return false;
		if (!class_type)
			return py_raise_key(raised, "class_type", 10);
		if (class_type->kind == PY_TEXT && !run->nodes->items[run->nodes->count - 1].class)
			return py_raise_key(raised, class_type->text.bytes, class_type->text.length);
	}
	return true;
}

static bool add_graphs(struct prompt_run *run, size_t node, const struct prompt_returns *returns, struct py_raised *raised)
{
	for (size_t i = 0; i < py_count(returns->graphs); i++) {
		const struct py *result = py_at(returns->results, i);

		if (py_at(returns->graphs, i)->kind != PY_MAP)
			continue;
		if (!add_graph(run, node, py_at(returns->graphs, i), raised))
			return false;
		if (result->kind != PY_LIST)
			return py_raise(raised, "TypeError", "object of type '%s' has no len()", py_type(result));
	}
	return true;
}

static bool keep_results(struct prompt_run *run, size_t node, const struct prompt_returns *returns, struct py_raised *raised)
{
	struct py *kept = py_list();

	for (size_t i = 0; kept && i < py_count(returns->results); i++) {
		struct py *pair = py_list();
		bool fine = py_append(pair, py_bool(py_at(returns->graphs, i)->kind == PY_MAP));

		fine = py_append(pair, py_take(py_at(returns->results, i))) && fine;
		fine = fine && py_append(kept, py_take(pair));
		py_drop(pair);
		if (!fine) {
			py_drop(kept);
			kept = NULL;
		}
	}
	run->nodes->items[node].expansion = kept;
	return kept || py_raise_no_memory(raised);
}

static bool link_results(struct prompt_run *run, size_t node, const struct prompt_returns *returns, struct py_raised *raised)
{
	for (size_t i = 0; i < py_count(returns->results); i++) {
		const struct py *result = py_at(returns->results, i);

		if (py_at(returns->graphs, i)->kind != PY_MAP)
			continue;
		for (size_t j = 0; j < py_count(result); j++) {
			const struct py *value = py_at(result, j);

			if (py_is_link(value) && !prompt_pending_link(run, py_at(value, 0), node, raised))
				return false;
		}
	}
	return true;
}

bool prompt_expand(struct prompt_run *run, size_t node, const struct prompt_returns *returns, struct py_raised *raised)
{
	struct prompt_cache *caches[] = { run->executor->outputs, run->executor->ui, run->executor->objects };
	size_t from = run->nodes->count;

	if (!add_graphs(run, node, returns, raised))
		return false;
	for (size_t i = 0; i < sizeof(caches) / sizeof(*caches); i++) {
		if (!prompt_cache_expand(caches[i], run->nodes, node, from, raised))
			return false;
	}
	for (size_t i = from; i < run->nodes->count; i++) {
		if (run->nodes->items[i].class->is_output && !prompt_pending_add(run, i, raised))
			return false;
	}
	return link_results(run, node, returns, raised) && keep_results(run, node, returns, raised);
}

/* ---- afterwards ---- */

/* All values of the slot that a link leads to. */
static bool append_linked(struct prompt_run *run, struct py *list, const struct py *link, struct py_raised *raised)
{
	size_t source = prompt_nodes_find(run->nodes, py_at(link, 0));
	const struct py *outputs =
		source == PROMPT_NO_NODE ? NULL : prompt_cache_get(run->executor->outputs, run->nodes, source);
	int64_t index = py_integer_value(py_at(link, 1));
	int64_t count = (int64_t)py_count(outputs);
	const struct py *values;

	if (!outputs)
		return py_raise(raised, "TypeError", "'NoneType' object is not subscriptable");
	index += index < 0 ? count : 0;
	if (index < 0 || index >= count)
		return py_raise(raised, "IndexError", "list index out of range");
	values = py_at(outputs, (size_t)index);
	for (size_t i = 0; i < py_count(values); i++) {
		if (!py_append(list, py_take(py_at(values, i))))
			return py_raise_no_memory(raised);
	}
	return true;
}

static struct py *resolve(struct prompt_run *run, const struct py *result, struct py_raised *raised)
{
	struct py *list = py_list();

	for (size_t i = 0; list && i < py_count(result); i++) {
		const struct py *value = py_at(result, i);
		bool fine = py_is_link(value) ? append_linked(run, list, value, raised) : py_append(list, py_take(value));

		if (!fine) {
			py_drop(list);
			list = NULL;
		}
	}
	if (!list && !py_is_raised(raised))
		py_raise_no_memory(raised);
	return list;
}

struct py *prompt_resume(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	const struct py *kept = run->nodes->items[node].expansion;
	struct py *results = py_list();
	struct py *outputs = NULL;
	bool fine = results != NULL;

	for (size_t i = 0; fine && i < py_count(kept); i++) {
		const struct py *pair = py_at(kept, i);
		const struct py *result = py_at(pair, 1);

		fine = py_append(results, py_truth(py_at(pair, 0)) ? resolve(run, result, raised) : py_take(result));
	}
	if (fine)
		outputs = prompt_merge(run->nodes->items[node].class, results, raised);
	else if (!py_is_raised(raised))
		py_raise_no_memory(raised);
	py_drop(results);
	return outputs;
}
