/* renderers.c - the list of card renderers.
 *
 * The rows stand at the end of the file of each renderer; this list gives their order, which is that of the help.
 */
#include "reports/triage/renderers.h"

#include <string.h>

extern const struct card_renderer card_renderer_text;
extern const struct card_renderer card_renderer_markdown;
extern const struct card_renderer card_renderer_json;

const struct card_renderer *const card_renderers[] = {
	&card_renderer_text,
	&card_renderer_markdown,
	&card_renderer_json,
	NULL,
};

const struct card_renderer *card_renderer_find(const char *name)
{
	for (size_t i = 0; card_renderers[i]; i++) {
		if (strcmp(card_renderers[i]->name, name) == 0)
			return card_renderers[i];
	}
	return NULL;
}

void card_renderer_names(struct strbuf *out)
{
	for (size_t i = 0; card_renderers[i]; i++) {
		const char *separator = i == 0 ? "" : card_renderers[i + 1] ? ", " : " or ";

		strbuf_printf(out, "%s%s", separator, card_renderers[i]->name);
	}
}
