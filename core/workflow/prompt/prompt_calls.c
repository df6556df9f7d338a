/* prompt_calls.c - inputs are collected into lists, and lists are mapped over calls.
 *
 * As upstream's get_input_data and _async_map_node_over_list: a link gives the whole list of its source's slot, a literal a list
 * of one; a literal that the class does not declare is dropped, a link that it does not declare is passed on. A call with a blocker
 * among its arguments is not made; the blocker stands for its result.
 */
#include "core/workflow/prompt/prompt_calls.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

/* ---- collecting ---- */

static struct py *list_of(struct py *item)
{
	struct py *list = py_list();

	if (list && py_append(list, item))
		return list;
	if (!list)
		py_drop(item);
	py_drop(list);
	return NULL;
}

/* One output's list at a slot, as Python indexes: a negative one counts from the end. Borrowed; NULL where the slot lies past the
 * end, or with an exception. */
static struct py *slot_of(const struct py *outputs, const struct py *slot, struct py_raised *raised)
{
	int64_t count = (int64_t)py_count(outputs);
	int64_t index = py_integer_value(slot);

	if (py_number_value(slot) >= (double)count)
		return NULL;
	if (slot->kind == PY_FLOAT) {
		py_raise(raised, "TypeError", "list indices must be integers or slices, not float");
		return NULL;
	}
	if (index < -count) {
		py_raise(raised, "IndexError", "list index out of range");
		return NULL;
	}
	return py_at(outputs, (size_t)(index < 0 ? index + count : index));
}

static bool collect_link(const struct py_pair *input, const struct prompt_sources *sources, struct py *data, struct py *missing,
			 struct py_raised *raised)
{
	const struct py *source = py_at(input->value, 0);
	const struct py *outputs = sources->outputs ? sources->outputs(sources->context, source) : NULL;
	struct py *list = outputs ? slot_of(outputs, py_at(input->value, 1), raised) : NULL;

	if (py_is_raised(raised))
		return false;
	if (list)
		return py_set_n(data, input->key, input->length, py_take(list)) || py_raise_no_memory(raised);
	return (py_set_n(missing, input->key, input->length, py_bool(true)) &&
		py_set_n(data, input->key, input->length, list_of(py_none()))) ||
	       py_raise_no_memory(raised);
}

static struct py *hidden_value(const char *kind, const struct py *node_id, const struct prompt_sources *sources)
{
	const struct py *extra;

	if (strcmp(kind, "UNIQUE_ID") == 0)
		return py_take(node_id);
	if (strcmp(kind, "PROMPT") == 0)
		return sources->prompt ? py_take(sources->prompt) : py_map();
	if (strcmp(kind, "EXTRA_PNGINFO") == 0) {
		extra = py_get(sources->extra_data, "extra_pnginfo");
		return extra ? py_take(extra) : py_none();
	}
	return py_none();
}

static bool collect_hidden(const struct prompt_class *class, const struct py *node_id, const struct prompt_sources *sources,
			   struct py *data, struct py_raised *raised)
{
	for (size_t i = 0; !class->is_v3 && i < class->hidden_count; i++) {
		struct py *value = hidden_value(class->hidden[i].kind, node_id, sources);

		if (!value || !py_set(data, class->hidden[i].name, list_of(value)))
			return py_raise_no_memory(raised);
	}
	return true;
}

bool prompt_collect(const struct prompt_class *class, const struct py *node_id, const struct py *inputs,
		    const struct prompt_sources *sources, struct py **data, struct py **missing, struct py_raised *raised)
{
	*data = py_map();
	*missing = py_map();
	if (!*data || !*missing)
		return py_raise_no_memory(raised);
	for (size_t i = 0; inputs->kind == PY_MAP && i < py_count(inputs); i++) {
		const struct py_pair *input = &inputs->map.pairs[i];
		const struct prompt_input *declared = prompt_class_input(class, input->key);

		if (py_is_link(input->value) && (!declared || !declared->is_raw_link)) {
			if (!collect_link(input, sources, *data, *missing, raised))
				return false;
		} else if (declared) {
			if (!py_set_n(*data, input->key, input->length, list_of(py_take(input->value))))
				return py_raise_no_memory(raised);
		}
	}
	return collect_hidden(class, node_id, sources, *data, raised);
}

/* ---- calling ---- */

static const struct py *blocker_among(const struct py *list)
{
	for (size_t i = 0; i < py_count(list); i++) {
		if (py_at(list, i)->kind == PY_BLOCKER)
			return py_at(list, i);
	}
	return NULL;
}

