/* watch_parts.h - the parts of a `live watch` screen (watch_screen.h), one file each, and the words that they share.
 * Private to cli/live.
 *
 * A part writes its heading and at most `room` lines.
 */
#ifndef RESIDENCY_CLI_WATCH_PARTS_H
#define RESIDENCY_CLI_WATCH_PARTS_H

#include "cli/live/watch_rows.h"
#include "cli/live/watch_screen.h"
#include "cli/live/watch_text.h"
#include "core/base/units.h"

/* What a screen of this width has room for. */
struct columns {
	unsigned name, bar, elsewhere, blocks;
	bool has_holders, has_parts, has_cache;
};

struct screen {
	const struct watch_view *view;
	const struct watch_shape *shape;
	struct columns columns;
	struct watch_line line;
};

void watch_put_devices(struct screen *s, unsigned room);
void watch_put_models(struct screen *s, const struct watch_row *rows, size_t count, unsigned room);

/* Newest first: who is on the way, then who ended last. What another call made and came to nothing is left out. */
void watch_put_calls(struct screen *s, unsigned room);
size_t watch_count_calls(const struct live_now *now);

/* Of `count` items in `room` lines, how many are shown: all, or one less than there is room, for the line that says so. */
size_t watch_shown(size_t count, unsigned room);
void watch_put_more(struct screen *s, size_t count); /* that line */

/* "12 s", "3 min", "5 h". */
const char *watch_ago(uint64_t ns, char text[UNITS_TEXT_MAX]);

/* The time of day so long ago. */
const char *watch_clock(const struct watch_view *view, uint64_t ago_ns, char text[UNITS_TEXT_MAX]);

/* "?" for UNKNOWN_U64. */
const char *watch_bytes_text(uint64_t size_bytes, char text[UNITS_TEXT_MAX]);

const char *watch_keep(enum keep_request keep);
const char *watch_call_name(const char *action);

#endif
