/* prompt_returns.c - what a node's calls returned becomes one list a slot, what they show, and the graphs that they expand into.
 *
 * A V1 function returns a tuple, a map with "ui", "result" or "expand", or a blocker, which then stands in every slot. A V3
 * function's output is such a map, too; one that blocks without a result gives nothing at all, as upstream has it.
 */
#include "core/workflow/prompt/prompt_run.h"

#include <string.h>

/* A list of the blocker, once a slot. */
static struct py *block_all(const struct prompt_class *class, const struct py *blocker)
{
	struct py *list = py_list();

	for (size_t i = 0; list && i < class->output_count; i++) {
		if (!py_append(list, py_take(blocker))) {
			py_drop(list);
			return NULL;
		}
	}
	return list;
}

/* What stands for a result in the lists: the tuple itself, or a blocker in every slot. */
static struct py *tuple_of(const struct prompt_class *class, const struct py *result)
{
	if (!result)
		return py_none();
	return result->kind == PY_BLOCKER ? block_all(class, result) : py_take(result);
}

/* ---- merging ---- */

static bool extend(struct py *list, const struct py *value, struct py_raised *raised)
{
	if (value->kind == PY_BLOCKER)
		return py_append(list, py_take(value)) || py_raise_no_memory(raised);
	if (value->kind != PY_LIST)
		return py_raise(raised, "TypeError", "'%s' object is not iterable", py_type(value));
	for (size_t i = 0; i < py_count(value); i++) {
		if (!py_append(list, py_take(py_at(value, i))))
			return py_raise_no_memory(raised);
	}
	return true;
}

static struct py *merge_slot(const struct py *results, size_t slot, bool is_list, struct py_raised *raised)
{
	struct py *list = py_list();

	if (!list)
		py_raise_no_memory(raised);
	for (size_t i = 0; list && i < py_count(results); i++) {
		const struct py *result = py_at(results, i);
		bool fine = true;

		if (result->kind != PY_LIST)
			fine = py_raise(raised, "TypeError", "'%s' object is not subscriptable", py_type(result));
		else if (slot >= py_count(result))
			fine = py_raise(raised, "IndexError", "tuple index out of range");
		else if (is_list)
			fine = extend(list, py_at(result, slot), raised);
		else
			fine = py_append(list, py_take(py_at(result, slot))) || py_raise_no_memory(raised);
		if (!fine) {
			py_drop(list);
			list = NULL;
		}
	}
	return list;
}

struct py *prompt_merge(const struct prompt_class *class, const struct py *results, struct py_raised *raised)
{
	const struct py *first = py_count(results) ? py_at(results, 0) : NULL;
	struct py *merged;
	size_t slots;

	if (!first || first->kind != PY_LIST) {
		if (first)
			py_raise(raised, "TypeError", "object of type '%s' has no len()", py_type(first));
		else
			py_raise(raised, "IndexError", "list index out of range");
		return NULL;
	}
	slots = py_count(first);
	if (class->declares_output_is_list && class->output_count < slots)
		slots = class->output_count;
	merged = py_list();
	if (!merged)
		py_raise_no_memory(raised);
	for (size_t i = 0; merged && i < slots; i++) {
		bool is_list = class->declares_output_is_list && class->output_is_list[i];

		if (!py_append(merged, merge_slot(results, i, is_list, raised))) {
			py_drop(merged);
			merged = NULL;
			if (!py_is_raised(raised))
				py_raise_no_memory(raised);
		}
	}
	return merged;
}

/* ---- reading ---- */

struct prompt_reading {
	const struct prompt_class *class;
	struct py *shown; /* list of the ui of each call that shows something */
	struct py *plain; /* list of the results of calls that did not expand */
	struct py *graphs, *results;
	bool expands;
};

static bool note(struct prompt_reading *reading, struct py *graph, struct py *result, bool is_plain)
{
	bool fine = !is_plain || py_append(reading->plain, py_take(result));

	fine = py_append(reading->graphs, graph) && fine;
	return py_append(reading->results, result) && fine;
}

/* The result of a V3 output: nothing counts as a result where it is empty. NULL without one. */
static const struct py *v3_result(const struct py *value)
{
	const struct py *result = py_get(value, "result");

	return py_count(result) ? result : NULL;
}

