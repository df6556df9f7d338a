/* container.c - from the bytes of a file to a canvas or a prompt.
 *
 * A picture or video gives its canvas, else its prompt. A text is read as the server's Python reads it, which takes all that a browser takes and
 * more; a canvas is then read again as a browser reads it, and refused where that does. Prompts come alone, as the body of POST
 * /prompt, as an entry of the history, alone or under its id, and as the list [number, id, prompt, ...] that queue and history have.
 */
#include "core/workflow/frontend/container.h"

#include <string.h>

#include "core/workflow/frontend/media.h"
#include "core/workflow/frontend/ui_api.h"

/* ---- prompts ---- */

/* A list as queue and history have it. */
static struct js_value *prompt_of_list(const struct js_value *list)
{
	struct js_value *prompt = js_at(list, 2);

	return ui_api_is_prompt(prompt) ? prompt : NULL;
}

static struct js_value *prompt_of_member(const struct js_value *object)
{
	struct js_value *member = js_get(object, "prompt");

	if (ui_api_is_prompt(member))
		return member;
	return prompt_of_list(member);
}

static struct js_value *find_prompt(struct js_value *value)
{
	struct js_value *prompt;

	if (ui_api_is_prompt(value))
		return value;
	prompt = value->type == JS_LIST ? prompt_of_list(value) : prompt_of_member(value);
	if (!prompt && value->type == JS_OBJECT && value->count == 1) /* {id: entry} */
		prompt = prompt_of_member(value->members[0].value);
	return prompt;
}

/* ---- canvases ---- */

static bool is_canvas(const struct js_value *value)
{
	return value->type == JS_OBJECT && (js_get(value, "nodes")->type != JS_UNDEFINED || value->count == 0);
}

static bool read_text(struct ui_load *load, struct media_text text, struct contents *contents)
{
	const char *where = load->request->where;
	struct js_value *value = js_parse(load->arena, text.text, text.length, JS_PYTHON, where, load->e);
	const char *inner;

	if (!value)
		return false;
	if (is_canvas(value)) {
		contents->canvas = js_parse(load->arena, text.text, text.length, JS_STRICT, where, load->e);
		return contents->canvas != NULL;
	}
	contents->prompt = find_prompt(value);
	if (contents->prompt)
		return true;
	/* VideoHelperSuite's comment holds the prompt as a text. */
	inner = js_text_of(js_get(value, "prompt"));
	if (inner && !load->inner_text) {
		load->inner_text = true;
		return read_text(load, (struct media_text) { .text = inner, .length = strlen(inner) }, contents);
	}
	if (value->type == JS_OBJECT && js_get(value, "outputs")->type == JS_UNDEFINED && value->count > 1 &&
	    prompt_of_member(value->members[0].value))
		return error_set(load->e, ERROR_FORMAT, "%s: a history of %zu entries; give one of them", where, value->count);
	return error_set(load->e, ERROR_FORMAT, "%s: neither a canvas (it has no nodes) nor a prompt (it has no class_type)",
			 where);
}

/* The canvas inside a comment, which is not read as a file of its own: its text is a member. */
static bool read_comment(struct ui_load *load, struct media_text text, struct contents *contents)
{
	struct js_value *value = js_parse(load->arena, text.text, text.length, JS_STRICT, load->request->where, load->e);

	if (!value)
		return false;
	if (is_canvas(js_get(value, "workflow"))) {
		contents->canvas = js_get(value, "workflow");
		return true;
	}
	return read_text(load, text, contents);
}

static bool read_media(struct ui_load *load, const struct media_format *format, struct contents *contents)
{
	const struct frontend_request *request = load->request;
	struct media_texts texts = { .workflow.text = NULL };

	format->read(load->arena, (const unsigned char *)request->text, request->length, &texts);
	if (texts.workflow.text)
		return read_text(load, texts.workflow, contents);
	if (texts.prompt.text)
		return read_text(load, texts.prompt, contents);
	if (texts.comment.text)
		return read_comment(load, texts.comment, contents);
	return error_set(load->e, ERROR_FORMAT, "%s: no workflow is stored in this %s file", request->where, format->name);
}

bool container_read(struct ui_load *load, struct contents *contents)
{
	const struct frontend_request *request = load->request;
	const struct media_format *format = media_format_of((const unsigned char *)request->text, request->length);

	*contents = (struct contents) { .canvas = NULL };
	if (format)
		return read_media(load, format, contents);
	return read_text(load, (struct media_text) { .text = request->text, .length = request->length }, contents);
}
