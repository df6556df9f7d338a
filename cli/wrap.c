#include "cli/wrap.h"

#include <string.h>

void wrap_print(FILE *out, const char *first, const char *text, unsigned indent, unsigned width)
{
	size_t column = strlen(first);
	bool begins = true; /* nothing of the text stands on this line yet */

	fputs(first, out);
	while (*text) {
		size_t length = strcspn(text, " ");

		if (!begins && column + 1 + length > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
			begins = true;
		}
		fprintf(out, "%s%.*s", begins ? "" : " ", (int)length, text);
		column += length + !begins;
		begins = false;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}