/* A reference to what a map returns as its result, blocked if it says so. */
static struct py *result_of(const struct prompt_class *class, const struct py *value)
{
	const struct py *result = class->is_v3 ? v3_result(value) : py_get(value, "result");
	const struct py *block = class->is_v3 ? py_get(value, "block_execution") : NULL;
	struct py *blocker;
	struct py *made;

	if (!block)
		return tuple_of(class, result);
	blocker = py_blocker(py_take(block));
	made = blocker ? block_all(class, blocker) : NULL;
	py_drop(blocker);
	return made;
}

static bool read_map(struct prompt_reading *reading, const struct py *value)
{
	const struct py *ui = py_get(value, "ui");
	const struct py *graph = py_get(value, "expand");
	bool has_result = reading->class->is_v3 ? v3_result(value) != NULL : py_get(value, "result") != NULL;

	if (ui && !py_append(reading->shown, py_take(ui)))
		return false;
	if (graph) {
		reading->expands = true;
		return note(reading, py_take(graph), result_of(reading->class, value), false);
	}
	return !has_result || note(reading, py_none(), result_of(reading->class, value), true);
}

static bool read_value(struct prompt_reading *reading, const struct py *value)
{
	if (value->kind == PY_MAP)
		return read_map(reading, value);
	return note(reading, py_none(), tuple_of(reading->class, value), true);
}

/* Values of one key of what every call shows, one after the other. */
static struct py *join_shown(const struct py *shown, const struct py_pair *pair, struct py_raised *raised)
{
	struct py *joined = py_list();

	if (!joined)
		py_raise_no_memory(raised);
	for (size_t i = 0; joined && i < py_count(shown); i++) {
		const struct py *values = py_get_n(py_at(shown, i), pair->key, pair->length);
		bool fine = values ? extend(joined, values, raised) : py_raise_key(raised, pair->key, pair->length);

		if (!fine) {
			py_drop(joined);
			joined = NULL;
		}
	}
	return joined;
}

/* Keys are those of the first call that shows something. */
static struct py *merge_shown(const struct py *shown, struct py_raised *raised)
{
	const struct py *first = py_count(shown) ? py_at(shown, 0) : NULL;
	struct py *ui = py_map();

	for (size_t i = 0; ui && first && i < py_count(first); i++) {
		const struct py_pair *pair = &first->map.pairs[i];

		if (!py_set_n(ui, pair->key, pair->length, join_shown(shown, pair, raised))) {
			py_drop(ui);
			ui = NULL;
		}
	}
	if (!ui && !py_is_raised(raised))
		py_raise_no_memory(raised);
	return ui;
}

static bool finish(struct prompt_reading *reading, struct prompt_returns *returns, struct py_raised *raised)
{
	if (reading->expands) {
		returns->graphs = py_take(reading->graphs);
		returns->results = py_take(reading->results);
	} else if (py_count(reading->plain)) {
		returns->outputs = prompt_merge(reading->class, reading->plain, raised);
		if (!returns->outputs)
			return false;
	} else {
		returns->outputs = py_list();
		if (!returns->outputs)
			return py_raise_no_memory(raised);
	}
	returns->ui = merge_shown(reading->shown, raised);
	return returns->ui != NULL;
}

bool prompt_returns_read(const struct prompt_class *class, const struct prompt_mapping *mapping, struct prompt_returns *returns,
			 struct py_raised *raised)
{
	struct prompt_reading reading = {
		.class = class, .shown = py_list(), .plain = py_list(), .graphs = py_list(), .results = py_list()
	};
	bool fine = reading.shown && reading.plain && reading.graphs && reading.results;

	*returns = (struct prompt_returns) { .outputs = NULL };
	for (size_t i = 0; fine && i < mapping->result_count; i++)
		fine = read_value(&reading, mapping->results[i].value);
	fine = fine ? finish(&reading, returns, raised) : py_raise_no_memory(raised);
	py_drop(reading.shown);
	py_drop(reading.plain);
	py_drop(reading.graphs);
	py_drop(reading.results);
	return fine;
}

void prompt_returns_free(struct prompt_returns *returns)
{
	py_drop(returns->outputs);
	py_drop(returns->ui);
	py_drop(returns->graphs);
	py_drop(returns->results);
}
