/* prompt_check.c - a node's inputs: missing ones, links and their types, literals and their casts and limits, then its validator.
 *
 * The recursion is upstream's, to its depth: a cycle runs into the limit, and what then stands in the memory is what upstream's
 * stack leaves behind when it unwinds (every member invalid, none with an entry of its own).
 */
#include "core/workflow/prompt/prompt_check.h"

#include <string.h>

#include "core/workflow/prompt/prompt_calls.h"
#include "core/workflow/prompt/prompt_errors.h"
#include "core/workflow/prompt/prompt_shapes.h"
#include "core/workflow/prompt/prompt_types.h"

/* ---- links ---- */

/* The type of an output, Python's way of indexing. Borrowed. */
static const struct py *output_type(const struct prompt_class *class, const struct py *slot, bool *is_any,
				    struct py_raised *raised)
{
	const char *sequence = class->is_v3 ? "list" : "tuple";
	int64_t count = (int64_t) class->output_count;
	int64_t index = py_integer_value(slot);

	if (slot->kind != PY_INTEGER && slot->kind != PY_BOOL) {
		py_raise(raised, "TypeError", "%s indices must be integers or slices, not %s", sequence, py_type(slot));
		return NULL;
	}
	if (index >= count || index < -count) {
		py_raise(raised, "IndexError", "%s index out of range", sequence);
		return NULL;
	}
	index += index < 0 ? count : 0;
	*is_any = class->output_is_any[index];
	return py_at(class->output_types, (size_t)index);
}

/* What a node's validation gathers. */
struct prompt_check {
	struct prompt_validation *validation;
	const struct prompt_class *class;
	struct py *inputs;
	struct py *errors;
	struct py *received_types;
	bool valid; /* no source is at fault */
};

bool prompt_remember(struct prompt_validation *v, const struct py *id, struct py *errors, struct py_raised *raised)
{
	return py_set_n(v->memory, id->text.bytes, id->text.length, errors) || py_raise_no_memory(raised);
}

/* A source whose validation raised: it is charged with the exception. */
static bool charge_source(struct prompt_check *check, const struct prompt_fault *fault, struct py_raised *thrown,
			  struct py_raised *raised)
{
	struct py *reasons = py_list();
	bool fine = !thrown->no_memory && prompt_error_exception(reasons, fault, thrown);

	py_raised_clear(thrown);
	if (!fine) {
		py_drop(reasons);
		return py_raise_no_memory(raised);
	}
	return prompt_remember(check->validation, py_at(fault->received, 0), reasons, raised);
}

static bool check_link(struct prompt_check *check, const struct prompt_fault *fault, struct py_raised *raised)
{
	struct prompt_validation *v = check->validation;
	const struct prompt_input *input = fault->input;
	const struct py *id = py_at(fault->received, 0);
	struct py_raised thrown = PY_RAISED_INIT;
	const struct py *source = id->kind == PY_TEXT ? py_get_n(v->prompt, id->text.bytes, id->text.length) : NULL;
	const struct py *class_type = source ? prompt_member(source, "class_type", raised) : NULL;
	const struct py *type;
	bool is_any;
	bool valid;

	if (!source)
		return prompt_raise_key(raised, id);
	type = class_type ? output_type(prompt_class_find(v->classes, class_type), py_at(fault->received, 1), &is_any, raised)
			  : NULL;
	if (!type)
		return false;
	if (!py_set(check->received_types, input->name, py_take(type)))
		return py_raise_no_memory(raised);
	if (!is_any && !input->is_any && !prompt_class_validates(check->class, "input_types") &&
	    !prompt_types_match(type, input->type))
		return prompt_error_types(check->errors, fault, type) || py_raise_no_memory(raised);
	if (prompt_check_node(v, id, &valid, &thrown)) {
		check->valid = check->valid && valid;
		return true;
	}
	check->valid = false;
	return charge_source(check, fault, &thrown, raised);
}

/* ---- literals ---- */

