/* A timeline per cell: stages across, models down, what was lost and why. */
#include <stdio.h>
#include <string.h>

#include "core/base/units.h"
#include "reports/render/html.h"
#include "db/query.h"
#include "db/records/cell_axes.h"

static const char *class_of(const char *verdict)
{
	return strcmp(verdict, "PASS") == 0 ? "pass" : strcmp(verdict, "FAIL") == 0 ? "fail" : "untrustworthy";
}

/* "prompt; post unload_models": what the scenario did in a cycle. */
static bool cycle_heading(struct strbuf *page, struct store *store, const struct query *cycle, const char *run, int64_t cell,
			  struct error *e)
{
	struct query q;

	strbuf_printf(page, "<th class=\"cycle\" colspan=\"%lld\">cycle %lld", (long long)query_integer(cycle, 1),
		      (long long)query_integer(cycle, 0));
	query_begin(
		&q, store,
		"SELECT a.kind || ' ' || a.detail FROM v_actions a WHERE a.run = ?1 AND a.cell = ?2 AND a.cycle = ?3 ORDER BY "
		"a.number",
		run, cell, e);
	if (!q.failed)
		sqlite3_bind_int64(q.statement, 3, query_integer(cycle, 0));
	for (bool first = true; query_next(&q); first = false) {
		strbuf_append(page, first ? ": " : ", ");
		html_text(page, query_text(&q, 0));
	}
	strbuf_append(page, "</th>");
	return query_end(&q);
}

static bool cycles(struct strbuf *page, struct store *store, const char *run, int64_t cell, struct error *e)
{
	struct query q;
	bool fine = true;

	strbuf_append(page, "<div class=\"scroll\"><table><tr><th></th>");
	query_begin(&q, store, "SELECT cycle, count(*) FROM v_stages WHERE run = ?1 AND cell = ?2 GROUP BY 1 ORDER BY 1", run,
		    cell, e);
	while (fine && query_next(&q))
		fine = cycle_heading(page, store, &q, run, cell, e);
	strbuf_append(page, "</tr>\n");
	return query_end(&q) && fine;
}

static bool stages(struct strbuf *page, struct store *store, const char *run, int64_t cell, struct error *e)
{
	struct query q;

	if (!cycles(page, store, run, cell, e))
		return false;
	strbuf_append(page, "<tr><th>model</th>");
	query_begin(&q, store, "SELECT stage FROM v_stages WHERE run = ?1 AND cell = ?2 ORDER BY snapshot", run, cell, e);
	while (query_next(&q)) {
		strbuf_append(page, "<th class=\"stage\">");
		html_text(page, query_text(&q, 0));
		strbuf_append(page, "</th>");
	}
	strbuf_append(page, "</tr>\n");
	return query_end(&q);
}

/* Absence stands out where the model was to be kept, and is plain where it was to go. */
static const char *class_of_state(const char *state, bool kept)
{
	if (!kept && strcmp(state, "dead") == 0)
		return "went";
	return kept && strcmp(state, "unloaded") == 0 ? "missing" : state;
}

/* A row a model, a column a stage; begun by the query's first four columns. */
static void begin_row(struct strbuf *page, const struct query *q, bool first)
{
	char size[UNITS_TEXT_MAX];

	strbuf_append(page, first ? "<tr><th class=\"model\">" : "</tr>\n<tr><th class=\"model\">");
	html_text(page, query_text(q, 1));
	strbuf_printf(page, " <span class=\"small\">%s, %s</span></th>", query_text(q, 3),
		      units_bytes((uint64_t)query_integer(q, 2), size));
}

static bool states(struct strbuf *page, struct store *store, const char *run, int64_t cell, struct error *e)
{
	struct query q;
	int64_t last = 0;

	query_begin(
		&q, store,
		"SELECT o.model, o.name || CASE WHEN o.generation > 1 THEN '#' || o.generation ELSE '' END, o.size_bytes,"
		" CASE o.keep WHEN 1 THEN 'kept' WHEN 0 THEN 'not kept' ELSE 'no flag' END, t.state, t.bytes_on_compute,"
		" s.cycle <> coalesce(lag(s.cycle) OVER (PARTITION BY o.model ORDER BY s.snapshot), -1)"
		" FROM v_objects o JOIN v_stages s ON s.run = o.run AND s.cell = o.cell LEFT JOIN v_timeline t ON t.run = "
		"o.run AND t.cell = o.cell AND t.model = o.model AND t.snapshot = s.snapshot WHERE o.run = ?1 AND o.cell = ?2"
		" ORDER BY o.model, s.snapshot",
		run, cell, e);
	while (query_next(&q)) {
		const char *state = query_text(&q, 4);
		const char *first = query_integer(&q, 6) ? " first" : "";
		char size[UNITS_TEXT_MAX];

		if (query_integer(&q, 0) != last)
			begin_row(page, &q, last == 0);
		last = query_integer(&q, 0);
		if (state[0])
			strbuf_printf(page, "<td class=\"%s%s\" title=\"%s on the compute device\">%s</td>",
				      class_of_state(state, strcmp(query_text(&q, 3), "kept") == 0), first,
				      units_bytes((uint64_t)query_integer(&q, 5), size), state);
		else
			strbuf_printf(page, "<td class=\"absent%s\"></td>", first);
	}
	strbuf_append(page, last ? "</tr></table></div>\n" : "</table></div>\n");
	return query_end(&q);
}