/* The first argument that is blocked says why. */
static const struct py *find_blocker(const struct py *arguments, bool lists)
{
	for (size_t i = 0; i < py_count(arguments); i++) {
		const struct py *value = arguments->map.pairs[i].value;
		const struct py *found = lists ? blocker_among(value) : NULL;

		if (found || value->kind == PY_BLOCKER)
			return found ? found : value;
	}
	return NULL;
}

static bool add_result(struct prompt_mapping *mapping, struct py *value, struct py_raised *raised)
{
	if (!value)
		return false;
	if (!array_reserve(&mapping->results, &mapping->result_capacity, mapping->result_count + 1, sizeof(*mapping->results),
			   NULL)) {
		py_drop(value);
		return py_raise_no_memory(raised);
	}
	mapping->results[mapping->result_count++] = (struct prompt_result) { .value = value };
	return true;
}

/* What an async call raises after it was suspended is told when it is asked for. */
static bool add_suspended(struct prompt_mapping *mapping, struct py *value, struct py_raised *thrown, struct py_raised *raised)
{
	struct prompt_result *result;

	if (thrown->no_memory || !add_result(mapping, value ? value : py_none(), raised)) {
		py_raised_clear(thrown);
		return py_raise_no_memory(raised);
	}
	result = &mapping->results[mapping->result_count - 1];
	result->suspends = true;
	result->ready_ms = mapping->now_ms + mapping->call.delay_ms;
	result->raised = *thrown;
	if (!value)
		result->value = NULL;
	return true;
}

static bool call_function(struct prompt_mapping *mapping, const struct py *arguments, struct py_raised *raised)
{
	struct prompt_call *call = &mapping->call;
	struct py_raised thrown = PY_RAISED_INIT;
	struct py *value;

	call->arguments = arguments;
	call->suspends = false;
	value = mapping->function(call, &thrown);
	if (call->class->is_async && mapping->suspended)
		mapping->suspended(mapping->context);
	if (call->suspends)
		return add_suspended(mapping, value, &thrown, raised);
	if (value)
		return add_result(mapping, value, raised);
	if (!py_is_raised(&thrown))
		py_raise_no_memory(&thrown);
	*raised = thrown;
	return false;
}

static bool call_once(struct prompt_mapping *mapping, const struct py *arguments, int64_t index, struct py_raised *raised)
{
	const struct py *blocker = find_blocker(arguments, mapping->call.class->takes_lists);

	mapping->call.index = index;
	if (mapping->before && !mapping->before(mapping->context, raised))
		return false;
	if (!blocker)
		return call_function(mapping, arguments, raised);
	return add_result(mapping, mapping->blocked ? mapping->blocked(mapping->context, blocker, raised) : py_take(blocker),
			  raised);
}

/* The arguments of one call: of each list its value at the index, or its last. */
static struct py *slice(const struct py *data, size_t index, struct py_raised *raised)
{
	struct py *arguments = py_map();

	for (size_t i = 0; arguments && i < py_count(data); i++) {
		const struct py_pair *pair = &data->map.pairs[i];
		size_t count = py_count(pair->value);

		if (!count) {
			py_raise(raised, "IndexError", "list index out of range");
			py_drop(arguments);
			return NULL;
		}
		if (!py_set_n(arguments, pair->key, pair->length,
			      py_take(py_at(pair->value, index < count ? index : count - 1)))) {
			py_drop(arguments);
			arguments = NULL;
		}
	}
	if (!arguments)
		py_raise_no_memory(raised);
	return arguments;
}

static bool call_slices(struct prompt_mapping *mapping, size_t count, struct py_raised *raised)
{
	for (size_t i = 0; i < count; i++) {
		struct py *arguments = slice(mapping->data, i, raised);
		bool fine = arguments && call_once(mapping, arguments, (int64_t)i, raised);

		py_drop(arguments);
		if (!fine)
			return false;
	}
	return true;
}

bool prompt_map_calls(struct prompt_mapping *mapping, struct py_raised *raised)
{
	size_t longest = 0;
	struct py *nothing;
	bool fine;

	if (mapping->call.class->takes_lists)
		return call_once(mapping, mapping->data, 0, raised);
	for (size_t i = 0; i < py_count(mapping->data); i++) {
		size_t count = py_count(mapping->data->map.pairs[i].value);

		longest = count > longest ? count : longest;
	}
	if (longest)
		return call_slices(mapping, longest, raised);
	nothing = py_map();
	fine = nothing ? call_once(mapping, nothing, -1, raised) : py_raise_no_memory(raised);
	py_drop(nothing);
	return fine;
}

void prompt_mapping_free(struct prompt_mapping *mapping)
{
	for (size_t i = 0; i < mapping->result_count; i++) {
		py_drop(mapping->results[i].value);
		py_raised_clear(&mapping->results[i].raised);
	}
	free(mapping->results);
	mapping->results = NULL;
	mapping->result_count = mapping->result_capacity = 0;
}
