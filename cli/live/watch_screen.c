#include "cli/live/watch_screen.h"

#include <stdlib.h>
#include <string.h>

#include "cli/live/watch_parts.h"
#include "core/base/array.h"
#include "core/base/clock.h"

#define CALLS_SHOWN 10u
#define HEIGHT_WITH_DEVICES 16u /* on a lower screen models matter more */

static struct columns columns_for(unsigned width)
{
	return (struct columns) {
		.name = width >= 110  ? 28
			: width >= 72 ? 20
				      : 18,
		.bar = width >= 110  ? 46
		       : width >= 72 ? 30
				     : 20,
		.elsewhere = width >= 72 ? 14 : 11,
		.blocks = width >= 110 ? 18 : 0,
		.has_holders = width >= 72,
		.has_parts = width >= 72,
		.has_cache = width >= 110,
	};
}

/* ---- the head ---- */

static void put_head(struct screen *s)
{
	const struct live_now *now = s->view->now;
	struct watch_line *line = &s->line;
	char time[UNITS_TEXT_MAX];
	unsigned width = line->width;

	line->width = width > 10 ? width - 10 : width;
	line->style = STYLE_BOLD;
	watch_line_add(line, "residency");
	line->style = STYLE_PLAIN;
	watch_line_printf(line, "  %s", strncmp(s->view->url, "http://", 7) == 0 ? s->view->url + 7 : s->view->url);
	if (now && now->comfyui[0])
		watch_line_printf(line, "  ComfyUI %s", now->comfyui);
	if (now && now->multigpu_version[0])
		watch_line_printf(line, "  MultiGPU %s %s", now->multigpu_version, now->multigpu_policy);
	line->width = width;
	watch_line_right(line, watch_clock(s->view, 0, time), watch_line_room(line));
	watch_line_end(line);
}

static void put_queue(struct screen *s)
{
	const struct live_now *now = s->view->now;
	struct watch_line *line = &s->line;

	watch_line_printf(line, "queue: %llu running, %llu waiting", (unsigned long long)now->prompts_running,
			  (unsigned long long)now->prompts_pending);
	if (now->node[0])
		watch_line_printf(line, "; at node %s %s", now->node, now->node_class);
	if (now->flags[0]) {
		line->style = STYLE_NOTICE;
		watch_line_printf(line, "; /free asked for %s", now->flags);
	}
	watch_line_end(line);
}

/* The message of a client begins with what was asked; here the room is short. */
static const char *cause(const char *trouble)
{
	const char *path = strstr(trouble, "/residency/now: ");

	return path ? path + strlen("/residency/now: ") : trouble;
}

/* A line of what is out of the ordinary. Returns 1, the lines it took. */
__attribute__((format(printf, 3, 4))) static unsigned put_notice(struct screen *s, enum style style, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	s->line.style = style;
	watch_line_add(&s->line, text);
	watch_line_end(&s->line);
	return 1;
}

static unsigned put_trouble(struct screen *s)
{
	char time[UNITS_TEXT_MAX];
	char since[UNITS_TEXT_MAX];

	return put_notice(s, STYLE_ALARM, "gone since %s (%s), trying again: %s", watch_clock(s->view, s->view->gone_ns, time),
			  watch_ago(s->view->gone_ns, since), cause(s->view->trouble));
}

static unsigned put_restarted(struct screen *s)
{
	char time[UNITS_TEXT_MAX];

	return put_notice(s, STYLE_NOTICE, "restarted (first seen %s): what was loaded before is gone",
			  watch_clock(s->view, s->view->restarted_ns, time));
}

static unsigned put_probe_notices(struct screen *s)
{
	const struct live_now *now = s->view->now;
	unsigned count = 0;

	if (!now->is_on)
		count += put_notice(s, STYLE_NOTICE, "the probe is switched off until the next start: it sees no calls");
	if (now->failures)
		count += put_notice(s, STYLE_NOTICE, "the probe failed %llu times: the server's log says how",
				    (unsigned long long)now->failures);
	if (now->stale_entries)
		count += put_notice(s, STYLE_ALARM, "%llu entries of the loaded list hold nothing any more",
				    (unsigned long long)now->stale_entries);
	return count;
}

/* Returns the lines written. */
static unsigned put_notices(struct screen *s)
{
	unsigned count = 0;

	if (s->view->trouble)
		count += put_trouble(s);
	if (s->view->has_restarted)
		count += put_restarted(s);
	if (s->view->now && s->view->now->has_probe)
		count += put_probe_notices(s);
	return count;
}

/* ---- without a probe ---- */

static const char *lack_text(enum watch_lack lack)
{
	switch (lack) {
	case WATCH_LACKS_ROUTE:
		return "Its probe node is older than this tool. Not shown are";
	case WATCH_LACKS_PERMISSION:
		return "Its probe node answers to its own machine only. Not shown:";
	case WATCH_LACKS_PROBE:
	case WATCH_LACKS_NOTHING:
		break;
	}
	return "This server has no probe node. Not shown are therefore";
}

