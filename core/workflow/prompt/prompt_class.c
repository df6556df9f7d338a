/* prompt_class.c - class declarations are read once, into tables that execution asks for every node.
 *
 * The declaration itself is kept: names, types and settings are borrowed from it, and answers quote them as they stand there.
 */
#include "core/workflow/prompt/prompt_class.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

static bool flag(const struct py *declaration, const char *name)
{
	const struct py *value = py_get(declaration, name);

	return value && py_truth(value);
}

static bool holds_text(const struct py *list, const char *text)
{
	for (size_t i = 0; i < py_count(list); i++) {
		if (py_is_text(py_at(list, i), text))
			return true;
	}
	return false;
}

static bool holds_number(const struct py *list, size_t number)
{
	for (size_t i = 0; i < py_count(list); i++) {
		if (py_integer_value(py_at(list, i)) == (int64_t)number)
			return true;
	}
	return false;
}

/* [type] or [type, config]. */
static bool read_input(struct prompt_class *class, const struct py_pair *pair, bool required, const struct py *any)
{
	struct prompt_input *input = &class->inputs[class->input_count];
	const struct py *declared = pair->value;
	struct py *config;

	if (declared->kind != PY_LIST || !py_count(declared))
		return true;
	input->info = py_list();
	if (!py_append(input->info, py_take(py_at(declared, 0))))
		return false;
	config = py_count(declared) > 1 ? py_take(py_at(declared, 1)) : py_map();
	if (!py_append(input->info, config))
		return false;
	input->name = pair->key;
	input->type = py_at(input->info, 0);
	input->config = config;
	input->is_required = required;
	input->is_any = any ? holds_text(any, pair->key) : py_is_text(input->type, "*");
	input->is_lazy = flag(config, "lazy");
	input->is_raw_link = flag(config, "rawLink");
	class->input_count++;
	return true;
}

static bool read_inputs(struct prompt_class *class, struct py_raised *raised)
{
	static const char *const groups[] = { "required", "optional" };
	const struct py *input = py_get(class->declaration, "input");
	const struct py *any = py_get(class->declaration, "any_inputs");
	size_t most = py_count(py_get(input, "required")) + py_count(py_get(input, "optional"));

	class->inputs = array_new(most, sizeof(*class->inputs), NULL);
	if (!class->inputs)
		return py_raise_no_memory(raised);
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		const struct py *group = py_get(input, groups[g]);

		for (size_t i = 0; group && group->kind == PY_MAP && i < py_count(group); i++) {
			const struct py_pair *pair = &group->map.pairs[i];

			if (prompt_class_input(class, pair->key))
				continue;
			if (!read_input(class, pair, g == 0, any)) {
				class->input_count++; /* its half is freed with the others */
				return py_raise_no_memory(raised);
			}
		}
	}
	return true;
}

/* V1 declares a text, V3 a list of one. */
static bool read_hidden(struct prompt_class *class, struct py_raised *raised)
{
	const struct py *group = py_get(py_get(class->declaration, "input"), "hidden");

	class->hidden = array_new(py_count(group), sizeof(*class->hidden), NULL);
	if (!class->hidden)
		return py_raise_no_memory(raised);
	for (size_t i = 0; group && group->kind == PY_MAP && i < py_count(group); i++) {
		const struct py *kind = group->map.pairs[i].value;

		if (kind->kind == PY_LIST && py_count(kind))
			kind = py_at(kind, 0);
		if (kind->kind == PY_TEXT)
			class->hidden[class->hidden_count++] =
				(struct prompt_hidden) { .name = group->map.pairs[i].key, .kind = kind->text.bytes };
	}
	return true;
}