/* The value that the input's type makes of it, a reference; the value itself for a type that casts nothing. */
static struct py *cast(const struct py *type, const struct py *value, struct py_raised *raised)
{
	struct py *made = NULL;

	if (py_is_text(type, "INT"))
		return py_to_integer(value, raised);
	if (py_is_text(type, "FLOAT"))
		return py_to_float(value, raised);
	if (py_is_text(type, "BOOLEAN"))
		return py_bool(py_truth(value));
	made = py_is_text(type, "STRING") ? py_to_text(value) : py_take(value);
	if (!made)
		py_raise_no_memory(raised);
	return made;
}

/* Whether the value passes a limit. What cannot be compared raises. */
static bool passes(const struct py *value, const struct py *limit, bool is_min, bool *fine, struct py_raised *raised)
{
	bool less = false;
	struct py_raised other = PY_RAISED_INIT;

	if (py_less(is_min ? value : limit, is_min ? limit : value, &less, &other)) {
		*fine = !less;
		return true;
	}
	py_raised_clear(&other);
	return py_raise(raised, "TypeError", "'%c' not supported between instances of '%s' and '%s'", is_min ? '<' : '>',
			py_type(value), py_type(limit));
}

static bool check_limits(struct prompt_check *check, const struct prompt_fault *fault, struct py_raised *raised)
{
	static const char *const names[] = { "max", "min" };

	for (int is_min = 1; is_min >= 0; is_min--) {
		const struct py *limit = py_get(fault->input->config, names[is_min]);
		bool fine = true;

		if (limit && !passes(fault->received, limit, is_min, &fine, raised))
			return false;
		if (!fine)
			return prompt_error_limit(check->errors, fault, is_min, limit) || py_raise_no_memory(raised);
	}
	if (fault->input->type->kind == PY_LIST && !prompt_contains(fault->input->type, fault->received, raised)) {
		if (py_is_raised(raised))
			return false;
		return prompt_error_not_in_list(check->errors, fault) || py_raise_no_memory(raised);
	}
	return true;
}

static bool check_literal(struct prompt_check *check, const struct prompt_fault *fault, struct py_raised *raised)
{
	const struct prompt_input *input = fault->input;
	const struct py *wrapped = py_get(fault->received, "__value__");
	struct prompt_fault now = { .input = input, .received = wrapped ? wrapped : fault->received };
	struct py_raised thrown = PY_RAISED_INIT;
	struct py *held = py_take(now.received); /* the prompt's own is replaced meanwhile */
	struct py *value = cast(input->type, now.received, &thrown);
	bool fine;

	if (wrapped && !py_set(check->inputs, input->name, py_take(held)))
		py_raise_no_memory(&thrown);
	if (thrown.no_memory || !value) {
		fine = (!thrown.no_memory && prompt_error_cast(check->errors, &now, &thrown)) || py_raise_no_memory(raised);
		py_raised_clear(&thrown);
	} else if (value != held && !py_set(check->inputs, input->name, py_take(value))) {
		fine = py_raise_no_memory(raised);
	} else {
		now.received = value;
		fine = prompt_class_validates(check->class, input->name) || check->class->validates_all ||
		       check_limits(check, &now, raised);
	}
	py_drop(value);
	py_drop(held);
	return fine;
}

/* ---- a node ---- */

static bool check_input(struct prompt_check *check, const struct prompt_input *input, struct py_raised *raised)
{
	struct prompt_fault fault = { .input = input };
	struct py *received;
	bool fine;

	if (!prompt_contains_word(check->inputs, input->name, raised)) {
		if (py_is_raised(raised))
			return false;
		return !input->is_required || prompt_error_missing(check->errors, input->name) || py_raise_no_memory(raised);
	}
	received = prompt_member(check->inputs, input->name, raised);
	if (!received)
		return false;
	fault.received = py_take(received);
	if (received->kind != PY_LIST)
		fine = check_literal(check, &fault, raised);
	else if (py_count(received) == 2)
		fine = check_link(check, &fault, raised);
	else
		fine = prompt_error_bad_link(check->errors, &fault) || py_raise_no_memory(raised);
	py_drop(received);
	return fine;
}

