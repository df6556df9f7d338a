/* Any line is split; what was split and written again splits the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/string.h"
#include "core/base/shell.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *line = string_copy_n((const char *)bytes, length, NULL);
	struct strbuf again = STRBUF_INIT;
	struct shell_words first;
	struct shell_words second;

	if (!line || !shell_split(line, &first, NULL))
		abort();
	for (size_t i = 0; i < first.count; i++) {
		strbuf_append_char(&again, ' ');
		shell_append_word(&again, first.words[i]);
	}
	if (!shell_split(strbuf_text(&again), &second, NULL) || first.count != second.count)
		abort();
	for (size_t i = 0; i < first.count; i++) {
		if (strcmp(first.words[i], second.words[i]) != 0)
			abort();
	}
	shell_words_free(&first);
	shell_words_free(&second);
	strbuf_free(&again);
	free(line);
	return 0;
}