static void put_lack(struct screen *s)
{
	static const char *const lines[] = {
		"  - models: where they are, their keep flags, who holds them",
		"  - of each device, weights and unattributed bytes",
		"  - the last actions, and who came or left because of them",
	};
	static const char *const install[] = {
		"To see them: residency live install DIR (ComfyUI's folder),",
		"then restart ComfyUI.",
	};
	static const char *const permit[] = {
		"To see them: start ComfyUI with RESIDENCY_PROBE_REMOTE=1 in",
		"its environment, or run this command there.",
	};
	const char *const *how = s->view->lack == WATCH_LACKS_PERMISSION ? permit : install;

	s->line.style = STYLE_NOTICE;
	watch_line_add(&s->line, lack_text(s->view->lack));
	watch_line_end(&s->line);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		watch_line_add(&s->line, lines[i]);
		watch_line_end(&s->line);
	}
	for (size_t i = 0; i < 2; i++) {
		watch_line_add(&s->line, how[i]);
		watch_line_end(&s->line);
	}
}

/* ---- the whole ---- */

static void put_foot(struct screen *s)
{
	static const char *const sorts[] = { "list", "size", "name", "device" };
	const struct watch_view *view = s->view;
	struct watch_line *line = &s->line;

	line->style = view->is_frozen ? STYLE_ALARM : STYLE_DIM;
	watch_line_printf(line, "q quit  space %s  s by %s  k %s  every %g s", view->is_frozen ? "GO ON (frozen)" : "freeze",
			  sorts[view->sort % WATCH_SORT_COUNT], view->only_kept ? "all" : "only kept",
			  (double)view->interval_ns / (double)NS_PER_S);
	watch_line_end(line);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many lines devices, models and calls get of what is left, their headings and the lines between them counted off. */
struct rooms {
	unsigned devices, models, calls;
};

static struct rooms share_rooms(size_t devices, size_t models, size_t calls, unsigned height, unsigned taken)
{
	struct rooms rooms = { (unsigned)devices, (unsigned)(models ? models : 1), least((unsigned)calls, CALLS_SHOWN) };
	unsigned room;

	if (height == 0)
		return rooms;
	room = height > taken ? height - taken : 0;
	rooms.devices = least(rooms.devices, room / 3 > 2 ? room / 3 : least(room, 2));
	room -= rooms.devices;
	rooms.calls = (unsigned)calls;
	if (rooms.models + rooms.calls > room)
		rooms.calls = least(rooms.calls, rooms.models < room - room / 3 ? room - rooms.models : room / 3);
	rooms.models = least(rooms.models, room - rooms.calls);
	return rooms;
}

static void put_body(struct screen *s, const struct watch_row *rows, size_t count, unsigned taken)
{
	const struct live_now *now = s->view->now;
	bool has_devices = s->shape->height == 0 || s->shape->height >= HEIGHT_WITH_DEVICES || s->view->lack;
	struct rooms rooms = share_rooms(has_devices ? now->device_count : 0, count, watch_count_calls(now), s->shape->height,
					 taken + (has_devices ? 6 : 4));

	watch_line_end(&s->line);
	if (has_devices) {
		watch_put_devices(s, rooms.devices);
		watch_line_end(&s->line);
	}
	if (s->view->lack != WATCH_LACKS_NOTHING) {
		put_lack(s);
		return;
	}
	watch_put_models(s, rows, count, rooms.models);
	if (rooms.calls == 0)
		return;
	watch_line_end(&s->line);
	watch_put_calls(s, rooms.calls);
}

/* Leaves as many lines as there is room for, and the place for the foot. */
static void cut_lines(struct strbuf *out, size_t from, unsigned most)
{
	unsigned lines = 0;

	for (size_t i = from; i < out->length; i++) {
		if (out->text[i] == '\n' && ++lines == most) {
			out->length = i + 1;
			out->text[out->length] = '\0';
		}
	}
}

/* Empty lines up to the foot's place at the bottom. */
static void fill_lines(struct strbuf *out, size_t from, unsigned wanted)
{
	unsigned lines = 0;

	for (size_t i = from; i < out->length; i++)
		lines += out->text[i] == '\n';
	for (; lines < wanted; lines++)
		strbuf_append_char(out, '\n');
}

bool watch_screen(const struct watch_view *view, const struct watch_shape *shape, struct strbuf *out, struct error *e)
{
	struct screen s = { .view = view,
			    .shape = shape,
			    .columns = columns_for(shape->width),
			    .line = { .out = out, .width = shape->width, .utf8 = shape->utf8, .colour = shape->colour } };
	bool has_foot = view->interval_ns > 0 && shape->height > 1;
	struct watch_row *rows = NULL;
	size_t from = out->length;
	size_t count = 0;
	unsigned taken;

	if (view->now && !(rows = watch_rows(view, &count, e)))
		return false;
	put_head(&s);
	taken = 1 + put_notices(&s);
	if (view->now) {
		put_queue(&s);
		put_body(&s, rows, count, taken + 1 + has_foot);
	}
	free(rows);
	if (!strbuf_ok(out))
		return error_no_memory(e);
	if (shape->height)
		cut_lines(out, from, shape->height - has_foot);
	if (has_foot) {
		fill_lines(out, from, shape->height - 1);
		put_foot(&s);
	}
	return strbuf_ok(out) || error_no_memory(e);
}
