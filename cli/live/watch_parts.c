#include "cli/live/watch_parts.h"

#include <string.h>

#include "core/base/clock.h"

#define DAY_NS (86400 * (int64_t)NS_PER_S)

const char *watch_ago(uint64_t ns, char text[UNITS_TEXT_MAX])
{
	uint64_t s = ns / NS_PER_S;

	if (s < 120)
		snprintf(text, UNITS_TEXT_MAX, "%llu s", (unsigned long long)s);
	else if (s < 7200)
		snprintf(text, UNITS_TEXT_MAX, "%llu min", (unsigned long long)(s / 60));
	else
		snprintf(text, UNITS_TEXT_MAX, "%llu h", (unsigned long long)(s / 3600));
	return text;
}

const char *watch_clock(const struct watch_view *view, uint64_t ago_ns, char text[UNITS_TEXT_MAX])
{
	int64_t s = (view->clock_ns - (int64_t)(ago_ns % DAY_NS) + DAY_NS) % DAY_NS / (int64_t)NS_PER_S;

	snprintf(text, UNITS_TEXT_MAX, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
	return text;
}

const char *watch_bytes_text(uint64_t size_bytes, char text[UNITS_TEXT_MAX])
{
	if (size_bytes == UNKNOWN_U64)
		snprintf(text, UNITS_TEXT_MAX, "?");
	else
		units_bytes(size_bytes, text);
	return text;
}

const char *watch_keep(enum keep_request keep)
{
	return keep == KEEP_YES ? "yes" : keep == KEEP_NO ? "no" : "-";
}

const char *watch_call_name(const char *action)
{
	if (!action[0])
		return "between calls";
	return strcmp(action, "execute") == 0 ? "prompt" : action;
}

void watch_put_more(struct screen *s, size_t count)
{
	s->line.style = STYLE_DIM;
	watch_line_printf(&s->line, "  %zu more; a higher terminal shows them", count);
	watch_line_end(&s->line);
}

size_t watch_shown(size_t count, unsigned room)
{
	return count <= room ? count : room ? room - 1 : 0;
}
