#include "cli/watch_screen.h"

#include <stdlib.h>
#include <string.h>

#include "cli/watch_rows.h"
#include "cli/watch_text.h"
#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/units.h"

#define CALLS_SHOWN 10u
#define DAY_S 86400

/* What a screen of this width has room for. */
struct columns {
	unsigned name, bar, elsewhere, blocks;
	bool has_holders, has_parts, has_cache;
};

struct screen {
	const struct watch_view *view;
	const struct watch_shape *shape;
	struct columns columns;
	struct line line;
	unsigned lines_left; /* of the section that is being written */
};

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

/* ---- words ---- */

/* "12 s", "3 min", "5 h": how long ago. */
static const char *ago(uint64_t ns, char text[UNITS_TEXT_MAX])
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

/* The time of day so long ago. */
static const char *clock_text(const struct watch_view *view, uint64_t ago_ns, char text[UNITS_TEXT_MAX])
{
	int64_t s = (view->clock_s - (int64_t)(ago_ns / NS_PER_S % DAY_S) + DAY_S) % DAY_S;

	if (s < 0)
		s = 0;
	snprintf(text, UNITS_TEXT_MAX, "%02d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
	return text;
}

static const char *bytes(uint64_t size_bytes, char text[UNITS_TEXT_MAX])
{
	if (size_bytes == UNKNOWN_U64)
		snprintf(text, UNITS_TEXT_MAX, "?");
	else
		units_bytes(size_bytes, text);
	return text;
}

static const char *wish_text(enum keep_wish keep)
{
	return keep == KEEP_YES ? "yes" : keep == KEEP_NO ? "no" : "-";
}

static const char *call_name(const char *action)
{
	if (!action[0])
		return "between calls";
	return strcmp(action, "execute") == 0 ? "prompt" : action;
}

/* ---- the head ---- */

static void put_head(struct screen *s)
{
	const struct live_now *now = s->view->now;
	struct line *line = &s->line;
	char time[UNITS_TEXT_MAX];
	unsigned width = line->width;

	line->width = width > 10 ? width - 10 : width;
	line->style = STYLE_BOLD;
	line_add(line, "residency");
	line->style = STYLE_PLAIN;
	line_printf(line, "  %s", s->view->url);
	if (now && now->comfyui[0])
		line_printf(line, "  ComfyUI %s", now->comfyui);
	if (now && now->multigpu_version[0])
		line_printf(line, "  MultiGPU %s %s", now->multigpu_version, now->multigpu_policy);
	line->width = width;
	line_right(line, clock_text(s->view, 0, time), line_room(line));
	line_end(line);
}

static void put_queue(struct screen *s)
{
	const struct live_now *now = s->view->now;
	struct line *line = &s->line;

	line_printf(line, "queue: %llu running, %llu waiting", (unsigned long long)now->prompts_running,
		    (unsigned long long)now->prompts_pending);
	if (now->node[0])
		line_printf(line, "; at node %s %s", now->node, now->node_class);
	if (now->flags[0]) {
		line->style = STYLE_NOTICE;
		line_printf(line, "; /free asked for %s", now->flags);
	}
	line_end(line);
}

/* The message of a client begins with what was asked; here the room is short. */
static const char *cause(const char *trouble)
{
	const char *path = strstr(trouble, "/residency/now: ");

	return path ? path + strlen("/residency/now: ") : trouble;
}

static void put_trouble(struct screen *s)
{
	char time[UNITS_TEXT_MAX];
	char since[UNITS_TEXT_MAX];

	s->line.style = STYLE_ALARM;
	line_printf(&s->line, "gone since %s (%s), trying again: %s", clock_text(s->view, s->view->gone_ns, time),
		    ago(s->view->gone_ns, since), cause(s->view->trouble));
	line_end(&s->line);
}

static void put_anew(struct screen *s)
{
	char time[UNITS_TEXT_MAX];

	s->line.style = STYLE_NOTICE;
	line_printf(&s->line, "the server was started anew by %s: what was loaded before is gone",
		    clock_text(s->view, s->view->anew_ns, time));
	line_end(&s->line);
}

/* Returns the lines written. */
static unsigned put_notices(struct screen *s)
{
	const struct live_now *now = s->view->now;
	unsigned count = 0;

	if (s->view->trouble) {
		put_trouble(s);
		count++;
	}
	if (s->view->is_anew) {
		put_anew(s);
		count++;
	}
	if (now && now->has_probe && !now->is_on) {
		s->line.style = STYLE_NOTICE;
		line_add(&s->line, "the probe is switched off until the next start: it sees no calls");
		line_end(&s->line);
		count++;
	}
	if (now && now->failures) {
		s->line.style = STYLE_NOTICE;
		line_printf(&s->line, "the probe failed %llu times: the server's log says how",
			    (unsigned long long)now->failures);
		line_end(&s->line);
		count++;
	}
	return count;
}

/* ---- devices ---- */

static void put_device_heading(struct screen *s)
{
	struct line *line = &s->line;
	bool utf8 = s->shape->utf8;

	line->style = STYLE_BOLD;
	line_left(line, "DEVICE", 8);
	line_right(line, "USED", 9);
	line_right(line, "OF", 9);
	line_space(line, 1);
	if (s->columns.bar >= 30) {
		char legend[64];

		snprintf(legend, sizeof(legend), " %s weights %s other %s%s", bar_glyph(0, utf8), bar_glyph(1, utf8),
			 bar_glyph(3, utf8), s->columns.bar >= 46 ? " unattributed" : " rest");
		line_left(line, legend, s->columns.bar);
	} else {
		line_space(line, s->columns.bar);
	}
	line_right(line, "WEIGHTS", 9);
	if (s->columns.has_parts)
		line_right(line, "UNATTRIBUTED", 13);
	if (s->columns.has_cache)
		line_right(line, "OTHER", 10);
	if (s->columns.has_cache)
		line_right(line, "CACHE", 9);
	line_end(line);
}

static void put_device(struct screen *s, const struct live_now_device *d)
{
	bool is_known = d->total_bytes != UNKNOWN_U64 && d->free_bytes != UNKNOWN_U64;
	uint64_t used = is_known && d->total_bytes > d->free_bytes ? d->total_bytes - d->free_bytes : 0;
	const struct bar_part parts[] = {
		{ d->weights_bytes, 0 },
		{ d->other_bytes, 1 },
		{ d->cache_bytes, 2 },
		{ d->weights_bytes == UNKNOWN_U64 ? used : d->unattributed_bytes, 3 },
	};
	char text[UNITS_TEXT_MAX];
	struct line *line = &s->line;

	line_left(line, d->name, 8);
	line_right(line, bytes(is_known ? used : UNKNOWN_U64, text), 9);
	line_right(line, bytes(d->total_bytes, text), 9);
	line_space(line, 1);
	line_bar(line, parts, ARRAY_SIZE(parts), d->total_bytes == UNKNOWN_U64 ? 0 : d->total_bytes, s->columns.bar);
	line_right(line, bytes(d->weights_bytes, text), 9);
	if (s->columns.has_parts)
		line_right(line, bytes(d->unattributed_bytes, text), 13);
	if (s->columns.has_cache)
		line_right(line, bytes(d->other_bytes, text), 10);
	if (s->columns.has_cache)
		line_right(line, bytes(d->cache_bytes, text), 9);
	line_end(line);
}

/* Says how many of a section found no room; in the room of one line that was kept for it. */
static void put_more(struct screen *s, size_t count)
{
	s->line.style = STYLE_DIM;
	line_printf(&s->line, "  %zu more; a higher terminal shows them", count);
	line_end(&s->line);
}

/* Of `count` items in `room` lines, how many are shown: all, or one less than there is room, for the line that says so. */
static size_t shown_of(size_t count, unsigned room)
{
	return count <= room ? count : room ? room - 1 : 0;
}

static void put_devices(struct screen *s, unsigned room)
{
	const struct live_now *now = s->view->now;
	size_t shown = shown_of(now->device_count, room);

	put_device_heading(s);
	for (size_t i = 0; i < shown; i++)
		put_device(s, &now->devices[i]);
	if (shown < now->device_count && room)
		put_more(s, now->device_count - shown);
}

/* ---- models ---- */

static void put_model_heading(struct screen *s)
{
	struct line *line = &s->line;

	line->style = STYLE_BOLD;
	line_left(line, "  MODEL", s->columns.name + 2);
	line_left(line, " KIND", 6);
	line_left(line, "KEEP", 5);
	line_left(line, "ON", 8);
	line_right(line, "HERE", 8);
	line_left(line, "  ELSEWHERE", s->columns.elsewhere + 2);
	if (s->columns.blocks)
		line_left(line, "BLOCKS", s->columns.blocks + 1);
	if (s->columns.has_holders)
		line_add(line, "HELD BY");
	line_end(line);
}

static void put_elsewhere(struct screen *s, const struct live_now_model *model)
{
	char all[256] = "";
	size_t length = 0;

	for (size_t i = 0; i < model->place_count && length < sizeof(all) - 1; i++) {
		const struct live_now_place *place = &model->places[i];
		char text[UNITS_TEXT_MAX];

		if (strcmp(place->device, model->device) == 0 || place->size_bytes == 0 || place->size_bytes == UNKNOWN_U64)
			continue;
		length += (size_t)snprintf(all + length, sizeof(all) - length, "%s%s %s", length ? ", " : "", place->device,
					   bytes(place->size_bytes, text));
	}
	line_left(&s->line, all[0] ? all : "-", s->columns.elsewhere);
}

/* A column stands for some blocks: full where most of them are on the device that computes. */
static void put_blocks(struct screen *s, const struct live_now_model *model)
{
	char map[3 * 64 + 1] = "";
	uint64_t total = 0;

	for (size_t i = 0; i < model->run_count; i++)
		total += model->runs[i].block_count;
	for (unsigned c = 0; c < s->columns.blocks && c < 64 && total > 0; c++) {
		uint64_t block = (2 * c + 1) * total / (2 * (uint64_t)s->columns.blocks);
		size_t i = 0;

		while (i + 1 < model->run_count && block >= model->runs[i].block_count)
			block -= model->runs[i++].block_count;
		strcat(map, bar_glyph(strcmp(model->places[model->runs[i].place].device, model->device) == 0 ? 0 : 3,
				      s->shape->utf8));
	}
	line_left(&s->line, map, s->columns.blocks);
	line_space(&s->line, 1);
}

static void put_holders(struct screen *s, const struct live_now_model *model)
{
	bool any = false;

	for (size_t i = 0; i < model->holder_count; i++) {
		if (!model->holders[i].strong)
			continue;
		line_printf(&s->line, "%s%s", any ? ", " : "", model->holders[i].label);
		any = true;
	}
	if (model->holders_left_out)
		line_printf(&s->line, " and %zu more", model->holders_left_out);
	else if (!any)
		line_add(&s->line, model->holder_count ? "nobody" : "?");
}

static void put_where(struct screen *s, const struct live_now_model *model)
{
	struct line *line = &s->line;
	char text[UNITS_TEXT_MAX];

	if (strcmp(model->state, "resident") == 0 || strcmp(model->state, "loaded_unlisted") == 0) {
		line_left(line, model->device[0] ? model->device : "?", 8);
		line_right(line, bytes(model->bytes_are_known ? watch_bytes_here(model) : UNKNOWN_U64, text), 8);
		line_space(line, 2);
		put_elsewhere(s, model);
	} else {
		char where[128];

		snprintf(where, sizeof(where), "%s, %s%s", model->state,
			 bytes(model->bytes_are_known ? watch_bytes(model) : UNKNOWN_U64, text),
			 model->place_count == 1 && model->bytes_are_known ? " on " : "");
		if (model->place_count == 1 && model->bytes_are_known)
			strncat(where, model->places[0].device, sizeof(where) - strlen(where) - 1);
		line_left(line, where, 18 + s->columns.elsewhere);
	}
	if (s->columns.blocks)
		put_blocks(s, model);
	if (strcmp(model->state, "loaded_unlisted") == 0)
		line_add(line, "(in no list) ");
	if (s->columns.has_holders)
		put_holders(s, model);
}

static void put_left(struct screen *s, const struct watch_row *row)
{
	char since[UNITS_TEXT_MAX];
	char size[UNITS_TEXT_MAX];

	line_printf(&s->line, "left %s ago: %s", ago(watch_ago_ns(s->view, row->left->time_ns), since), row->left->reason);
	if (row->left->action[0])
		line_printf(&s->line, ", %s", call_name(row->left->action));
	if (row->model)
		line_printf(&s->line, "; now %s, %s", row->model->state,
			    bytes(row->model->bytes_are_known ? watch_bytes(row->model) : UNKNOWN_U64, size));
	else
		line_add(&s->line, "; dead");
}

static enum style row_style(const struct watch_row *row)
{
	if (row->is_missed)
		return STYLE_ALARM;
	if (row->left)
		return STYLE_NOTICE;
	if (strcmp(row->model->state, "resident") == 0)
		return row->model->keep == KEEP_YES ? STYLE_GOOD : STYLE_PLAIN;
	return strcmp(row->model->state, "unloaded") == 0 ? STYLE_DIM : STYLE_NOTICE;
}

static void put_model(struct screen *s, const struct watch_row *row)
{
	struct line *line = &s->line;

	line->style = row_style(row);
	line_left(line, row->is_missed ? "!" : "", 2);
	line_left(line, watch_row_name(row), s->columns.name);
	line_space(line, 1);
	line_left(line, watch_row_kind(row), 5);
	line_left(line, wish_text(watch_row_keep(row)), 5);
	if (row->left)
		put_left(s, row);
	else
		put_where(s, row->model);
	line_end(line);
}

static void put_models(struct screen *s, const struct watch_row *rows, size_t count, unsigned room)
{
	size_t shown = shown_of(count, room);

	put_model_heading(s);
	for (size_t i = 0; i < shown; i++)
		put_model(s, &rows[i]);
	if (shown < count && room)
		put_more(s, count - shown + s->view->now->models_left_out);
	if (count == 0 && room) {
		s->line.style = STYLE_DIM;
		line_add(&s->line, s->view->only_kept ? "  none that is wished to stay" : "  none is loaded");
		line_end(&s->line);
	}
}

/* ---- calls ---- */

static void put_change_group(struct line *line, const struct live_now_change *first, size_t count)
{
	static const char *const words[] = { "came", "left", "died", "moved" };

	line_printf(line, "%s ", words[first->what]);
	for (size_t i = 0; i < count; i++) {
		char before[UNITS_TEXT_MAX];
		char after[UNITS_TEXT_MAX];

		line_printf(line, "%s%s", i ? ", " : "", first[i].name);
		if (first->what == LIVE_NOW_MOVED)
			line_printf(line, " %s to %s", bytes(first[i].before_bytes, before),
				    bytes(first[i].after_bytes, after));
	}
	if (first->reason[0])
		line_printf(line, " (%s)", first->reason);
}

/* "left A, B (unloaded_by_policy); came C" */
static void put_changes(struct line *line, const struct live_now_call *call)
{
	size_t i = 0;

	while (i < call->change_count) {
		const struct live_now_change *first = &call->changes[i];
		size_t same = 1;

		while (i + same < call->change_count && first[same].what == first->what &&
		       strcmp(first[same].reason, first->reason) == 0)
			same++;
		if (i)
			line_add(line, "; ");
		put_change_group(line, first, same);
		i += same;
	}
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
	struct line *line = &s->line;

	snprintf(name, sizeof(name), "%s%s", call->inside[0] ? "  " : "", call_name(call->action));
	if (call->count > 1)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " x%llu", (unsigned long long)call->count);
	line->style = runs ? STYLE_GOOD : call_style(call);
	line_left(line, runs ? "now" : clock_text(s->view, watch_ago_ns(s->view, end_ns), text), 9);
	line_left(line, name, s->shape->width >= 72 ? 24 : 20);
	line_right(line, runs ? ago(watch_ago_ns(s->view, call->began_ns), text) : units_duration(call->duration_ns, text), 8);
	line_space(line, 2);
	if (call->exception[0])
		line_printf(line, "raised %s", call->exception);
	else if (runs)
		line_add(line, "on its way");
	put_changes(line, call);
	line_end(line);
}

