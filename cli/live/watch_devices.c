#include "cli/live/watch_parts.h"

#include <stdio.h>
#include <string.h>

#include "core/base/array.h"

/* What the shades of a bar mean, as much as there is room for. */
static void put_legend(struct screen *s)
{
	static const char *const whole[] = { "weights", "other", "cache", "unattributed" };
	static const char *const some[] = { "weights", "other", "", "rest" };
	const char *const *words = s->columns.bar >= 46 ? whole : some;
	char legend[96] = "";

	for (unsigned i = 0; i < 4 && s->columns.bar >= 30; i++) {
		size_t length = strlen(legend);

		if (words[i][0])
			snprintf(legend + length, sizeof(legend) - length, " %s %s", watch_bar_glyph(i, s->shape->utf8),
				 words[i]);
	}
	watch_line_left(&s->line, legend, s->columns.bar);
}

static void put_device_heading(struct screen *s)
{
	struct watch_line *line = &s->line;

	line->style = STYLE_BOLD;
	watch_line_left(line, "DEVICE", 8);
	watch_line_right(line, "USED", 9);
	watch_line_right(line, "OF", 9);
	watch_line_space(line, 1);
	put_legend(s);
	watch_line_right(line, "WEIGHTS", 9);
	if (s->columns.has_parts)
		watch_line_right(line, "UNATTRIBUTED", 13);
	if (s->columns.has_cache)
		watch_line_right(line, "OTHER", 10);
	if (s->columns.has_cache)
		watch_line_right(line, "CACHE", 9);
	watch_line_end(line);
}

static void put_device(struct screen *s, const struct live_now_device *d)
{
	bool is_known = d->total_bytes != UNKNOWN_U64 && d->free_bytes != UNKNOWN_U64;
	uint64_t used = is_known && d->total_bytes > d->free_bytes ? d->total_bytes - d->free_bytes : 0;
	const struct bar_part parts[] = {
		{ .size_bytes = d->weights_bytes, .glyph = 0 },
		{ .size_bytes = d->other_bytes, .glyph = 1 },
		{ .size_bytes = d->cache_bytes, .glyph = 2 },
		{ .size_bytes = d->weights_bytes == UNKNOWN_U64 ? used : d->unattributed_bytes, .glyph = 3 },
	};
	char text[UNITS_TEXT_MAX];
	struct watch_line *line = &s->line;

	watch_line_left(line, d->name, 8);
	watch_line_right(line, watch_bytes_text(is_known ? used : UNKNOWN_U64, text), 9);
	watch_line_right(line, watch_bytes_text(d->total_bytes, text), 9);
	watch_line_space(line, 1);
	watch_line_bar(line, parts, ARRAY_SIZE(parts), d->total_bytes == UNKNOWN_U64 ? 0 : d->total_bytes, s->columns.bar);
	watch_line_right(line, watch_bytes_text(d->weights_bytes, text), 9);
	if (s->columns.has_parts)
		watch_line_right(line, watch_bytes_text(d->unattributed_bytes, text), 13);
	if (s->columns.has_cache)
		watch_line_right(line, watch_bytes_text(d->other_bytes, text), 10);
	if (s->columns.has_cache)
		watch_line_right(line, watch_bytes_text(d->cache_bytes, text), 9);
	watch_line_end(line);
}

void watch_put_devices(struct screen *s, unsigned room)
{
	const struct live_now *now = s->view->now;
	size_t shown = watch_shown(now->device_count, room);

	put_device_heading(s);
	for (size_t i = 0; i < shown; i++)
		put_device(s, &now->devices[i]);
	if (shown < now->device_count && room)
		watch_put_more(s, now->device_count - shown);
}
