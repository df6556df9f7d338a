/* watch_text.h - lines of a screen: cells of a known width, and never a column more than there is room for.
 *
 * Columns are what a terminal shows: a wide character takes two, a combining one none. Without UTF-8, what is not ASCII is a
 * question mark. Colour is added round a cell and counts for nothing.
 *
 *	struct watch_line line = { .out = out, .width = 80, .utf8 = true, .colour = true };
 *	watch_line_left(&line, name, 20);
 *	watch_line_right(&line, bytes, 9);
 *	watch_line_end(&line);
 */
#ifndef RESIDENCY_CLI_WATCH_TEXT_H
#define RESIDENCY_CLI_WATCH_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/strbuf.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_NOTICE, STYLE_ALARM };

struct watch_line {
	struct strbuf *out;
	unsigned width; /* columns there are */
	bool utf8, colour;
	enum style style; /* of the cells to come */
	unsigned used; /* columns */
	unsigned pending; /* spaces that are written only if something follows */
};

struct bar_part {
	uint64_t size_bytes;
	unsigned glyph; /* 0 to 3, from full to faint */
};

/* Columns of a text. */
unsigned watch_text_columns(const char *text, bool utf8);

/* A text in `columns` columns, cut with a mark where it is longer, filled with spaces where it is shorter. */
void watch_line_left(struct watch_line *line, const char *text, unsigned columns);
void watch_line_right(struct watch_line *line, const char *text, unsigned columns);

/* A text as long as it is, cut where the line ends. */
void watch_line_add(struct watch_line *line, const char *text);
__attribute__((format(printf, 2, 3))) void watch_line_printf(struct watch_line *line, const char *format, ...);

/* The same for a text that was put together, which is freed. */
void watch_line_add_all(struct watch_line *line, struct strbuf *text);

void watch_line_space(struct watch_line *line, unsigned columns);

/* Columns that are left. */
unsigned watch_line_room(const struct watch_line *line);

/* A bar of `columns` columns between two edges, in which each part has its share of total_bytes. Parts that are larger than the
 * total are cut; one that is not 0 has a column where there is one. */
void watch_line_bar(struct watch_line *line, const struct bar_part *parts, unsigned count, uint64_t total_bytes,
		    unsigned columns);

/* The glyph of a part, for a legend. */
const char *watch_bar_glyph(unsigned glyph, bool utf8);

/* Ends the line, and begins the next with a plain style. */
void watch_line_end(struct watch_line *line);

#endif
