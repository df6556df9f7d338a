/* Whatever a text is, a name that stands alone in it is gone afterwards. */
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/string.h"
#include "reports/bundle/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int is_letter(char c)
{
	return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = string_copy_n((const char *)bytes, length, NULL);
	struct redact redact = { .word_count = 0 };
	struct strbuf out = STRBUF_INIT;

	if (!text || !redact_add(&redact, "alice", "<user>", NULL) || !redact_add(&redact, "h7.example", "<host>", NULL))
		abort();
	redact_text(&redact, text, &out);
	for (const char *at = strbuf_text(&out); *at; at++) {
		if (strncasecmp(at, "alice", 5) == 0 && !is_letter(at[5]) && (at == strbuf_text(&out) || !is_letter(at[-1])))
			abort();
	}
	strbuf_free(&out);
	redact_end(&redact);
	free(text);
	return 0;
}
