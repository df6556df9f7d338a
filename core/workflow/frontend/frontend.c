/* frontend.c - one conversion from text to text.
 *
 * All that a conversion makes lives in one arena, whose escape is also how it ends early: memory that ran out, or a canvas for which the
 * front end makes no prompt (ui_fail).
 */
#include "core/workflow/frontend/frontend.h"

#include "core/workflow/frontend/container.h"
#include "core/workflow/frontend/ui_api.h"
#include "core/workflow/frontend/ui_prompt.h"

static void note_unknown(const struct ui_graph *graph, struct js_value *noted, struct ui_load *load)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct ui_node *node = graph->nodes[i];

		if (node->role != UI_UNKNOWN || js_get(noted, node->type)->type != JS_UNDEFINED)
			continue;
		js_put(load->arena, noted, node->type, &js_true);
		strbuf_printf(load->request->unknown_classes, "%s\n", node->type);
	}
}

static struct js_value *prompt_of(struct ui_load *load)
{
	struct js_value *noted = js_object(load->arena);

	if (load->request->unknown_classes) {
		note_unknown(load->root, noted, load);
		for (size_t i = 0; i < load->definition_count; i++)
			note_unknown(load->definitions[i], noted, load);
	}
	return ui_prompt(load);
}

/* A prompt's numbers as a browser has them. NULL with e set where it does not take the text. */
static struct js_value *as_doubles(struct ui_load *load, const struct js_value *prompt)
{
	strbuf_clear(&load->scratch);
	js_write(prompt, JS_PYTHON, &load->scratch);
	if (!strbuf_ok(&load->scratch))
		longjmp(load->arena->escape, 1);
	return js_parse(load->arena, strbuf_text(&load->scratch), load->scratch.length, JS_STRICT, load->request->where,
			load->e);
}

static bool convert(struct ui_load *load, struct strbuf *out)
{
	enum js_dialect dialect = JS_STRICT;
	struct contents contents;
	struct js_value *prompt;

	if (!container_read(load, &contents))
		return false;
	if (contents.canvas) {
		prompt = ui_load_file(load, contents.canvas) ? prompt_of(load) : js_object(load->arena);
	} else if (load->request->rebuild) {
		prompt = as_doubles(load, contents.prompt);
		if (!prompt || !ui_api_load(load, prompt))
			return false;
		prompt = prompt_of(load);
	} else {
		prompt = contents.prompt;
		dialect = JS_PYTHON;
	}
	js_write(prompt, dialect, out);
	return strbuf_ok(out) || error_no_memory(load->e);
}

static bool run_or_escape(struct ui_load *load, bool (*work)(struct ui_load *, struct strbuf *), struct strbuf *out)
{
	if (setjmp(load->arena->escape) == 0)
		return work(load, out);
	return error_is_set(load->e) ? false : error_no_memory(load->e);
}

static char *run(const struct frontend_request *request, bool (*work)(struct ui_load *, struct strbuf *), struct error *e)
{
	struct arena arena = { .blocks = NULL };
	struct ui_load load = { .arena = &arena, .e = e, .version = request->version, .request = request };
	struct strbuf out = STRBUF_INIT;
	bool fine = run_or_escape(&load, work, &out);

	arena_free(&arena);
	strbuf_free(&load.scratch);
	if (fine)
		return strbuf_finish(&out, e);
	strbuf_free(&out);
	return NULL;
}

char *frontend_convert(const struct frontend_request *request, struct error *e)
{
	return run(request, convert, e);
}

/* ---- a class ---- */

static struct js_value *texts(struct ui_load *load, const char *a, const char *b, const char *c, bool three)
{
	struct js_value *list = js_list(load->arena);

	js_push(load->arena, list, js_text(load->arena, a));
	js_push(load->arena, list, js_text(load->arena, b));
	if (three)
		js_push(load->arena, list, c ? js_text(load->arena, c) : &js_null);
	return list;
}

static struct js_value *widget_rows(struct ui_load *load, const struct ui_node *node)
{
	struct js_value *rows = js_list(load->arena);

	for (size_t i = 0; i < node->widget_count; i++) {
		const struct ui_widget *widget = &node->widgets[i];
		struct js_value *row = js_list(load->arena);

		js_push(load->arena, row, js_text(load->arena, widget->name));
		js_push(load->arena, row, widget->value);
		js_push(load->arena, row, js_number(load->arena, widget->sent));
		js_push(load->arena, row, js_number(load->arena, widget->stored));
		js_push(load->arena, rows, row);
	}
	return rows;
}

static bool describe(struct ui_load *load, struct strbuf *out)
{
	struct ui_graph graph = { .file = &js_undefined };
	struct js_value *row = js_object(load->arena);
	struct js_value *inputs = js_list(load->arena);
	struct js_value *outputs = js_list(load->arena);
	const char *class = load->request->where;
	const struct ui_node *node;

	if (ui_class_find(load, class)->type != JS_OBJECT)
		return error_set(load->e, ERROR_MISSING, "no class %s", class);
	node = ui_node_new(load, &graph, class, class);
	for (size_t i = 0; i < node->slot_count; i++)
		js_push(load->arena, inputs,
			texts(load, node->slots[i].name, node->slots[i].type, node->slots[i].widget, true));
	for (size_t i = 0; i < node->output_count; i++)
		js_push(load->arena, outputs, texts(load, node->outputs[i].name, node->outputs[i].type, NULL, false));
	js_put(load->arena, row, "class", js_text(load->arena, class));
	js_put(load->arena, row, "title", js_text(load->arena, node->title));
	js_put(load->arena, row, "virtual", node->role == UI_VIRTUAL ? &js_true : &js_false);
	js_put(load->arena, row, "widgets", widget_rows(load, node));
	js_put(load->arena, row, "inputs", inputs);
	js_put(load->arena, row, "outputs", outputs);
	js_write(row, JS_STRICT, out);
	return strbuf_ok(out) || error_no_memory(load->e);
}

char *frontend_class_text(const struct frontend_classes *classes, const char *class, enum frontend_version version,
			  struct error *e)
{
	struct frontend_request request = { .where = class, .version = version, .classes = classes };

	return run(&request, describe, e);
}