static bool read_outputs(struct prompt_class *class, struct py_raised *raised)
{
	const struct py *types = py_get(class->declaration, "output");
	const struct py *lists = py_get(class->declaration, "output_is_list");
	const struct py *any = py_get(class->declaration, "any_outputs");

	class->output_types = types;
	class->output_count = types && types->kind == PY_LIST ? py_count(types) : 0;
	class->output_is_any = array_new(class->output_count, sizeof(bool), NULL);
	class->output_is_list = array_new(class->output_count, sizeof(bool), NULL);
	if (!class->output_is_any || !class->output_is_list)
		return py_raise_no_memory(raised);
	for (size_t i = 0; i < class->output_count; i++) {
		class->output_is_any[i] = any ? holds_number(any, i) : py_is_text(py_at(types, i), "*");
		class->output_is_list[i] = lists && i < py_count(lists) && py_truth(py_at(lists, i));
	}
	return true;
}

static bool read_class(struct prompt_class *class, struct py_raised *raised)
{
	const struct py *declaration = class->declaration;
	const struct py *validated = py_get(declaration, "validate_args");

	class->declares_output_is_list = flag(declaration, "declares_output_is_list");
	class->is_output = flag(declaration, "output_node");
	class->is_v3 = flag(declaration, "v3");
	class->is_async = flag(declaration, "is_async");
	class->takes_lists = flag(declaration, "input_is_list");
	class->not_idempotent = flag(declaration, "not_idempotent");
	class->id_in_key = flag(declaration, "id_in_key");
	class->has_check_lazy = flag(declaration, "has_check_lazy");
	class->has_is_changed = flag(declaration, "has_is_changed");
	class->validated = validated && validated->kind == PY_LIST ? validated : NULL;
	class->validates_all = flag(declaration, "validate_kwargs");
	return read_inputs(class, raised) && read_hidden(class, raised) && read_outputs(class, raised);
}

bool prompt_classes_read(struct prompt_classes *classes, const struct py *declarations, struct py_raised *raised)
{
	*classes = (struct prompt_classes) { .places = py_map() };
	if (!classes->places ||
	    !array_reserve(&classes->items, &classes->capacity, py_count(declarations) + 1, sizeof(*classes->items), NULL))
		return py_raise_no_memory(raised);
	for (size_t i = 0; declarations->kind == PY_MAP && i < py_count(declarations); i++) {
		const struct py_pair *pair = &declarations->map.pairs[i];
		struct prompt_class *class = &classes->items[classes->count];

		*class = (struct prompt_class) { .name = pair->key, .declaration = py_take(pair->value) };
		if (!py_set_n(classes->places, pair->key, pair->length, py_integer((int64_t)classes->count++)))
			return py_raise_no_memory(raised);
		class->name = classes->places->map.pairs[py_count(classes->places) - 1].key;
		if (!read_class(class, raised))
			return false;
	}
	return true;
}

void prompt_classes_free(struct prompt_classes *classes)
{
	for (size_t i = 0; i < classes->count; i++) {
		struct prompt_class *class = &classes->items[i];

		for (size_t j = 0; class->inputs && j < class->input_count; j++)
			py_drop(class->inputs[j].info);
		free(class->inputs);
		free(class->hidden);
		free(class->output_is_any);
		free(class->output_is_list);
		py_drop(class->declaration);
	}
	free(classes->items);
	py_drop(classes->places);
}

const struct prompt_class *prompt_class_find(const struct prompt_classes *classes, const struct py *name)
{
	const struct py *place;

	if (name->kind != PY_TEXT)
		return NULL;
	place = py_get_n(classes->places, name->text.bytes, name->text.length);
	return place ? &classes->items[py_integer_value(place)] : NULL;
}

const struct prompt_input *prompt_class_input(const struct prompt_class *class, const char *name)
{
	for (size_t i = 0; i < class->input_count; i++) {
		if (strcmp(class->inputs[i].name, name) == 0)
			return &class->inputs[i];
	}
	return NULL;
}

bool prompt_class_validates(const struct prompt_class *class, const char *name)
{
	return class->validated && holds_text(class->validated, name);
}
