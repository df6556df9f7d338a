/* What ran on what: runs, replays with their images, devices, links. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "reports/render/html.h"
#include "db/query.h"

bool html_replays(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	struct query q;
	bool any = false;

	query_begin(&q, store,
		    "SELECT c.workflow, c.subject, c.verdict,"
		    " (SELECT count(*) FROM v_steps s WHERE s.run = c.run AND s.cell = c.cell),"
		    " (SELECT avg(duration_ns) FROM v_steps s WHERE s.run = c.run AND s.cell = c.cell),"
		    " (SELECT max(moved_bytes) FROM v_steps s WHERE s.run = c.run AND s.cell = c.cell),"
		    " (SELECT group_concat(hash, ' ') FROM v_artifacts a WHERE a.run = c.run AND a.cell = c.cell),"
		    " (SELECT group_concat(path, ' ') FROM v_artifacts a WHERE a.run = c.run AND a.cell = c.cell)"
		    " FROM v_cells c JOIN v_runs r USING (run) WHERE c.workflow <> '' AND (?1 IS NULL OR run = ?1)"
		    " ORDER BY r.started_wall_ns, c.cell",
		    run, 0, e);
	while (query_next(&q)) {
		char duration[UNITS_TEXT_MAX];
		char moved[UNITS_TEXT_MAX];

		if (!any)
			strbuf_append(
				page,
				"<h2>Workflows replayed</h2>\n<p>Equal hashes are equal images, to the last bit, wherever the "
				"weights waited.</p>\n<div class=\"scroll\"><table><tr><th>workflow</th><th>subject</th><th>"
				"verdict</th><th>steps</th><th>a step</th><th>weights copied</th><th>image</th></tr>\n");
		any = true;
		strbuf_append(page, "<tr><td>");
		html_text(page, query_text(&q, 0));
		strbuf_append(page, "</td><td>");
		html_text(page, query_text(&q, 1));
		strbuf_printf(page, "</td><td>%s</td><td>%lld</td><td>%s</td><td>%s</td><td><code>", query_text(&q, 2),
			      (long long)query_integer(&q, 3), units_duration((uint64_t)query_number(&q, 4), duration),
			      units_bytes((uint64_t)query_integer(&q, 5), moved));
		html_text(page, query_text(&q, 6));
		strbuf_append(page, "</code> <span class=\"small\">");
		html_text(page, query_text(&q, 7));
		strbuf_append(page, "</span></td></tr>\n");
	}
	if (any)
		strbuf_append(page, "</table></div>\n");
	return query_end(&q);
}

static void when(struct strbuf *page, int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / (int64_t)NS_PER_S);
	struct tm utc;
	char text[40];

	if (gmtime_r(&seconds, &utc) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc))
		strbuf_append(page, text);
}

static bool runs(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	struct query q;

	strbuf_append(
		page,
		"<h2>What ran on what</h2>\n<div class=\"scroll\"><table><tr><th>started</th><th>command</th><th>state</th>"
		"<th>cells</th><th>environment</th></tr>\n");
	query_begin(
		&q, store,
		"SELECT started_wall_ns, command, state, cells, environment, exit_code FROM v_runs WHERE ?1 IS NULL OR run = ?1"
		" ORDER BY started_wall_ns",
		run, 0, e);
	while (query_next(&q)) {
		strbuf_append(page, "<tr><td class=\"small\">");
		when(page, query_integer(&q, 0));
		strbuf_append(page, "</td><td><code>");
		html_text(page, query_text(&q, 1));
		strbuf_printf(page, "</code></td><td>%s, exit %s</td><td>%lld</td><td class=\"small\">", query_text(&q, 2),
			      query_text(&q, 5), (long long)query_integer(&q, 3));
		html_text(page, query_text(&q, 4));
		strbuf_append(page, "</td></tr>\n");
	}
	strbuf_append(page, "</table></div>\n");
	return query_end(&q);
}

static bool links(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	struct query q;

	strbuf_append(
		page,
		"<h3>Links</h3>\n<div class=\"scroll\"><table><tr><th>topology</th><th>from</th><th>to</th><th>GB/s</th><th>"
		"efficiency</th><th>latency</th></tr>\n");
	query_begin(
		&q, store,
		"SELECT DISTINCT topology, from_name, to_name, bandwidth_bytes_per_s / 1e9, efficiency, latency_ns FROM v_links"
		" WHERE ?1 IS NULL OR run = ?1 ORDER BY topology, from_device, to_device",
		run, 0, e);
	while (query_next(&q)) {
		strbuf_append(page, "<tr><td>");
		html_text(page, query_text(&q, 0));
		strbuf_append(page, "</td><td>");
		html_text(page, query_text(&q, 1));
		strbuf_append(page, "</td><td>");
		html_text(page, query_text(&q, 2));
		strbuf_printf(page, "</td><td>%.1f</td><td>%s</td><td>%.1f us</td></tr>\n", query_number(&q, 3),
			      query_text(&q, 4), query_number(&q, 5) / 1e3);
	}
	strbuf_append(page, "</table></div>\n");
	return query_end(&q);
}

bool html_runs(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	return runs(page, store, run, e) && links(page, store, run, e);
}
