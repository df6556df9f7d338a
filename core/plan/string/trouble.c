/* One place makes the message of a failed step: the string, the column where there is one, and what is wrong. A place is a
 * pointer into the text that the step worked on; it has a column only where that text is the allocation string itself, or
 * begins as it does.
 */
#include "core/plan/string/trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/words.h"

#define WITH_COLUMN "allocation string \"%.120s\", column %zu: "
#define WITHOUT_COLUMN "allocation string \"%.120s\": "

WORDS_NAME(exception_name, enum exception, EXCEPTIONS)

/* In characters from 1, or 0 where `at` is no place of the allocation string. */
static size_t column_of(const struct trouble *t, const char *at)
{
	size_t column = 1;

	if (!at || !t->text || at < t->text || at > t->text + t->text_length)
		return 0;
	for (const char *p = t->text; p < at; p++)
		column += ((unsigned char)*p & 0xc0) != 0x80;
	return column;
}

bool trouble_at(const struct trouble *t, enum exception exception, const char *at, const char *format, ...)
{
	size_t column = column_of(t, at);
	char text[ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (t->failure)
		*t->failure = (struct plan_failure) { exception, column };
	if (column)
		return error_set(t->e, ERROR_FORMAT, WITH_COLUMN "%s", t->allocation, column, text);
	return error_set(t->e, ERROR_FORMAT, WITHOUT_COLUMN "%s", t->allocation, text);
}

const char *trouble_message(const char *error_text, const char *allocation, size_t column)
{
	int length =
		column ? snprintf(NULL, 0, WITH_COLUMN, allocation, column) : snprintf(NULL, 0, WITHOUT_COLUMN, allocation);

	return length > 0 && (size_t)length < strlen(error_text) ? error_text + length : error_text;
}

bool trouble_no_memory(const struct trouble *t)
{
	if (t->failure)
		*t->failure = (struct plan_failure) { EXCEPTION_NONE, 0 };
	return error_no_memory(t->e);
}
