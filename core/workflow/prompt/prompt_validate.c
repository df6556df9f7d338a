/* prompt_validate.c - the whole prompt: classes first, then each output; what failed is charged to the outputs that depend on it.
 *
 * A node is validated once and its answer remembered. Each output that fails lists all nodes that are known to be at fault by then, so
 * a node that an earlier output needed is charged to it, too: upstream's order of outputs is a set's, ours the prompt's.
 */
#include "core/workflow/prompt/prompt_validate.h"

#include <string.h>

#include "core/workflow/prompt/prompt_check.h"
#include "core/workflow/prompt/prompt_errors.h"
#include "core/workflow/prompt/prompt_shapes.h"

/* The node's class, or NULL with an answer (or an exception). */
static const struct prompt_class *class_of(const struct prompt_classes *classes, const struct py *id, const struct py *node,
					   struct prompt_answer *answer, struct py_raised *raised)
{
	const struct prompt_class *class = NULL;
	const struct py *class_type = NULL;
	struct strbuf message = STRBUF_INIT;
	bool has_class = prompt_contains_word(node, "class_type", raised);

	if (py_is_raised(raised))
		return NULL;
	if (has_class) {
		class_type = prompt_member(node, "class_type", raised);
		if (!class_type)
			return NULL;
		if (class_type->kind == PY_LIST || class_type->kind == PY_MAP) {
			py_raise(raised, "TypeError", "unhashable type: '%s'", py_type(class_type));
			return NULL;
		}
		class = prompt_class_find(classes, class_type);
		if (class)
			return class;
		strbuf_append(&message, "Cannot execute because node ");
		py_write_str(&message, class_type);
		strbuf_append(&message, " does not exist.");
	} else {
		strbuf_append(&message, "Cannot execute because a node is missing the class_type property.");
	}
	if (strbuf_ok(&message))
		answer->error = prompt_error("invalid_prompt", strbuf_text(&message),
					     py_text_format("Node ID '#%s'", id->text.bytes), py_map());
	if (!answer->error)
		py_raise_no_memory(raised);
	strbuf_free(&message);
	return NULL;
}

/* The outputs that are to run. NULL with an answer, or an exception. */
static struct py *find_outputs(const struct prompt_classes *classes, const struct py *prompt, const struct py *targets,
			       struct prompt_answer *answer, struct py_raised *raised)
{
	struct py *outputs = py_list();

	for (size_t i = 0; outputs && i < py_count(prompt); i++) {
		const struct py_pair *pair = &prompt->map.pairs[i];
		struct py *id = py_text_n(pair->key, pair->length);
		const struct prompt_class *class = id ? class_of(classes, id, pair->value, answer, raised) : NULL;
		bool wanted = class && class->is_output && (!targets || prompt_contains(targets, id, raised));

		if (!class || py_is_raised(raised) || (wanted && !py_append(outputs, py_take(id)))) {
			py_drop(outputs);
			outputs = NULL;
		}
		py_drop(id);
	}
	if (!outputs && !answer->error && !py_is_raised(raised))
		py_raise_no_memory(raised);
	return outputs;
}

/* One entry of node_errors. */
static bool list_node(struct prompt_validation *v, struct py *node_errors, const struct py_pair *known, const struct py *output)
{
	struct py *entry = py_get_n(node_errors, known->key, known->length);
	const struct py *node = py_get_n(v->prompt, known->key, known->length);
	bool fine = true;

	if (!entry) {
		entry = py_map();
		fine = py_set(entry, "errors", py_take(known->value));
		fine = py_set(entry, "dependent_outputs", py_list()) && fine;
		fine = py_set(entry, "class_type", py_take(py_get(node, "class_type"))) && fine;
		if (!fine)
			py_drop(entry);
		fine = fine && py_set_n(node_errors, known->key, known->length, entry);
	}
	return fine && py_append(py_get(entry, "dependent_outputs"), py_take(output));
}

static bool list_errors(struct prompt_validation *v, struct py *node_errors, const struct py *output)
{
	for (size_t i = 0; i < py_count(v->memory); i++) {
		const struct py_pair *known = &v->memory->map.pairs[i];

		if (py_count(known->value) && !list_node(v, node_errors, known, output))
			return false;
	}
	return true;
}

/* "message: details" of each of an output's own errors. */
static void write_details(struct strbuf *details, const struct py *errors)
{
	for (size_t i = 0; i < py_count(errors); i++) {
		strbuf_append(details, details->length ? "\n" : "");
		py_write_str(details, py_get(py_at(errors, i), "message"));
		strbuf_append(details, ": ");
		py_write_str(details, py_get(py_at(errors, i), "details"));
	}
}

