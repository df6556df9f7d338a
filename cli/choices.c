#include "cli/choices.h"

#include <stdio.h>
#include <string.h>

#include "core/base/nearest.h"
#include "core/base/strbuf.h"

static bool refuse(const char *option, const char *word, choice_namer name, struct error *e)
{
	struct nearest nearest = nearest_to(word);
	struct strbuf known = STRBUF_INIT;

	for (size_t i = 0; name(i); i++) {
		strbuf_printf(&known, "%s%s", i ? ", " : "", name(i));
		nearest_offer(&nearest, name(i));
	}
	error_set(e, ERROR_USAGE, "--%s: \"%s\" must be one of: %s", option, word, strbuf_text(&known));
	strbuf_free(&known);
	return nearest_suggest(&nearest, e);
}

bool choices_parse(const char *option, const char *list, choice_finder find, choice_namer name, uint64_t *chosen,
		   struct error *e)
{
	uint64_t bits = 0;

	for (const char *word = list;; word++) {
		size_t length = strcspn(word, ",");
		char text[64];
		int index;

		snprintf(text, sizeof(text), "%.*s", (int)length, word);
		if (length >= sizeof(text))
			return refuse(option, text, name, e);
		if (strcmp(text, "all") == 0) {
			for (size_t i = 0; name(i); i++)
				bits |= UINT64_C(1) << i;
		} else {
			index = find(text);
			if (index < 0)
				return refuse(option, text, name, e);
			bits |= UINT64_C(1) << index;
		}
		word += length;
		if (*word == '\0')
			break;
	}
	*chosen = bits;
	return true;
}
