#include "cli/choices.h"

#include <string.h>

#include "core/base/strbuf.h"

static bool refuse(const char *option, const char *word, size_t length, choice_namer name, struct error *e)
{
	struct strbuf known = STRBUF_INIT;

	for (size_t i = 0; name(i); i++)
		strbuf_printf(&known, "%s%s", i ? ", " : "", name(i));
	error_set(e, ERROR_USAGE, "--%s: \"%.*s\" is none of: %s", option, (int)length, word, strbuf_text(&known));
	strbuf_free(&known);
	return false;
}

bool choices_parse(const char *option, const char *list, choice_finder find, choice_namer name, uint64_t *chosen,
		   struct error *e)
{
	uint64_t bits = 0;

	for (const char *word = list;; word++) {
		size_t length = strcspn(word, ",");
		char text[64];
		int index;

		if (length >= sizeof(text))
			return refuse(option, word, length, name, e);
		memcpy(text, word, length);
		text[length] = '\0';
		if (strcmp(text, "all") == 0) {
			for (size_t i = 0; name(i); i++)
				bits |= UINT64_C(1) << i;
		} else {
			index = find(text);
			if (index < 0)
				return refuse(option, word, length, name, e);
			bits |= UINT64_C(1) << index;
		}
		word += length;
		if (*word == '\0')
			break;
	}
	*chosen = bits;
	return true;
}
