/* A sweep for a terminal. */
#include <string.h>

#include "core/base/utf8.h"
#include "reports/sweep/sweep.h"

#define ID_SHOWN 9
#define DATE_COLUMNS 10
#define CELL_COLUMNS_MOST 34
#define GRID_SPACED_MOST 20 /* cells; more stand without blanks */

struct page {
	const json_t *sweep;
	struct strbuf *out;
	unsigned columns, cell_columns;
	/* Of cells with one history: the first, and the next one whose name is to stand at a line's start. */
	size_t cell, next_name;
};

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static const json_t *commits_of(const struct page *page)
{
	return json_object_get(page->sweep, "commits");
}

static const json_t *cells_of(const struct page *page)
{
	return json_object_get(page->sweep, "cells");
}

/* As much of a text as fits; cut texts end in three dots. */
static void put_cut(struct strbuf *out, const char *text, size_t columns)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = strlen(text);
	size_t fits = 0;
	size_t width = 0;

	for (size_t length; (length = utf8_length(p, left)) > 0; p += length, left -= length, width++) {
		if (width + 3 <= columns)
			fits = (size_t)((const char *)p - text);
	}
	if (width <= columns)
		fits = strlen(text) - left;
	strbuf_append_n(out, text, fits);
	if (width > columns)
		strbuf_append(out, "...");
}

/* ---- cells that have one history ---- */

static bool have_one_history(const json_t *a, const json_t *b)
{
	const json_t *known;
	size_t i;

	json_array_foreach(json_object_get(a, "history"), i, known)
	{
		const json_t *other = json_array_get(json_object_get(b, "history"), i);

		if (strcmp(member(known, "verdict"), member(other, "verdict")) != 0 ||
		    strcmp(member(known, "why"), member(other, "why")) != 0 ||
		    strcmp(member(known, "outcomes"), member(other, "outcomes")) != 0)
			return false;
	}
	return true;
}

/* The first cell from `from` on that is like the page's. */
static size_t next_like(const struct page *page, size_t from)
{
	const json_t *cell = json_array_get(cells_of(page), page->cell);

	while (from < json_array_size(cells_of(page)) && !have_one_history(cell, json_array_get(cells_of(page), from)))
		from++;
	return from;
}

/* Turns to a cell; false where one before it is like it, and has told of both. */
static bool turn_to(struct page *page, size_t cell)
{
	page->cell = page->next_name = cell;
	return next_like(page, 0) == cell;
}

/* A line's start: the name of one more cell that it tells of, or blanks. */
static void put_left(struct page *page)
{
	const char *name = "";

	if (page->next_name < json_array_size(cells_of(page))) {
		name = member(json_array_get(cells_of(page), page->next_name), "cell");
		page->next_name = next_like(page, page->next_name + 1);
	}
	strbuf_printf(page->out, "%-*s  ", (int)page->cell_columns, name);
}

/* Those that no line was left for. */
static void put_names_left(struct page *page)
{
	while (page->next_name < json_array_size(cells_of(page))) {
		strbuf_printf(page->out, "%s\n", member(json_array_get(cells_of(page), page->next_name), "cell"));
		page->next_name = next_like(page, page->next_name + 1);
	}
}

/* A text on as many lines as it takes, each behind `indent` blanks or, where that is 0, behind a cell's name; words that are longer
 * than a line go past it. */
static void put_lines(struct page *page, size_t indent, const char *text)
{
	size_t width = page->columns - (indent ? indent : page->cell_columns + 2);

	while (*text) {
		size_t length = strlen(text);

		if (length > width) {
			for (length = width; length > 0 && text[length] != ' ';)
				length--;
			if (length == 0)
				length = strcspn(text, " ");
		}
		if (indent)
			strbuf_printf(page->out, "%*s", (int)indent, "");
		else
			put_left(page);
		strbuf_append_n(page->out, text, length);
		strbuf_append_char(page->out, '\n');
		text += length + strspn(text + length, " ");
	}
}

static void put_commit(const struct page *page, const json_t *commit)
{
	strbuf_printf(page->out, "%-*.*s  %-*s  ", ID_SHOWN, ID_SHOWN, member(commit, "commit"), DATE_COLUMNS,
		      member(commit, "date"));
}

/* ---- the head ---- */