/* A call of the worker's own, or one that did something: what others called and did nothing is left out. */
static bool tells(const struct live_now_call *call)
{
	return !call->inside[0] || call->change_count || call->exception[0];
}

static size_t count_calls(const struct live_now *now)
{
	size_t count = now->running_count;

	for (size_t i = 0; i < now->call_count; i++)
		count += tells(&now->calls[i]);
	return count;
}

/* Newest first: who is on the way, then who ended last. */
static void put_calls(struct screen *s, unsigned room)
{
	const struct live_now *now = s->view->now;

	s->line.style = STYLE_BOLD;
	line_left(&s->line, "WHEN", 9);
	line_left(&s->line, "LAST ACTIONS", s->shape->width >= 72 ? 24 : 20);
	line_right(&s->line, "TOOK", 8);
	line_add(&s->line, "  WHAT CAME OF IT");
	line_end(&s->line);
	for (size_t i = now->running_count; i-- > 0 && room > 0; room--)
		put_call(s, &now->running[i]);
	for (size_t i = now->call_count; i-- > 0 && room > 0;) {
		if (tells(&now->calls[i])) {
			put_call(s, &now->calls[i]);
			room--;
		}
	}
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
		"then start ComfyUI anew.",
	};
	static const char *const permit[] = {
		"To see them: start ComfyUI with RESIDENCY_PROBE_REMOTE=1 in",
		"its environment, or run this command there.",
	};
	const char *const *how = s->view->lack == WATCH_LACKS_PERMISSION ? permit : install;

	s->line.style = STYLE_NOTICE;
	line_add(&s->line, lack_text(s->view->lack));
	line_end(&s->line);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		line_add(&s->line, lines[i]);
		line_end(&s->line);
	}
	for (size_t i = 0; i < 2; i++) {
		line_add(&s->line, how[i]);
		line_end(&s->line);
	}
}

/* ---- the whole ---- */

static void put_foot(struct screen *s)
{
	static const char *const sorts[] = { "list", "size", "name", "device" };
	char every[UNITS_TEXT_MAX];
	struct line *line = &s->line;

	line->style = s->view->is_frozen ? STYLE_ALARM : STYLE_DIM;
	line_printf(line, "%sq quit  space %s  s sort: %s  k %s  every %s", s->view->is_frozen ? "FROZEN  " : "",
		    s->view->is_frozen ? "go on" : "freeze", sorts[s->view->sort % WATCH_SORT_COUNT],
		    s->view->only_kept ? "all" : "only kept", units_duration(s->view->interval_ns, every));
	line_end(line);
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
	rooms.devices = least(rooms.devices, room / 3 > 1 ? room / 3 : least(room, 1));
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
	struct rooms rooms = share_rooms(now->device_count, count, count_calls(now), s->shape->height, taken + 6);

	line_end(&s->line);
	put_devices(s, rooms.devices);
	line_end(&s->line);
	if (s->view->lack != WATCH_LACKS_NOTHING) {
		put_lack(s);
		return;
	}
	put_models(s, rows, count, rooms.models);
	line_end(&s->line);
	put_calls(s, rooms.calls);
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
