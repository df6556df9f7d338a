#include "core/base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

static bool make_room(struct strbuf *b, size_t more)
{
	size_t needed;

	if (b->failed || __builtin_add_overflow(b->length + 1, more, &needed) ||
	    !array_reserve(&b->text, &b->capacity, needed, 1, NULL)) {
		b->failed = true;
		return false;
	}
	return true;
}

void strbuf_append_n(struct strbuf *b, const char *text, size_t length)
{
	if (!make_room(b, length))
		return;
	memcpy(b->text + b->length, text, length);
	b->length += length;
	b->text[b->length] = '\0';
}

void strbuf_append(struct strbuf *b, const char *text)
{
	strbuf_append_n(b, text, strlen(text));
}

void strbuf_append_char(struct strbuf *b, char c)
{
	strbuf_append_n(b, &c, 1);
}

void strbuf_vprintf(struct strbuf *b, const char *format, va_list arguments)
{
	size_t room = b->failed ? 0 : b->capacity - b->length;
	va_list again;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(room ? b->text + b->length : NULL, room, format, arguments);
	if (length >= 0 && (size_t)length < room) { /* it fitted at once */
		b->length += (size_t)length;
	} else if (length >= 0 && make_room(b, (size_t)length)) {
		vsnprintf(b->text + b->length, (size_t)length + 1, format, again);
		b->length += (size_t)length;
	} else {
		if (room)
			b->text[b->length] = '\0';
		b->failed = true;
	}
	va_end(again);
}

void strbuf_printf(struct strbuf *b, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	strbuf_vprintf(b, format, arguments);
	va_end(arguments);
}

void strbuf_clear(struct strbuf *b)
{
	b->length = 0;
	b->failed = false;
	if (b->text)
		b->text[0] = '\0';
}

void strbuf_free(struct strbuf *b)
{
	free(b->text);
	*b = (struct strbuf)STRBUF_INIT;
}

const char *strbuf_text(const struct strbuf *b)
{
	return b->text ? b->text : "";
}

char *strbuf_finish(struct strbuf *b, struct error *e)
{
	char *text;

	if (!b->text)
		make_room(b, 0);
	if (b->failed) {
		strbuf_free(b);
		error_no_memory(e);
		return NULL;
	}
	text = b->text;
	text[b->length] = '\0';
	*b = (struct strbuf)STRBUF_INIT;
	return text;
}
