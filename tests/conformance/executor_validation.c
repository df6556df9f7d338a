/* executor_validation.c - prompts and the server's exact answers. {"__chain__": n} stands for a chain of n nodes and an output. */
#include <stdio.h>
#include <string.h>

#include "core/workflow/prompt/prompt_validate.h"
#include "tests/conformance/executor_prompts.h"

static bool add_node(struct py *prompt, const char *id, const char *class_type, const char *first, struct py *first_value,
		     struct py *second_value)
{
	struct py *node = py_map();
	struct py *inputs = py_map();
	bool fine = py_set(inputs, first, first_value);

	if (second_value)
		fine = py_set(inputs, "b", second_value) && fine;
	fine = py_set(node, "class_type", py_text(class_type)) && fine;
	fine = py_set(node, "inputs", inputs) && fine;
	return py_set(prompt, id, node) && fine;
}

static struct py *link_to(const char *id)
{
	struct py *link = py_list();

	py_append(link, py_text(id));
	py_append(link, py_integer(0));
	return link;
}

/* TConst '0', TAdd '1' to 'n-1', TOut 'z'. */
struct py *executor_chain(int64_t n)
{
	struct py *prompt = py_map();
	char before[24] = "0";
	char id[24];

	add_node(prompt, "0", "TConst", "value", py_integer(0), NULL);
	for (int64_t i = 1; i < n; i++) {
		snprintf(id, sizeof(id), "%lld", (long long)i);
		add_node(prompt, id, "TAdd", "a", link_to(before), py_integer(1));
		memcpy(before, id, sizeof(before));
	}
	add_node(prompt, "z", "TOut", "v", link_to(before), NULL);
	return prompt;
}

/* Tracebacks are "TB" in the data. */
static void hide_tracebacks(struct py *value)
{
	for (size_t i = 0; i < py_count(value); i++) {
		struct py *item = value->kind == PY_LIST ? py_at(value, i) : value->map.pairs[i].value;

		if (value->kind == PY_MAP && strcmp(value->map.pairs[i].key, "traceback") == 0) {
			py_drop(item);
			value->map.pairs[i].value = py_text("TB");
		} else {
			hide_tracebacks(item);
		}
	}
}

static int compare_errors(const void *a, const void *b)
{
	struct strbuf x = STRBUF_INIT;
	struct strbuf y = STRBUF_INIT;
	int order;

	py_write_repr(&x, *(const struct py *const *)a);
	py_write_repr(&y, *(const struct py *const *)b);
	order = strcmp(strbuf_text(&x), strbuf_text(&y));
	strbuf_free(&x);
	strbuf_free(&y);
	return order;
}

/* Errors of a node come in a set's order upstream, and lines of details, too. */
static void sort_errors(struct py *node_errors)
{
	for (size_t i = 0; i < py_count(node_errors); i++) {
		struct py *errors = py_get(node_errors->map.pairs[i].value, "errors");

		if (py_count(errors))
			qsort(errors->list.items, py_count(errors), sizeof(*errors->list.items), compare_errors);
		py_sort_texts(py_get(node_errors->map.pairs[i].value, "dependent_outputs"));
	}
}

static struct py *sorted_lines(const struct py *text)
{
	struct py *lines = py_list();
	struct strbuf out = STRBUF_INIT;
	struct py *made;

	for (const char *line = text->text.bytes; *line;) {
		size_t length = strcspn(line, "\n");

		py_append(lines, py_text_n(line, length));
		line += length + (line[length] == '\n');
	}
	py_sort_texts(lines);
	for (size_t i = 0; i < py_count(lines); i++)
		strbuf_printf(&out, "%s%s", i ? "\n" : "", py_at(lines, i)->text.bytes);
	made = py_text(strbuf_text(&out));
	py_drop(lines);
	strbuf_free(&out);
	return made;
}

/* Both sides in one order. */
static void put_in_order(struct py *answer)
{
	struct py *error = py_get(answer, "error");

	hide_tracebacks(answer);
	sort_errors(py_get(answer, "node_errors"));
	if (error && error->kind == PY_MAP)
		py_set(error, "details", sorted_lines(py_get(error, "details")));
}

static struct py *row_of(const struct stub_world *world, struct prompt_answer *answer, bool raises, struct py_raised *thrown)
{
	struct py *row = py_map();

	py_set(row, "calls", py_deep_copy(world->calls));
	if (raises) {
		py_set(row, "raises", py_text_format("%s: %s", thrown->type, strbuf_text(&thrown->text)));
		return row;
	}
	py_set(row, "ok", py_bool(answer->accepted));
	py_set(row, "error", answer->error ? py_deep_copy(answer->error) : py_none());
	py_set(row, "good", py_take(answer->good));
	py_sort_texts(py_get(row, "good"));
	py_set(row, "node_errors", py_deep_copy(answer->node_errors));
	return row;
}

bool executor_validation(void *context, const struct py *row, struct py_raised *raised)
{
	struct executor_reader *reader = context;
	const struct py *given = py_get(row, "prompt");
	const struct py *chain = py_get(given, "__chain__");
	const struct py *targets = py_get(row, "targets");
	struct py *prompt = chain ? executor_chain(py_integer_value(chain)) : py_deep_copy(given);
	struct py *alternatives = py_deep_copy(py_get(row, "expect"));
	struct py_raised thrown = PY_RAISED_INIT;
	struct prompt_answer answer;
	struct py *found;
	struct py *encoded;
	bool fine;

	stub_world_begin(reader->world, true);
	fine = prompt_validate(&reader->world->classes, prompt, py_is_text(targets, "absent") ? NULL : targets,
			       PROMPT_DEPTH_DIRECT, &answer, &thrown);
	found = row_of(reader->world, &answer, !fine, &thrown);
	if (py_count(alternatives) && py_get(py_at(alternatives, 0), "prompt_after"))
		py_set(found, "prompt_after", executor_same(prompt, given) ? py_none() : py_deep_copy(prompt));
	encoded = stub_encode(found);
	put_in_order(encoded);
	for (size_t i = 0; i < py_count(alternatives); i++) {
		struct py *other = stub_encode(py_at(alternatives, i));

		put_in_order(other);
		py_drop(alternatives->list.items[i]);
		alternatives->list.items[i] = other;
	}
	executor_compare(reader->tally, py_get(row, "id"), "validation", encoded, alternatives);
	py_drop(found);
	py_drop(encoded);
	py_drop(alternatives);
	py_drop(prompt);
	prompt_answer_free(&answer);
	py_raised_clear(&thrown);
	(void)raised;
	return true;
}
