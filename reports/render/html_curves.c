/* Seconds per iteration against GB offloaded, a chart a topology; and links' bandwidth against size. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "reports/render/chart.h"
#include "reports/render/html.h"
#include "db/query.h"

/* What distinguishes one series of charts from another. */
struct chart_kind {
	const char *series;
	const char *heading;
	const char *x, *y; /* axis titles */
	double x_unit, y_unit;
	bool log_x;
};

static const struct chart_kind kinds[] = {
	{ .series = "offload",
	  .heading = "Seconds per iteration against GB offloaded",
	  .x = "GB that wait elsewhere",
	  .y = "s / iteration",
	  .x_unit = 1e9,
	  .y_unit = 1 },
	{ .series = "links",
	  .heading = "Bandwidth against transfer size",
	  .x = "bytes in one copy",
	  .y = "GB/s",
	  .x_unit = 1,
	  .y_unit = 1e9,
	  .log_x = true },
};

/* A gnuplot text in double quotes. */
static void quote(struct strbuf *script, const char *text)
{
	strbuf_append_char(script, '"');
	for (const char *c = text; *c; c++) {
		if (*c == '"' || *c == '\\')
			strbuf_append_char(script, '\\');
		if ((unsigned char)*c >= ' ')
			strbuf_append_char(script, *c);
	}
	strbuf_append_char(script, '"');
}

/* The data blocks $D0, $D1, ... of one chart, and after them the plot command. */
static bool script_for(struct strbuf *script, struct store *store, const char *run, const struct chart_kind *kind,
		       const char *topology, const char *backend, struct error *e)
{
	struct strbuf plot = STRBUF_INIT;
	struct strbuf sql = STRBUF_INIT;
	char last[128] = "";
	int count = 0;
	struct query q;
	bool fine;

	strbuf_printf(script,
		      "set terminal svg size 600,420 noenhanced font 'sans-serif,15' linewidth 1.4\nset key above samplen 2 "
		      "spacing 1.1\n"
		      "set grid lc rgb '#d7dce2'\nset border lc rgb '#626c78'\nset xlabel '%s'\nset ylabel '%s'\nset yrange "
		      "[0:*]\n%sset title ",
		      kind->x, kind->y, kind->log_x ? "set logscale x 2\nset format x '%.0b %BB'\n" : "");
	quote(script, topology);
	strbuf_append_char(script, '\n');
	/* names come from the store: they are bound, not written */
	strbuf_printf(
		&sql,
		"SELECT label, x, avg(value) FROM v_samples s WHERE (?1 IS NULL OR run = ?1) AND series = '%s' AND topology ="
		" ?3 AND backend = ?4 GROUP BY label, x ORDER BY label, x",
		kind->series);
	query_begin(&q, store, strbuf_text(&sql), run, 0, e);
	if (!q.failed) {
		sqlite3_bind_text(q.statement, 3, topology, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(q.statement, 4, backend, -1, SQLITE_TRANSIENT);
	}
	while (query_next(&q)) {
		if (strcmp(last, query_text(&q, 0)) != 0) {
			strbuf_append(script, count ? "EOD\n" : "");
			strbuf_printf(script, "$D%d << EOD\n", count);
			strbuf_printf(&plot, "%s$D%d using 1:2 with linespoints pt 7 ps 0.6 title ", count ? ", " : "plot ",
				      count);
			quote(&plot, query_text(&q, 0));
			snprintf(last, sizeof(last), "%s", query_text(&q, 0));
			count++;
		}
		strbuf_printf(script, "%.9g %.9g\n", query_number(&q, 1) / kind->x_unit, query_number(&q, 2) / kind->y_unit);
	}
	strbuf_append(script, count ? "EOD\n" : "");
	strbuf_append(script, strbuf_text(&plot));
	strbuf_append_char(script, '\n');
	fine = query_end(&q) && (strbuf_ok(&plot) || error_no_memory(e));
	strbuf_free(&plot);
	strbuf_free(&sql);
	return fine;
}

static bool one_chart(struct strbuf *page, struct store *store, const char *run, const struct chart_kind *kind,
		      const struct query *row, const char *folder, const struct log_sink *log, struct error *e)
{
	struct strbuf script = STRBUF_INIT;
	struct error why = ERROR_INIT;
	bool fine = script_for(&script, store, run, kind, query_text(row, 0), query_text(row, 1), e);
	char *svg = fine && strbuf_ok(&script) ? chart_draw(strbuf_text(&script), folder, &why) : NULL;

	strbuf_append(page, "<figure>");
	if (svg) {
		strbuf_append(page, svg);
	} else {
		log_say(log, LOG_WARNING, "%s", why.text);
		strbuf_append(page, "<p>");
		html_text(page, why.text);
		strbuf_append(page, "</p>");
	}
	strbuf_append(page, "<figcaption class=\"small\">");
	html_text(page, query_text(row, 0));
	strbuf_append(page, ", backend ");
	html_text(page, query_text(row, 1));
	strbuf_append(page, "</figcaption></figure>\n");
	free(svg);
	strbuf_free(&script);
	return fine;
}

bool html_curves(struct strbuf *page, struct store *store, const char *run, const char *folder, const struct log_sink *log,
		 struct error *e)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct strbuf sql = STRBUF_INIT;
		struct query q;
		bool any = false;
		bool fine = true;

		strbuf_printf(
			&sql,
			"SELECT topology, backend FROM v_samples WHERE (?1 IS NULL OR run = ?1) AND series = '%s' GROUP BY 1, 2"
			" ORDER BY min(number)",
			kinds[i].series);
		query_begin(&q, store, strbuf_text(&sql), run, 0, e);
		while (fine && query_next(&q)) {
			if (!any)
				strbuf_printf(page, "<h2>%s</h2>\n<div class=\"charts\">\n", kinds[i].heading);
			any = true;
			fine = one_chart(page, store, run, &kinds[i], &q, folder, log, e);
		}
		if (any)
			strbuf_append(page, "</div>\n");
		strbuf_free(&sql);
		if (!query_end(&q) || !fine)
			return false;
	}
	return true;
}