/* What the validator is given: the collected inputs that it names. */
static struct py *validator_data(const struct prompt_check *check, const struct py *data)
{
	struct py *named = py_map();

	for (size_t i = 0; named && i < py_count(data); i++) {
		const struct py_pair *pair = &data->map.pairs[i];

		if (!check->class->validates_all && !prompt_class_validates(check->class, pair->key))
			continue;
		if (!py_set_n(named, pair->key, pair->length, py_take(pair->value)))
			goto fail;
	}
	if (prompt_class_validates(check->class, "input_types")) {
		struct py *list = py_list();

		if (!py_append(list, py_take(check->received_types))) {
			py_drop(list);
			goto fail;
		}
		if (!py_set(named, "input_types", list))
			goto fail;
	}
	return named;
fail:
	py_drop(named);
	return NULL;
}

static bool note_answers(struct prompt_check *check, const struct prompt_mapping *mapping)
{
	for (size_t i = 0; i < py_count(mapping->data); i++) {
		for (size_t j = 0; j < mapping->result_count; j++) {
			const struct py *answer = mapping->results[j].value;

			if ((answer->kind == PY_BOOL && answer->boolean) || answer->kind == PY_BLOCKER)
				continue;
			if (!prompt_error_custom(check->errors, mapping->data->map.pairs[i].key, answer))
				return false;
		}
	}
	return true;
}

static bool run_validator(struct prompt_check *check, const struct py *id, struct py_raised *raised)
{
	const struct prompt_class *class = check->class;
	const struct prompt_sources nowhere = { .outputs = NULL };
	struct prompt_mapping mapping = { .call = { .class = class, .node_id = id } };
	struct py *data = NULL;
	struct py *missing = NULL;
	struct py *named = NULL;
	bool fine;

	if ((!class->validated && !class->validates_all) || !class->code || !class->code->validate)
		return true;
	fine = prompt_collect(class, id, check->inputs, &nowhere, &data, &missing, raised);
	if (fine) {
		named = validator_data(check, data);
		fine = named || py_raise_no_memory(raised);
	}
	if (fine) {
		mapping.data = named;
		mapping.function = class->code->validate;
		fine = prompt_map_calls(&mapping, raised) && (note_answers(check, &mapping) || py_raise_no_memory(raised));
	}
	prompt_mapping_free(&mapping);
	py_drop(named);
	py_drop(data);
	py_drop(missing);
	return fine;
}

static bool check_node(struct prompt_check *check, const struct py *id, struct py_raised *raised)
{
	for (size_t i = 0; i < check->class->input_count; i++) {
		if (!check_input(check, &check->class->inputs[i], raised))
			return false;
	}
	return run_validator(check, id, raised);
}

bool prompt_check_node(struct prompt_validation *v, const struct py *id, bool *valid, struct py_raised *raised)
{
	const struct py *known = py_get_n(v->memory, id->text.bytes, id->text.length);
	const struct py *node = py_get_n(v->prompt, id->text.bytes, id->text.length);
	struct prompt_check check = { .validation = v, .valid = true };
	bool fine = false;

	if (known) {
		*valid = known->kind == PY_NONE;
		return true;
	}
	if (v->depth >= v->depth_most)
		return py_raise(raised, "RecursionError", "maximum recursion depth exceeded while calling a Python object");
	check.inputs = prompt_member(node, "inputs", raised);
	if (!check.inputs)
		return false;
	check.class = prompt_class_find(v->classes, py_get(node, "class_type"));
	check.errors = py_list();
	check.received_types = py_map();
	v->depth++;
	if (!check.errors || !check.received_types)
		py_raise_no_memory(raised);
	else
		fine = check_node(&check, id, raised);
	v->depth--;
	*valid = fine && check.valid && !py_count(check.errors);
	if (fine)
		fine = prompt_remember(v, id, *valid ? py_none() : py_take(check.errors), raised);
	py_drop(check.errors);
	py_drop(check.received_types);
	return fine;
}
