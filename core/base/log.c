#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_say(const struct log_sink *sink, enum log_level level, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	if (!sink || !sink->line || level < sink->least)
		return;
	va_start(arguments, format);
	if (vsnprintf(text, sizeof(text), format, arguments) >= 0)
		sink->line(sink->context, level, text);
	va_end(arguments);
}
