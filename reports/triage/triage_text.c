/* triage_text.c - cards for a terminal.
 *
 * Lines wrap at the given width behind a column of labels. Only the rerun command, which must stay pasteable, and words longer
 * than a line go past it. Control characters from the store become '?'.
 */
#include <ctype.h>
#include <string.h>

#include "core/base/units.h"
#include "reports/triage/renderers.h"
#include "reports/triage/triage.h"

#define LABEL_COLUMNS 14 /* two blanks, the label, blanks */
#define CELLS_SHOWN 12

struct wrapping {
	struct strbuf *out;
	size_t columns, column;
	size_t indent; /* of the lines after the first */
	bool at_start; /* of a line */
	const char *continuation; /* before a line's end inside a command; "" else */
};

static void new_line(struct wrapping *w)
{
	strbuf_printf(w->out, "%s\n%*s", w->continuation, (int)w->indent, "");
	w->column = w->indent;
	w->at_start = true;
}

static void put_word(struct wrapping *w, const char *word, size_t length)
{
	if (!w->at_start && w->column + 1 + length + strlen(w->continuation) > w->columns)
		new_line(w);
	if (!w->at_start)
		strbuf_append_char(w->out, ' ');
	w->column += length + !w->at_start;
	w->at_start = false;
	for (size_t i = 0; i < length; i++)
		strbuf_append_char(w->out, iscntrl((unsigned char)word[i]) ? '?' : word[i]);
}

/* Up to the next blank; in a command, where quotes may hold blanks, what the shell takes for one word. */
static size_t word_length(const char *text, bool is_command)
{
	size_t length = 0;
	bool quoted = false;

	while (text[length] && (quoted || text[length] != ' ')) {
		quoted ^= is_command && text[length] == '\'';
		length++;
	}
	return length;
}

/* What is not to be torn: a word, or an option with its value. */
static size_t piece_length(const char *text, bool is_command)
{
	size_t length = word_length(text, is_command);

	if (is_command && strncmp(text, "--", 2) == 0 && !memchr(text, '=', length) && text[length] == ' ' &&
	    strncmp(text + length + 1, "--", 2) != 0)
		length += 1 + word_length(text + length + 1, true);
	return length;
}

static void put_words(struct wrapping *w, const char *text)
{
	bool is_command = w->continuation[0] != '\0';

	while (*text) {
		size_t length = piece_length(text, is_command);

		if (length)
			put_word(w, text, length);
		text += length + (text[length] == ' ');
	}
	strbuf_append_char(w->out, '\n');
}

static void put_line(struct strbuf *out, unsigned columns, const char *label, const char *text, bool is_command)
{
	struct wrapping w = { .out = out,
			      .columns = columns,
			      .column = LABEL_COLUMNS,
			      .indent = LABEL_COLUMNS,
			      .at_start = true,
			      .continuation = is_command ? " \\" : "" };

	if (!text[0])
		return;
	strbuf_printf(out, "  %-*s", LABEL_COLUMNS - 2, label);
	put_words(&w, text);
}

/* "engine:stock" is stock; a planner has no policy. */
static const char *whose(const json_t *card)
{
	const json_t *cell = json_array_get(json_object_get(card, "cells"), 0);

	return triage_member(cell, "policy")[0] ? triage_member(cell, "policy") : triage_member(cell, "subject");
}

static void write_title(const json_t *card, struct strbuf *out)
{
	int64_t size_bytes = triage_number(card, "size_bytes", -1);
	const char *kind = triage_member(card, "kind");
	const char *device = triage_member(card, "device");
	size_t cells = json_array_size(json_object_get(card, "cells"));
	const json_t *models = json_object_get(card, "models");
	char size[UNITS_TEXT_MAX];

	strbuf_printf(out, "[%lld] %s%s", (long long)triage_number(card, "number", 0), triage_member(card, "class"),
		      json_array_size(models) ? " " : "");
	triage_join(models, 6, out);
	if (json_array_size(models) < 2) { /* size and kind are the first model's; the others may have other ones */
		if (size_bytes >= 0)
			strbuf_printf(out, ", %s", units_bytes((uint64_t)size_bytes, size));
		strbuf_printf(out, "%s%s", kind[0] ? " " : "", kind);
	}
	strbuf_printf(out, "%s%s", device[0] ? ", on " : "", device);
	strbuf_printf(out, ", under %s (%zu cell%s)", whose(card), cells, cells == 1 ? "" : "s");
}

