/* renderers.c - the list of card renderers.
 *
 * The rows stand at the end of the file of each renderer; this list gives their order, which is that of the help.
 */
#include "reports/triage/renderers.h"

#include <string.h>

extern const struct card_renderer triage_renderer_text;
extern const struct card_renderer triage_renderer_markdown;
extern const struct card_renderer triage_renderer_json;

const struct card_renderer *const triage_renderers[] = {
	&triage_renderer_text,
	&triage_renderer_markdown,
	&triage_renderer_json,
	NULL,
};

const struct card_renderer *triage_renderer_find(const char *name)
{
	for (size_t i = 0; triage_renderers[i]; i++) {
		if (strcmp(triage_renderers[i]->name, name) == 0)
			return triage_renderers[i];
	}
	return NULL;
}

void triage_renderer_names(struct strbuf *out)
{
	for (size_t i = 0; triage_renderers[i]; i++) {
		const char *separator = i == 0 ? "" : triage_renderers[i + 1] ? ", " : " or ";

		strbuf_printf(out, "%s%s", separator, triage_renderers[i]->name);
	}
}
