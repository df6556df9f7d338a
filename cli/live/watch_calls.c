#include "cli/live/watch_parts.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"

static bool is_same_news(const struct live_now_change *a, const struct live_now_change *b)
{
	return a->what == b->what && strcmp(a->reason, b->reason) == 0;
}

/* All changes of one kind and reason: "left A, B (unloaded_by_policy)". */
static void add_news(struct strbuf *text, const struct live_now_call *call, const struct live_now_change *first)
{
	static const char *const words[] = { "came", "left", "died", "moved" };
	const char *between = " ";

	strbuf_append(text, words[first->what]);
	for (const struct live_now_change *change = first; change < call->changes + call->change_count; change++) {
		char before[UNITS_TEXT_MAX];
		char after[UNITS_TEXT_MAX];

		if (!is_same_news(first, change))
			continue;
		strbuf_printf(text, "%s%s", between, change->name);
		if (change->what == LIVE_NOW_MOVED)
			strbuf_printf(text, " %s to %s", watch_bytes_text(change->before_bytes, before),
				      watch_bytes_text(change->after_bytes, after));
		between = ", ";
	}
	if (first->reason[0])
		strbuf_printf(text, " (%s)", first->reason);
}

static bool was_told(const struct live_now_call *call, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (is_same_news(&call->changes[i], &call->changes[index]))
			return true;
	}
	return false;
}

/* "left A, B (unloaded_by_policy); came C" */
static void put_changes(struct watch_line *line, const struct live_now_call *call)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < call->change_count; i++) {
		if (was_told(call, i))
			continue;
		strbuf_append(&text, i ? "; " : "");
		add_news(&text, call, &call->changes[i]);
	}
	watch_line_add_all(line, &text);
}

static enum style call_style(const struct live_now_call *call)
{
	if (call->exception[0])
		return STYLE_ALARM;
	for (size_t i = 0; i < call->change_count; i++) {
		if (call->changes[i].what == LIVE_NOW_LEFT)
			return STYLE_NOTICE;
	}
	return call->change_count ? STYLE_PLAIN : STYLE_DIM;
}

static void put_call(struct screen *s, const struct live_now_call *call)
{
	bool runs = call->duration_ns == UNKNOWN_U64;
	uint64_t end_ns = runs ? call->began_ns : clock_add_ns(call->began_ns, call->duration_ns);
	char name[LIVE_NOW_WORD_MAX + 32];
	char text[UNITS_TEXT_MAX];
	struct watch_line *line = &s->line;

	snprintf(name, sizeof(name), "%s%s", call->inside[0] ? "  " : "", watch_call_name(call->action));
	if (call->count > 1)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " x%llu", (unsigned long long)call->count);
	line->style = runs ? STYLE_GOOD : call_style(call);
	watch_line_left(line, runs ? "now" : watch_clock(s->view, watch_ago_ns(s->view, end_ns), text), 9);
	watch_line_left(line, name, s->shape->width >= 72 ? 24 : 20);
	watch_line_right(
		line, runs ? watch_ago(watch_ago_ns(s->view, call->began_ns), text) : units_duration(call->duration_ns, text),
		8);
	watch_line_space(line, 2);
	if (call->exception[0])
		watch_line_printf(line, "raised %s", call->exception);
	else if (runs)
		watch_line_add(line, "on its way");
	put_changes(line, call);
	watch_line_end(line);
}

/* A call of the worker's own, or one that did something: what others called and did nothing is left out. */
static bool tells(const struct live_now_call *call)
{
	return !call->inside[0] || call->change_count || call->exception[0];
}

size_t watch_count_calls(const struct live_now *now)
{
	size_t count = now->running_count;

	for (size_t i = 0; i < now->call_count; i++)
		count += tells(&now->calls[i]);
	return count;
}

void watch_put_calls(struct screen *s, unsigned room)
{
	const struct live_now *now = s->view->now;

	s->line.style = STYLE_BOLD;
	watch_line_left(&s->line, "WHEN", 9);
	watch_line_left(&s->line, "LAST ACTIONS", s->shape->width >= 72 ? 24 : 20);
	watch_line_right(&s->line, "TOOK", 8);
	watch_line_add(&s->line, "  WHAT CAME OF IT");
	watch_line_end(&s->line);
	for (size_t i = now->running_count; i-- > 0 && room > 0; room--)
		put_call(s, &now->running[i]);
	for (size_t i = now->call_count; i-- > 0 && room > 0;) {
		if (tells(&now->calls[i])) {
			put_call(s, &now->calls[i]);
			room--;
		}
	}
}