static void put_title(const json_t *card, unsigned columns, struct strbuf *out)
{
	struct wrapping w = { .out = out, .columns = columns, .indent = 4, .at_start = true, .continuation = "" };
	struct strbuf title = STRBUF_INIT;

	write_title(card, &title);
	put_words(&w, strbuf_text(&title));
	if (!strbuf_ok(&title))
		out->failed = true;
	strbuf_free(&title);
}

static void put_cells(const json_t *card, unsigned columns, struct strbuf *out)
{
	const json_t *cells = json_object_get(card, "cells");
	struct strbuf names = STRBUF_INIT;
	const json_t *cell;
	size_t i;

	json_array_foreach(cells, i, cell)
	{
		if (i == CELLS_SHOWN) {
			strbuf_printf(&names, " and %zu more (--json lists all)", json_array_size(cells) - i);
			break;
		}
		strbuf_append(&names, i ? ", " : "");
		triage_cell_name(cell, &names);
	}
	put_line(out, columns, "cells", strbuf_text(&names), false);
	if (!strbuf_ok(&names))
		out->failed = true;
	strbuf_free(&names);
}

struct card_target {
	struct strbuf *out;
	unsigned columns;
};

static void put_card_line(void *context, const char *label, const char *text)
{
	const struct card_target *target = context;

	put_line(target->out, target->columns, label, text, false);
}

static void put_card(const json_t *card, unsigned columns, struct strbuf *out)
{
	struct card_target target = { .out = out, .columns = columns };

	put_title(card, columns, out);
	if (!triage_each_line(card, put_card_line, &target))
		out->failed = true;
	put_cells(card, columns, out);
	put_line(out, columns, "again", triage_member(card, "rerun"), true);
}

static void render(const json_t *triage, unsigned columns, struct strbuf *out)
{
	const json_t *run = json_object_get(triage, "run");
	const json_t *cards = json_object_get(triage, "cards");
	struct strbuf environment = STRBUF_INIT;
	const json_t *card;
	size_t i;

	triage_environment(triage, &environment);
	put_line(out, columns, "run", triage_member(run, "id"), false);
	put_line(out, columns, "command", triage_member(run, "command"), true);
	put_line(out, columns, "environment", strbuf_text(&environment), false);
	strbuf_free(&environment);
	if (strcmp(triage_member(run, "state"), "finished") != 0)
		put_line(out, columns, "beware", "this run did not finish: there may be more", false);
	if (triage_untrustworthy_count(triage)) {
		char text[96];

		snprintf(text, sizeof(text), "%zu cells are untrustworthy: what they found may be wrong",
			 triage_untrustworthy_count(triage));
		put_line(out, columns, "beware", text, false);
	}
	strbuf_printf(out, "  %-*s%zu in %lld cells, on %zu card%s\n", LABEL_COLUMNS - 2, "findings",
		      triage_finding_count(triage), (long long)triage_number(triage, "cells", 0), json_array_size(cards),
		      json_array_size(cards) == 1 ? "" : "s");
	json_array_foreach(cards, i, card)
	{
		strbuf_append_char(out, '\n');
		put_card(card, columns, out);
	}
	if (json_array_size(cards))
		strbuf_append(out, "\nCC is ComfyUI, MG is ComfyUI-MultiGPU; numbers are issues or pull requests.\n");
}

const struct card_renderer triage_renderer_text = {
	.name = "text",
	.render = render,
};
