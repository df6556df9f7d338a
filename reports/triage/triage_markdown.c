/* triage_markdown.c - cards for an issue on a forge.
 *
 * A card is a heading, a table of its lines, the rerun command in a fence and the list of cells folded away. All text from the
 * store is escaped, so that it can neither format, link, mention a user nor leave its table cell.
 */
#include <ctype.h>
#include <string.h>

#include "core/base/units.h"
#include "reports/triage/renderers.h"
#include "reports/triage/triage.h"

/* An underscore between letters is one; elsewhere it may begin emphasis. */
static bool is_inside_word(const char *text, const char *c)
{
	return c > text && isalnum((unsigned char)c[-1]) && isalnum((unsigned char)c[1]);
}

/* Text that Markdown is to take as it is. A handle is not to call anybody. */
static void put_text(struct strbuf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (iscntrl((unsigned char)*c))
			strbuf_append_char(out, ' ');
		else if (*c == '<')
			strbuf_append(out, "&lt;");
		else if (*c == '&')
			strbuf_append(out, "&amp;");
		else if (*c == '@')
			strbuf_append(out, "@&#8203;");
		else if (*c == '_' && is_inside_word(text, c))
			strbuf_append_char(out, '_');
		else
			strbuf_printf(out, "%s%c", strchr("\\`*_[]|~", *c) ? "\\" : "", *c);
	}
}

/* A fence longer than any run of backticks inside. */
static void put_fence(struct strbuf *out, const char *text)
{
	size_t longest = 2;

	for (const char *c = text; *c;) {
		size_t run = strspn(c, "`");

		longest = run > longest ? run : longest;
		c += run ? run : 1;
	}
	for (size_t i = 0; i <= longest; i++)
		strbuf_append_char(out, '`');
}

static void put_command(struct strbuf *out, const char *command)
{
	put_fence(out, command);
	strbuf_append(out, "sh\n");
	for (const char *c = command; *c; c++)
		strbuf_append_char(out, iscntrl((unsigned char)*c) ? ' ' : *c);
	strbuf_append_char(out, '\n');
	put_fence(out, command);
	strbuf_append_char(out, '\n');
}

static void put_title(const json_t *card, struct strbuf *out)
{
	int64_t size_bytes = triage_number(card, "size_bytes", -1);
	const json_t *cell = json_array_get(json_object_get(card, "cells"), 0);
	struct strbuf text = STRBUF_INIT;
	char size[UNITS_TEXT_MAX];

	strbuf_printf(&text, "%s: ", triage_member(card, "class"));
	triage_join(json_object_get(card, "models"), 6, &text);
	if (!triage_member(card, "model")[0])
		strbuf_append(&text, triage_member(card, "device"));
	if (size_bytes >= 0 && json_array_size(json_object_get(card, "models")) < 2)
		strbuf_printf(&text, " (%s)", units_bytes((uint64_t)size_bytes, size));
	strbuf_printf(&text, " at %s, %s", triage_member(card, "stage"), triage_member(cell, "subject"));
	strbuf_append(out, "### ");
	put_text(out, strbuf_text(&text));
	strbuf_append(out, "\n\n");
	strbuf_free(&text);
}

static void put_cells(const json_t *card, struct strbuf *out)
{
	const json_t *cells = json_object_get(card, "cells");
	size_t count = json_array_size(cells);
	const json_t *cell;
	size_t i;

	if (count < 2)
		return;
	strbuf_printf(out, "\n<details><summary>The same in %zu cells</summary>\n\n", count);
	json_array_foreach(cells, i, cell)
	{
		struct strbuf name = STRBUF_INIT;

		triage_cell_name(cell, &name);
		strbuf_append(out, "- ");
		put_text(out, strbuf_text(&name));
		strbuf_append_char(out, '\n');
		strbuf_free(&name);
	}
	strbuf_append(out, "\n</details>\n");
}

static void put_row(void *context, const char *label, const char *text)
{
	struct strbuf *out = context;

	strbuf_printf(out, "| %s | ", label);
	put_text(out, text);
	strbuf_append(out, " |\n");
}

static void put_card(const json_t *card, const char *environment, struct strbuf *out)
{
	put_title(card, out);
	strbuf_append(out, "| | |\n|---|---|\n");
	if (!triage_each_line(card, put_row, out))
		out->failed = true;
	strbuf_append(out, "| environment | ");
	put_text(out, environment);
	strbuf_append(out, " |\n\nTo see it again:\n\n");
	put_command(out, triage_member(card, "rerun"));
	put_cells(card, out);
	strbuf_append_char(out, '\n');
}

static void render(const json_t *triage, unsigned columns, struct strbuf *out)
{
	const json_t *run = json_object_get(triage, "run");
	const json_t *cards = json_object_get(triage, "cards");
	struct strbuf environment = STRBUF_INIT;
	const json_t *card;
	size_t i;

	(void)columns; /* whoever shows Markdown wraps it */
	triage_environment(triage, &environment);
	strbuf_append(out, "## Findings of run ");
	put_text(out, triage_member(run, "id"));
	strbuf_printf(out, "\n\n%zu in %lld cells, on %zu cards%s.\n\n", triage_finding_count(triage),
		      (long long)triage_number(triage, "cells", 0), json_array_size(cards),
		      strcmp(triage_member(run, "state"), "finished") != 0 ? "; the run did not finish" : "");
	json_array_foreach(cards, i, card)
	{
		put_card(card, strbuf_text(&environment), out);
	}
	if (json_array_size(cards))
		strbuf_append(out, "CC is ComfyUI, MG is ComfyUI-MultiGPU; numbers are issues or pull requests.\n");
	strbuf_free(&environment);
}

const struct card_renderer triage_renderer_markdown = {
	.name = "markdown",
	.render = render,
};
