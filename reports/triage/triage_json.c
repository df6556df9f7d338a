/* triage_json.c - cards as one line of JSON: the document of triage.h as it is. */
#include <stdlib.h>

#include "reports/triage/renderers.h"

static void render(const json_t *triage, unsigned columns, struct strbuf *out)
{
	char *text = json_dumps(triage, JSON_COMPACT);

	(void)columns;
	if (text) {
		strbuf_append(out, text);
		strbuf_append_char(out, '\n');
	} else {
		out->failed = true;
	}
	free(text);
}

const struct card_renderer triage_renderer_json = {
	.name = "json",
	.render = render,
};
