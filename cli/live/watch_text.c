#include "cli/live/watch_text.h"

#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/utf8.h"

#define TEXT_MAX 1024

static const char *const styles[] = {
	[STYLE_PLAIN] = "",	   [STYLE_BOLD] = "\033[1m",	[STYLE_DIM] = "\033[2m",
	[STYLE_GOOD] = "\033[32m", [STYLE_NOTICE] = "\033[33m", [STYLE_ALARM] = "\033[1;31m",
};

/* ---- columns ---- */

static bool is_between(uint32_t c, const uint32_t ranges[][2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	}
	return false;
}

/* What terminals agree on: East Asian wide and fullwidth, emoji; combining marks. */
static unsigned columns_of(uint32_t c)
{
	static const uint32_t none[][2] = {
		{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x064b, 0x065f }, { 0x1ab0, 0x1aff },
		{ 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
	};
	static const uint32_t two[][2] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0x303e },	  { 0x3041, 0x33ff },	{ 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },
		{ 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 },	  { 0xf900, 0xfaff },	{ 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};

	if (c < 0x300)
		return 1;
	if (is_between(c, none, ARRAY_SIZE(none)))
		return 0;
	return is_between(c, two, ARRAY_SIZE(two)) ? 2 : 1;
}

/* The next character: its bytes, and its columns. What is no UTF-8, or cannot be shown, is a question mark: *bytes of the text, one
 * column. */
static const char *next(const char *text, bool utf8, size_t *bytes, unsigned *columns)
{
	size_t length = utf8_length((const unsigned char *)text, strnlen(text, 4));

	*bytes = length ? length : 1;
	*columns = 1;
	if (length == 1 && (unsigned char)text[0] >= 0x20 && text[0] != 0x7f)
		return text;
	if (length < 2 || !utf8)
		return "?";
	*columns = columns_of(utf8_code_point((const unsigned char *)text, length));
	return text;
}

unsigned watch_text_columns(const char *text, bool utf8)
{
	unsigned sum = 0;

	while (*text) {
		unsigned columns;
		size_t bytes;

		next(text, utf8, &bytes, &columns);
		sum += columns;
		text += bytes;
	}
	return sum;
}

/* ---- cells ---- */

unsigned watch_line_room(const struct watch_line *line)
{
	unsigned taken = line->used + line->pending;

	return taken < line->width ? line->width - taken : 0;
}

/* Spaces at a line's end are never written. */
static void flush_spaces(struct watch_line *line)
{
	for (; line->pending > 0; line->pending--, line->used++)
		strbuf_append_char(line->out, ' ');
}

void watch_line_space(struct watch_line *line, unsigned columns)
{
	unsigned room = watch_line_room(line);

	line->pending += columns < room ? columns : room;
}

/* As much of the text as fits in `most` columns; returns the columns taken. */
static unsigned put(struct watch_line *line, const char *text, unsigned most)
{
	unsigned taken = 0;

	while (*text) {
		unsigned columns;
		size_t bytes;
		const char *shown = next(text, line->utf8, &bytes, &columns);

		if (taken + columns > most)
			break;
		strbuf_append_n(line->out, shown, shown == text ? bytes : 1);
		taken += columns;
		text += bytes;
	}
	line->used += taken;
	return taken;
}

/* The text, with a mark at its end where it does not fit. */
static unsigned put_cut(struct watch_line *line, const char *text, unsigned most)
{
	bool coloured = line->colour && line->style != STYLE_PLAIN;
	unsigned taken;

	if (most == 0 || !*text)
		return 0;
	flush_spaces(line);
	if (coloured)
		strbuf_append(line->out, styles[line->style]);
	if (watch_text_columns(text, line->utf8) <= most) {
		taken = put(line, text, most);
	} else {
		taken = put(line, text, most - 1);
		strbuf_append(line->out, line->utf8 ? "…" : "~");
		line->used++;
		taken++;
	}
	if (coloured)
		strbuf_append(line->out, "\033[0m");
	return taken;
}

void watch_line_left(struct watch_line *line, const char *text, unsigned columns)
{
	unsigned room = watch_line_room(line);
	unsigned most = columns < room ? columns : room;

	watch_line_space(line, most - put_cut(line, text, most));
}

void watch_line_right(struct watch_line *line, const char *text, unsigned columns)
{
	unsigned room = watch_line_room(line);
	unsigned most = columns < room ? columns : room;
	unsigned long_is = watch_text_columns(text, line->utf8);

	watch_line_space(line, long_is < most ? most - long_is : 0);
	put_cut(line, text, most);
}

void watch_line_add(struct watch_line *line, const char *text)
{
	put_cut(line, text, watch_line_room(line));
}

void watch_line_add_all(struct watch_line *line, struct strbuf *text)
{
	watch_line_add(line, strbuf_text(text));
	line->out->failed = line->out->failed || text->failed;
	strbuf_free(text);
}

void watch_line_printf(struct watch_line *line, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	watch_line_add(line, text);
}

void watch_line_end(struct watch_line *line)
{
	strbuf_append_char(line->out, '\n');
	line->used = line->pending = 0;
	line->style = STYLE_PLAIN;
}

/* ---- bars ---- */

const char *watch_bar_glyph(unsigned glyph, bool utf8)
{
	static const char *const shades[] = { "█", "▓", "▒", "░" };
	static const char *const signs[] = { "#", "=", "+", "." };

	return (utf8 ? shades : signs)[glyph % 4];
}

static unsigned share(uint64_t size_bytes, uint64_t total_bytes, unsigned columns)
{
	double part = total_bytes ? (double)size_bytes / (double)total_bytes : 0;
	unsigned filled = (unsigned)((part > 1 ? 1 : part) * columns + 0.5);

	return filled == 0 && size_bytes > 0 ? 1 : filled;
}

void watch_line_bar(struct watch_line *line, const struct bar_part *parts, unsigned count, uint64_t total_bytes,
		    unsigned columns)
{
	unsigned room = watch_line_room(line);
	unsigned inside = columns < room ? columns : room;
	unsigned left;

	if (inside < 3)
		return;
	left = inside -= 2;
	flush_spaces(line);
	strbuf_append(line->out, line->utf8 ? "▕" : "[");
	for (unsigned i = 0; i < count; i++) {
		unsigned filled = parts[i].size_bytes == UINT64_MAX ? 0 : share(parts[i].size_bytes, total_bytes, inside);

		for (filled = filled < left ? filled : left; filled > 0; filled--, left--)
			strbuf_append(line->out, watch_bar_glyph(parts[i].glyph, line->utf8));
	}
	for (; left > 0; left--)
		strbuf_append_char(line->out, ' ');
	strbuf_append(line->out, line->utf8 ? "▏" : "]");
	line->used += inside + 2;
}
