/* renderers.h - the forms in which cards can be printed.
 *
 * A renderer reads the JSON document of triage.h and nothing else. To add one: a file beside this one that ends in its row, and
 * the row's name in renderers.c.
 */
#ifndef RESIDENCY_REPORTS_TRIAGE_RENDERERS_H
#define RESIDENCY_REPORTS_TRIAGE_RENDERERS_H

#include <jansson.h>

#include "core/base/strbuf.h"

struct card_renderer {
	const char *name; /* as `--format` takes it */
	/* Appends the document to out; columns is the width to wrap at, for those that wrap. Out of memory shows in
	 * strbuf_ok(out). */
	void (*render)(const json_t *triage, unsigned columns, struct strbuf *out);
};

/* NULL-terminated; the first is the default. */
extern const struct card_renderer *const triage_renderers[];

/* NULL if there is no renderer of this name. */
const struct card_renderer *triage_renderer_find(const char *name);

/* "text, markdown or json", for messages. */
void triage_renderer_names(struct strbuf *out);

#endif