/* Holders are kept as JSON; here they are a line of labels. */
static void holders(struct strbuf *page, const char *json)
{
	const char *at = json;
	bool first = true;

	while ((at = strstr(at, "\"label\":\"")) != NULL) {
		size_t length;

		at += strlen("\"label\":\"");
		length = strcspn(at, "\"");
		strbuf_append(page, first ? "" : ", ");
		for (size_t i = 0; i < length; i++)
			html_text(page, (char[]) { at[i], '\0' });
		first = false;
	}
	if (first)
		strbuf_append(page, "nothing");
}

static bool causes(struct strbuf *page, struct store *store, const char *run, int64_t cell, struct error *e)
{
	struct query q;

	query_begin(
		&q, store,
		"SELECT name, outcome, first_lost_stage, reason, holders_before, holders_after FROM v_models WHERE run = ?1 AND"
		" cell = ?2 AND judged AND first_lost_stage <> '' ORDER BY model",
		run, cell, e);
	while (query_next(&q)) {
		strbuf_append(page, "<div class=\"small\"><strong>");
		html_text(page, query_text(&q, 0));
		strbuf_printf(page, "</strong> %s at %s: %s.", query_text(&q, 1), query_text(&q, 2), query_text(&q, 3));
		if (query_text(&q, 4)[0]) { /* a log tells of no holders */
			strbuf_append(page, " Held before by ");
			holders(page, query_text(&q, 4));
			strbuf_append(page, "; after by ");
			holders(page, query_text(&q, 5));
			strbuf_append_char(page, '.');
		}
		strbuf_append(page, "</div>\n");
	}
	return query_end(&q);
}

static bool one(struct strbuf *page, struct store *store, const struct query *cell, struct error *e)
{
	const char *verdict = query_text(cell, 2);
	char run[64];
	int64_t number = query_integer(cell, 1);

	snprintf(run, sizeof(run), "%s", query_text(cell, 0));
	strbuf_append(page, "<details id=\"");
	html_text(page, run);
	strbuf_printf(page, "-%lld\"><summary><span class=\"tag %s\">%s</span> ", (long long)number, class_of(verdict),
		      verdict);
	html_text(page, query_text(cell, 3));
	strbuf_append(page, "</summary><div>\n");
	if (query_text(cell, 4)[0]) {
		strbuf_append(page, "<p>");
		html_text(page, query_text(cell, 4));
		strbuf_append(page, "</p>\n");
	}
	if (!stages(page, store, run, number, e) || !states(page, store, run, number, e) ||
	    !causes(page, store, run, number, e))
		return false;
	strbuf_append(page, "</div></details>\n");
	return true;
}

bool html_cells(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	struct query q;
	bool fine = true;

	strbuf_append(
		page,
		"<h2>Timelines</h2>\n<p>What each model was at each stage of a cell: resident (listed, weights in place), "
		"unloaded, loaded_unlisted (weights in place, but in no list), leaked, dead.</p>\n");
	query_begin(&q, store,
		    "SELECT c.run, c.cell, c.verdict, c.subject || ' / ' || CASE WHEN c.workflow <> '' THEN c.workflow ELSE "
		    "c.matrix END ||"
		    " ' / ' || c.flow || " CELL_UNUSUAL_MODES(
			    "c", " / ", "") ", c.why FROM v_cells c JOIN v_runs "
					    "r USING (run)"
					    " WHERE ?1 IS NULL OR run = ?1 ORDER BY r.started_wall_ns, c.cell",
		    run, 0, e);
	while (fine && query_next(&q))
		fine = one(page, store, &q, e);
	return query_end(&q) && fine;
}
