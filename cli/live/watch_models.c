#include "cli/live/watch_parts.h"

#include <stdio.h>
#include <string.h>

static void put_model_heading(struct screen *s)
{
	struct watch_line *line = &s->line;

	line->style = STYLE_BOLD;
	watch_line_left(line, "  MODEL", s->columns.name + 2);
	watch_line_left(line, " KIND", 6);
	watch_line_left(line, "KEEP", 5);
	watch_line_left(line, "ON", 8);
	watch_line_right(line, "HERE", 8);
	watch_line_left(line, "  ELSEWHERE", s->columns.elsewhere + 2);
	if (s->columns.blocks)
		watch_line_left(line, "BLOCKS", s->columns.blocks + 1);
	if (s->columns.has_holders)
		watch_line_add(line, "HELD BY");
	watch_line_end(line);
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
					   watch_bytes_text(place->size_bytes, text));
	}
	watch_line_left(&s->line, all[0] ? all : "-", s->columns.elsewhere);
}

/* A column stands for some blocks: full where most of them are on the device that computes. */
static void put_blocks(struct screen *s, const struct live_now_model *model)
{
	struct strbuf map = STRBUF_INIT;
	uint64_t total = 0;

	for (size_t i = 0; i < model->run_count; i++)
		total += model->runs[i].block_count;
	for (unsigned c = 0; c < s->columns.blocks && total > 0; c++) {
		uint64_t block = (2 * c + 1) * total / (2 * (uint64_t)s->columns.blocks);
		size_t i = 0;

		while (i + 1 < model->run_count && block >= model->runs[i].block_count)
			block -= model->runs[i++].block_count;
		strbuf_append(&map,
			      watch_bar_glyph(strcmp(model->places[model->runs[i].place].device, model->device) == 0 ? 0 : 3,
					      s->shape->utf8));
	}
	watch_line_left(&s->line, strbuf_text(&map), s->columns.blocks);
	watch_line_space(&s->line, 1);
	s->line.out->failed = s->line.out->failed || map.failed;
	strbuf_free(&map);
}

static void put_holders(struct screen *s, const struct live_now_model *model)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < model->holder_count; i++) {
		if (model->holders[i].strong)
			strbuf_printf(&text, "%s%s", text.length ? ", " : "", model->holders[i].label);
	}
	if (model->holders_left_out)
		strbuf_printf(&text, " and %zu more", model->holders_left_out);
	else if (text.length == 0)
		strbuf_append(&text, model->holder_count ? "nothing" : "?");
	watch_line_add_all(&s->line, &text);
}

static void put_where(struct screen *s, const struct live_now_model *model)
{
	struct watch_line *line = &s->line;
	char text[UNITS_TEXT_MAX];

	if (strcmp(model->state, "resident") == 0 || strcmp(model->state, "loaded_unlisted") == 0) {
		watch_line_left(line, model->device[0] ? model->device : "?", 8);
		watch_line_right(line, watch_bytes_text(model->bytes_are_known ? watch_bytes_here(model) : UNKNOWN_U64, text),
				 8);
		watch_line_space(line, 2);
		put_elsewhere(s, model);
	} else {
		char where[128];

		snprintf(where, sizeof(where), "%s, %s%s", model->state,
			 watch_bytes_text(model->bytes_are_known ? watch_bytes(model) : UNKNOWN_U64, text),
			 model->place_count == 1 && model->bytes_are_known ? " on " : "");
		if (model->place_count == 1 && model->bytes_are_known)
			strncat(where, model->places[0].device, sizeof(where) - strlen(where) - 1);
		watch_line_left(line, where, 18 + s->columns.elsewhere);
	}
	if (s->columns.blocks)
		put_blocks(s, model);
	if (strcmp(model->state, "loaded_unlisted") == 0)
		watch_line_add(line, "(in no list) ");
	if (s->columns.has_holders)
		put_holders(s, model);
}

static void put_left(struct screen *s, const struct watch_row *row)
{
	char since[UNITS_TEXT_MAX];
	char size[UNITS_TEXT_MAX] = "";
	struct strbuf text = STRBUF_INIT;

	watch_ago(watch_ago_ns(s->view, row->left->time_ns), since);
	if (!s->columns.has_holders) {
		watch_line_printf(&s->line, "left %s: %s", since, row->left->reason);
		return;
	}
	if (row->model)
		watch_bytes_text(row->model->bytes_are_known ? watch_bytes(row->model) : UNKNOWN_U64, size);
	strbuf_printf(&text, "left %s ago: %s; %s%s%s", since, row->left->reason, size, row->model ? " " : "",
		      row->model ? row->model->state : "dead");
	if (row->left->action[0])
		strbuf_printf(&text, ", in %s", watch_call_name(row->left->action));
	watch_line_add_all(&s->line, &text);
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
	struct watch_line *line = &s->line;

	line->style = row_style(row);
	watch_line_left(line, row->is_missed ? "!" : "", 2);
	watch_line_left(line, watch_row_name(row), s->columns.name);
	watch_line_space(line, 1);
	watch_line_left(line, watch_row_kind(row), 5);
	watch_line_left(line, watch_keep(watch_row_keep(row)), 5);
	if (row->left)
		put_left(s, row);
	else
		put_where(s, row->model);
	watch_line_end(line);
}

void watch_put_models(struct screen *s, const struct watch_row *rows, size_t count, unsigned room)
{
	size_t shown = watch_shown(count, room);

	put_model_heading(s);
	for (size_t i = 0; i < shown; i++)
		put_model(s, &rows[i]);
	if (shown < count && room)
		watch_put_more(s, count - shown + s->view->now->models_left_out);
	if (count == 0 && room) {
		s->line.style = STYLE_DIM;
		watch_line_add(&s->line, s->view->only_kept ? "  none that is to be kept" : "  none is loaded");
		watch_line_end(&s->line);
	}
}
