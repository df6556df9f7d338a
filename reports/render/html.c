/* html.c - the page: style, one section after another, each from its own file, all into one strbuf.
 *
 * Nothing is loaded from elsewhere and there is no script. All text from the store passes html_text, which escapes it.
 */
#include "reports/render/html.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/embed.h"
#include "core/base/file.h"
#include "db/store.h"
#include "db/query.h"

extern const struct embedded_file report_page[];

void html_text(struct strbuf *page, const char *text)
{
	for (const char *c = text; *c; c++) {
		switch (*c) {
		case '&':
			strbuf_append(page, "&amp;");
			break;
		case '<':
			strbuf_append(page, "&lt;");
			break;
		case '>':
			strbuf_append(page, "&gt;");
			break;
		case '"':
			strbuf_append(page, "&quot;");
			break;
		default:
			strbuf_append_char(page, *c);
		}
	}
}

static bool head(struct strbuf *page, struct store *store, const char *run, struct error *e)
{
	const struct embedded_file *style = embed_find(report_page, "style.css");
	struct query q;

	strbuf_append(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
			    "content=\"width=device-width, initial-scale=1\">\n<title>residency</title>\n<style>\n");
	strbuf_append_n(page, style->bytes, embed_length(style));
	strbuf_append(page, "</style></head><body>\n<h1>Which model was where, and what made it leave</h1>\n");
	query_begin(&q, store,
		    "SELECT count(*), coalesce(sum(passed), 0), coalesce(sum(failed), 0), coalesce(sum(untrustworthy), 0),"
		    " coalesce(sum(samples), 0) FROM v_runs WHERE ?1 IS NULL OR run = ?1",
		    run, 0, e);
	while (query_next(&q))
		strbuf_printf(
			page,
			"<p class=\"lead\"><strong>%lld runs</strong>: %lld cells passed, %lld failed, %lld untrustworthy; "
			"%lld "
			"measurements. A cell passes when every model to be kept stayed, and every other one was freed.</p>\n",
			(long long)query_integer(&q, 0), (long long)query_integer(&q, 1), (long long)query_integer(&q, 2),
			(long long)query_integer(&q, 3), (long long)query_integer(&q, 4));
	return query_end(&q);
}

static bool run_exists(struct store *store, const char *run, struct error *e)
{
	struct query q;
	bool there = false;

	query_begin(&q, store, "SELECT 1 FROM v_runs WHERE ?1 IS NULL OR run = ?1 LIMIT 1", run, 0, e);
	while (query_next(&q))
		there = true;
	if (!query_end(&q))
		return false;
	if (there)
		return true;
	return run ? error_set(e, ERROR_MISSING, "%s holds no run %.40s", store_path(store), run)
		   : error_set(e, ERROR_MISSING, "%s holds no run yet: `residency matrix` makes one", store_path(store));
}

bool html_report(struct store *store, const char *run, const char *folder, const struct log_sink *log, struct error *e)
{
	struct strbuf page = STRBUF_INIT;
	struct strbuf path = STRBUF_INIT;
	bool fine;

	strbuf_printf(&path, "%s/index.html", folder);
	fine = run_exists(store, run, e) && file_make_folder(folder, e) && head(&page, store, run, e) &&
	       html_matrix(&page, store, run, e) && html_curves(&page, store, run, folder, log, e) &&
	       html_replays(&page, store, run, e) && html_cells(&page, store, run, e) && html_runs(&page, store, run, e);
	strbuf_append(&page, "</body></html>\n");
	if (fine && (!strbuf_ok(&page) || !strbuf_ok(&path)))
		fine = error_no_memory(e);
	fine = fine && file_write_whole(strbuf_text(&path), strbuf_text(&page), page.length, e);
	strbuf_free(&page);
	strbuf_free(&path);
	return fine;
}