static void put_head(const struct page *page)
{
	const json_t *sweep = json_object_get(page->sweep, "sweep");
	size_t listed = json_array_size(commits_of(page));
	size_t commit_count = listed ? listed - 1 : 0; /* without the one before */
	size_t cell_count = json_array_size(cells_of(page));

	strbuf_printf(page->out, "%s, %s: %zu commit%s and the one before, %zu cell%s\n", member(sweep, "repository"),
		      member(sweep, "range"), commit_count, commit_count == 1 ? "" : "s", cell_count,
		      cell_count == 1 ? "" : "s");
	strbuf_printf(page->out, "%zu run, %zu not run", sweep_count(page->sweep, "run"), sweep_count(page->sweep, "not_run"));
	if (sweep_count(page->sweep, "waiting"))
		strbuf_printf(page->out, ", %zu not yet", sweep_count(page->sweep, "waiting"));
	if (sweep_count(page->sweep, "untrustworthy"))
		strbuf_printf(page->out, "; %zu verdicts untrustworthy", sweep_count(page->sweep, "untrustworthy"));
	strbuf_append(page->out, "\n\n");
}

/* ---- changes ---- */

static void put_detail(struct page *page, const char *text)
{
	put_lines(page, 0, text);
}

static void put_change(struct page *page, const json_t *known, const char *from, size_t unknown)
{
	const json_t *commit = json_array_get(commits_of(page), (size_t)json_integer_value(json_object_get(known, "number")));
	size_t used = page->cell_columns + 2 + ID_SHOWN + 2 + DATE_COLUMNS + 2 + 6 + 6;
	char or_earlier[96];

	put_left(page);
	put_commit(page, commit);
	strbuf_printf(page->out, "%-4s  %-4s  ", from, member(known, "verdict"));
	put_cut(page->out, member(commit, "summary"), page->columns > used ? page->columns - used : 0);
	strbuf_append_char(page->out, '\n');
	if (unknown) {
		snprintf(or_earlier, sizeof(or_earlier), "at the latest: of the %zu before it nothing is known", unknown);
		put_detail(page, or_earlier);
	}
	put_detail(page, member(known, "why"));
	put_detail(page, member(known, "outcomes"));
}

/* Rows of one cell: its changes; with `all` also where it fails, or passes, in another way. Returns how many. */
static size_t put_changes(struct page *page, const json_t *cell, bool all)
{
	const json_t *before = NULL;
	size_t unknown = 0;
	size_t count = 0;
	const json_t *known;
	size_t i;

	json_array_foreach(json_object_get(cell, "history"), i, known)
	{
		const char *verdict = member(known, "verdict");
		bool differs;

		if (strcmp(verdict, "PASS") != 0 && strcmp(verdict, "FAIL") != 0) {
			unknown++;
			continue;
		}
		differs = before && (strcmp(member(before, "verdict"), verdict) != 0 ||
				     (all && strcmp(member(before, "outcomes"), member(known, "outcomes")) != 0));
		if (differs) {
			put_change(page, known, member(before, "verdict"), unknown);
			count++;
		}
		before = known;
		unknown = 0;
	}
	return count;
}

static void put_table(struct page *page, bool all)
{
	const json_t *cell;
	size_t all_count = 0;
	size_t c;

	strbuf_printf(page->out, "%-*s  %-*s  %-*s  %-4s  %-4s  %s\n", (int)page->cell_columns, "cell", ID_SHOWN, "commit",
		      DATE_COLUMNS, "date", "from", "to", "message");
	json_array_foreach(cells_of(page), c, cell)
	{
		size_t count = turn_to(page, c) ? put_changes(page, cell, all) : 0;

		if (count)
			put_names_left(page);
		all_count += count;
	}
	if (!all_count)
		strbuf_append(page->out, "(no cell changed)\n");
}

/* ---- what did not change ---- */

static void put_steady_cell(struct page *page, const json_t *cell)
{
	const json_t *last = NULL;
	size_t count = 0;
	const json_t *known;
	size_t i;

	json_array_foreach(json_object_get(cell, "history"), i, known)
	{
		const char *verdict = member(known, "verdict");

		if (strcmp(verdict, "PASS") != 0 && strcmp(verdict, "FAIL") != 0)
			continue;
		last = known;
		count++;
	}
	put_left(page);
	if (last)
		strbuf_printf(page->out, "%s at each of the %zu that ran\n", member(last, "verdict"), count);
	else
		strbuf_append(page->out, "nothing is known of it\n");
	put_detail(page, member(last, "why"));
	put_detail(page, member(last, "outcomes"));
	put_names_left(page);
}

