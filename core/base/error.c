#include "core/base/error.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int exit_code;
	const char *text;
} kinds[] = {
#define ERROR_ROW(name, code, text) { #name, code, text },
	ERROR_KINDS(ERROR_ROW)
#undef ERROR_ROW
};

bool error_set_v(struct error *e, enum error_kind kind, const char *format, va_list arguments)
{
	if (!e || e->kind != ERROR_NONE)
		return false;
	e->kind = kind;
	if (vsnprintf(e->text, sizeof(e->text), format, arguments) < 0)
		snprintf(e->text, sizeof(e->text), "%s", kinds[kind].text);
	return false;
}

bool error_set(struct error *e, enum error_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_set_v(e, kind, format, arguments);
	va_end(arguments);
	return false;
}

bool error_context(struct error *e, const char *format, ...)
{
	char before[ERROR_TEXT_MAX];
	char after[ERROR_TEXT_MAX];
	va_list arguments;
	size_t length;

	if (!error_is_set(e))
		return false;
	va_start(arguments, format);
	if (vsnprintf(before, sizeof(before), format, arguments) < 0)
		before[0] = '\0';
	va_end(arguments);
	memcpy(after, e->text, sizeof(after));
	length = strnlen(before, sizeof(before) - 3);
	memcpy(e->text, before, length);
	memcpy(e->text + length, ": ", 2);
	memcpy(e->text + length + 2, after, sizeof(e->text) - length - 2); /* what does not fit is cut */
	e->text[sizeof(e->text) - 1] = '\0';
	return false;
}

bool error_no_memory(struct error *e)
{
	return error_set(e, ERROR_MEMORY, "%s", kinds[ERROR_MEMORY].text);
}

void error_clear(struct error *e)
{
	if (e) {
		e->kind = ERROR_NONE;
		e->text[0] = '\0';
	}
}

int error_exit_code(enum error_kind kind)
{
	return kinds[kind].exit_code;
}

const char *error_kind_name(enum error_kind kind)
{
	return kinds[kind].name;
}
