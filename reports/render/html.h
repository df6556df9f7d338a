/* html.h - a store as one page: the matrix, a timeline per cell, curves, what ran on what. Self-contained: no network, no script. */
#ifndef RESIDENCY_REPORTS_HTML_H
#define RESIDENCY_REPORTS_HTML_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/strbuf.h"

struct store;

/* Writes FOLDER/index.html, whole or not at all. run: an id; NULL for all runs of the store. log is told what could not be drawn
 * (gnuplot is missing); may be NULL. */
bool html_report(struct store *store, const char *run, const char *folder, const struct log_sink *log, struct error *e);

/* For the parts of the page: text with what HTML minds escaped. */
void html_text(struct strbuf *page, const char *text);

/* The parts. Each appends a section; false with e set when a query fails. */
bool html_matrix(struct strbuf *page, struct store *store, const char *run, struct error *e);
bool html_curves(struct strbuf *page, struct store *store, const char *run, const char *folder, const struct log_sink *log,
		 struct error *e);
bool html_replays(struct strbuf *page, struct store *store, const char *run, struct error *e);
bool html_cells(struct strbuf *page, struct store *store, const char *run, struct error *e);
bool html_runs(struct strbuf *page, struct store *store, const char *run, struct error *e);

#endif