static void put_steady(struct page *page)
{
	const json_t *cell;
	bool begun = false;
	size_t c;

	json_array_foreach(cells_of(page), c, cell)
	{
		if (json_array_size(json_object_get(cell, "changes")) || !turn_to(page, c))
			continue;
		if (!begun)
			strbuf_append(page->out, "\nwithout a change:\n");
		begun = true;
		put_steady_cell(page, cell);
	}
}

/* ---- what could not be run ---- */

static void put_not_run(struct page *page)
{
	const json_t *commit;
	bool begun = false;
	size_t i;

	json_array_foreach(commits_of(page), i, commit)
	{
		if (strcmp(member(commit, "state"), "not run") != 0)
			continue;
		if (!begun)
			strbuf_append(page->out, "\nnot run:\n");
		begun = true;
		put_commit(page, commit);
		put_cut(page->out, member(commit, "summary"), page->columns - ID_SHOWN - DATE_COLUMNS - 4);
		strbuf_append_char(page->out, '\n');
		put_lines(page, ID_SHOWN + 2, member(commit, "why"));
	}
}

static void put_untrustworthy(struct page *page)
{
	const json_t *cell;
	const json_t *known;
	bool begun = false;
	size_t c;
	size_t i;

	json_array_foreach(cells_of(page), c, cell)
	{
		json_array_foreach(json_object_get(cell, "history"), i, known)
		{
			if (strcmp(member(known, "verdict"), "UNTRUSTWORTHY") != 0)
				continue;
			if (!begun)
				strbuf_append(page->out, "\nuntrustworthy:\n");
			begun = true;
			strbuf_printf(page->out, "%-*s  %.*s\n", (int)page->cell_columns, member(cell, "cell"), ID_SHOWN,
				      member(json_array_get(commits_of(page), i), "commit"));
			put_lines(page, page->cell_columns + 2, member(known, "why"));
		}
	}
}

/* ---- the whole history ---- */

static char letter_of(const json_t *known, const json_t *commit)
{
	const char *verdict = member(known, "verdict");

	if (verdict[0])
		return verdict[0] == 'U' ? '?' : verdict[0];
	return strcmp(member(commit, "state"), "waiting") == 0 ? '.' : '-';
}

static void put_grid_row(const struct page *page, const json_t *commit, size_t number, const char *between)
{
	size_t cell_count = json_array_size(cells_of(page));
	size_t used = ID_SHOWN + 2 + DATE_COLUMNS + 2 + cell_count * (1 + strlen(between)) + 1;
	const json_t *cell;
	size_t c;

	put_commit(page, commit);
	json_array_foreach(cells_of(page), c, cell)
	{
		const json_t *known = json_array_get(json_object_get(cell, "history"), number);

		strbuf_printf(page->out, "%c%s", letter_of(known, commit), between);
	}
	strbuf_append_char(page->out, ' ');
	put_cut(page->out, member(commit, "summary"), page->columns > used + 4 ? page->columns - used : 0);
	strbuf_append_char(page->out, '\n');
}

static void put_grid(struct page *page)
{
	const char *between = json_array_size(cells_of(page)) > GRID_SPACED_MOST ? "" : " ";
	struct strbuf names = STRBUF_INIT;
	const json_t *value;
	size_t i;

	json_array_foreach(cells_of(page), i, value) strbuf_printf(&names, "%s%s", i ? ", " : "", member(value, "cell"));
	strbuf_append(page->out,
		      "\neach commit: P passes, F fails, ? untrustworthy, - not run, . not yet\ncells from the left:\n");
	put_lines(page, 2, strbuf_text(&names));
	page->out->failed |= names.failed;
	strbuf_free(&names);
	json_array_foreach(commits_of(page), i, value) put_grid_row(page, value, i, between);
}

void sweep_text(const json_t *sweep, unsigned columns, bool all, struct strbuf *out)
{
	struct page page = { .sweep = sweep, .out = out, .columns = columns, .cell_columns = 4 };
	const json_t *cell;
	size_t c;

	json_array_foreach(cells_of(&page), c, cell)
	{
		size_t width = strlen(member(cell, "cell"));

		if (width > page.cell_columns)
			page.cell_columns = width > CELL_COLUMNS_MOST ? CELL_COLUMNS_MOST : (unsigned)width;
	}
	if (page.columns < page.cell_columns + 40)
		page.columns = page.cell_columns + 40;
	put_head(&page);
	put_table(&page, all);
	put_steady(&page);
	put_not_run(&page);
	put_untrustworthy(&page);
	if (all)
		put_grid(&page);
}