/* The output itself raised. */
static bool charge_output(struct prompt_validation *v, const struct py *output, struct py_raised *thrown,
			  struct py_raised *raised)
{
	struct py *reasons = py_list();
	bool fine = !thrown->no_memory && prompt_error_exception(reasons, NULL, thrown);

	py_raised_clear(thrown);
	if (!fine) {
		py_drop(reasons);
		return py_raise_no_memory(raised);
	}
	return prompt_remember(v, output, reasons, raised);
}

static bool validate_output(struct prompt_validation *v, const struct py *output, struct prompt_answer *answer,
			    struct strbuf *details, struct py_raised *raised)
{
	struct py_raised thrown = PY_RAISED_INIT;
	bool valid = false;

	if (!prompt_check_node(v, output, &valid, &thrown)) {
		valid = false;
		if (!charge_output(v, output, &thrown, raised))
			return false;
	}
	if (valid)
		return py_append(answer->good, py_take(output)) || py_raise_no_memory(raised);
	write_details(details, py_get_n(v->memory, output->text.bytes, output->text.length));
	return list_errors(v, answer->node_errors, output) || py_raise_no_memory(raised);
}

static bool validate_outputs(struct prompt_validation *v, const struct py *outputs, struct prompt_answer *answer,
			     struct py_raised *raised)
{
	struct strbuf details = STRBUF_INIT;
	bool fine = true;

	v->memory = py_map();
	if (!v->memory)
		return py_raise_no_memory(raised);
	for (size_t i = 0; fine && i < py_count(outputs); i++)
		fine = validate_output(v, py_at(outputs, i), answer, &details, raised);
	answer->accepted = fine && py_count(answer->good);
	if (fine && !answer->accepted) {
		answer->error = strbuf_ok(&details)
					? prompt_error("prompt_outputs_failed_validation", "Prompt outputs failed validation",
						       py_text_n(strbuf_text(&details), details.length), py_map())
					: NULL;
		fine = answer->error || py_raise_no_memory(raised);
	}
	strbuf_free(&details);
	py_drop(v->memory);
	return fine;
}

/* What Python does with a prompt that is no map: iterates it, and indexes it with what comes. */
static bool raise_for_shape(const struct py *prompt, struct py_raised *raised)
{
	if (prompt->kind == PY_TEXT && prompt->text.length)
		return py_raise(raised, "TypeError", "string indices must be integers, not 'str'");
	if (prompt->kind == PY_LIST && py_count(prompt)) {
		const struct py *first = py_at(prompt, 0);

		if (first->kind == PY_INTEGER || first->kind == PY_BOOL)
			return py_raise(raised, "IndexError", "list index out of range");
		return py_raise(raised, "TypeError", "list indices must be integers or slices, not %s", py_type(first));
	}
	if (prompt->kind == PY_TEXT || prompt->kind == PY_LIST)
		return true;
	return py_raise(raised, "TypeError", "'%s' object is not iterable", py_type(prompt));
}

bool prompt_validate(const struct prompt_classes *classes, struct py *prompt, const struct py *targets, unsigned depth_most,
		     struct prompt_answer *answer, struct py_raised *raised)
{
	struct prompt_validation v = { .classes = classes, .prompt = prompt, .depth_most = depth_most };
	struct py *outputs;
	bool fine = true;

	*answer = (struct prompt_answer) { .good = py_list(), .node_errors = py_map() };
	if (!answer->good || !answer->node_errors)
		return py_raise_no_memory(raised);
	if (prompt->kind != PY_MAP && !raise_for_shape(prompt, raised))
		return false;
	outputs = find_outputs(classes, prompt->kind == PY_MAP ? prompt : NULL,
			       targets && targets->kind != PY_NONE ? targets : NULL, answer, raised);
	if (!outputs)
		return !py_is_raised(raised);
	if (py_count(outputs)) {
		fine = validate_outputs(&v, outputs, answer, raised);
	} else {
		answer->error = prompt_error("prompt_no_outputs", "Prompt has no outputs", py_text(""), py_map());
		fine = answer->error || py_raise_no_memory(raised);
	}
	py_drop(outputs);
	return fine;
}

void prompt_answer_free(struct prompt_answer *answer)
{
	py_drop(answer->error);
	py_drop(answer->good);
	py_drop(answer->node_errors);
}
