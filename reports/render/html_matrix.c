/* The matrix: policies down, matrix and flow across, in the order of the largest run. Of equal cells the newest counts. */
#include <stdio.h>
#include <string.h>

#include "reports/render/html.h"
#include "db/query.h"
#include "db/records/cell_axes.h"

#define CELLS                                                                                                                  \
	"(SELECT c.*, max(r.started_wall_ns) FROM v_cells c JOIN v_runs r USING (run) WHERE c.workflow = '' AND"               \
	" (?1 IS NULL OR run = ?1) GROUP BY c.subject" CELL_AXES(CELL_AXIS_COLUMN, "c") ")"

static const char *class_of(const char *verdict)
{
	return strcmp(verdict, "PASS") == 0 ? "pass" : strcmp(verdict, "FAIL") == 0 ? "fail" : "untrustworthy";
}

static bool headings(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	struct query q;

	strbuf_append(page, "<tr><th>policy</th>");
	query_begin(&q, store, "SELECT matrix, flow FROM " CELLS " GROUP BY matrix, flow ORDER BY max(cell), matrix, flow", run,
		    0, e);
	while (query_next(&q)) {
		strbuf_append(page, "<th>");
		html_text(page, query_text(&q, 0));
		strbuf_append(page, "<br><span class=\"small\">");
		html_text(page, query_text(&q, 1));
		strbuf_append(page, "</span></th>");
	}
	strbuf_append(page, "</tr>\n");
	return query_end(&q);
}

/* One line for people: who was lost, where. */
static void link_cell(struct strbuf *page, const struct query *q)
{
	strbuf_printf(page, "<td class=\"cell %s\"><a href=\"#", class_of(query_text(q, 2)));
	html_text(page, query_text(q, 3));
	strbuf_printf(page, "-%lld\" title=\"", (long long)query_integer(q, 4));
	html_text(page, query_text(q, 5));
	strbuf_append(page, "\">");
	html_text(page, query_text(q, 2));
	strbuf_append(page, "</a></td>");
}

static bool rows(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	struct query q;
	char last[128] = "";

	query_begin(
		&q, store,
		"WITH cells AS (SELECT * FROM " CELLS "),"
		" across AS (SELECT matrix, flow, max(cell) AS place FROM cells GROUP BY matrix, flow),"
		" down AS (SELECT policy" CELL_AXES_UNUSUAL(
			CELL_AXIS_COLUMN,
			"c") ", max(cell) AS place FROM cells c GROUP BY "
			     "policy" CELL_AXES_UNUSUAL(
				     CELL_AXIS_COLUMN,
				     "c") ")"
					  " SELECT d.policy "
					  "|| " CELL_UNUSUAL_MODES(
						  "d", " (",
						  ")") ","
						       " c.cell, "
						       "c.verdict, "
						       "c.run, c.cell,"
						       " (SELECT "
						       "group_concat(m."
						       "name || ' ' || "
						       "m.outcome || "
						       "CASE WHEN "
						       "m.first_lost_"
						       "stage = '' THEN "
						       "'' ELSE ' ' ||"
						       "  "
						       "m.first_lost_"
						       "stage || ' ' || "
						       "m.reason END, '; "
						       "') FROM v_models "
						       "m WHERE m.run = "
						       "c.run AND m.cell "
						       "= c.cell AND"
						       "  m.judged)"
						       " FROM down d "
						       "CROSS JOIN "
						       "across a LEFT "
						       "JOIN cells c ON "
						       "c.policy = "
						       "d."
						       "polic"
						       "y" CELL_AXES_UNUSUAL(CELL_AXIS_EQUAL, "c", "d")
							       CELL_AXES_OF_WHAT(
								       CELL_AXIS_EQUAL,
								       "c", "a") " ORDER BY d.place, "
										 "d.policy" CELL_AXES_UNUSUAL(CELL_AXIS_COLUMN,
													      "d") ", "
														   "a."
														   "plac"
														   "e" CELL_AXES_OF_WHAT(CELL_AXIS_COLUMN,
																	 "a"),
		run, 0, e);
	while (query_next(&q)) {
		if (strcmp(last, query_text(&q, 0)) != 0) {
			strbuf_append(page, last[0] ? "</tr>\n<tr><th>" : "<tr><th>");
			html_text(page, query_text(&q, 0));
			strbuf_append(page, "</th>");
			snprintf(last, sizeof(last), "%s", query_text(&q, 0));
		}
		if (query_text(&q, 2)[0])
			link_cell(page, &q);
		else
			strbuf_append(page, "<td class=\"absent\"></td>");
	}
	strbuf_append(page, last[0] ? "</tr>\n" : "");
	return query_end(&q);
}

bool html_matrix(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	strbuf_append(page,
		      "<h2>Retention matrix</h2>\n<p>A policy a row; a set of models and what may free them a column. A cell "
		      "leads to its timeline.</p>\n<div class=\"scroll\"><table>\n");
	if (!headings(page, store, run, e) || !rows(page, store, run, e))
		return false;
	strbuf_append(page, "</table></div>\n");
	return true;
}
