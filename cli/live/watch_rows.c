#include "cli/live/watch_rows.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"

const char *watch_row_name(const struct watch_row *row)
{
	return row->model ? row->model->name : row->left->name;
}

const char *watch_row_kind(const struct watch_row *row)
{
	return row->model ? row->model->kind : row->left->kind;
}

enum keep_request watch_row_keep(const struct watch_row *row)
{
	return row->model ? row->model->keep : row->left->keep;
}

uint64_t watch_ago_ns(const struct watch_view *view, uint64_t time_ns)
{
	uint64_t then_ns = view->now->time_ns;

	return clock_add_ns(then_ns > time_ns ? then_ns - time_ns : 0, view->age_ns);
}

static uint64_t add_bytes(uint64_t a, uint64_t b)
{
	return b == UNKNOWN_U64 || a > UNKNOWN_U64 - 1 - b ? a : a + b;
}

uint64_t watch_bytes(const struct live_now_model *model)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < model->place_count; i++)
		sum = add_bytes(sum, model->places[i].size_bytes);
	return sum;
}

uint64_t watch_bytes_here(const struct live_now_model *model)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < model->place_count; i++) {
		if (strcmp(model->places[i].device, model->device) == 0)
			sum = add_bytes(sum, model->places[i].size_bytes);
	}
	return sum;
}

/* ---- who has left ---- */

static bool is_resident(const struct live_now_model *model)
{
	return strcmp(model->state, "resident") == 0;
}

static const struct live_now_model *find_living(const struct live_now *now, uint64_t number)
{
	for (size_t i = 0; i < now->model_count; i++) {
		if (now->models[i].number == number)
			return &now->models[i];
	}
	return NULL;
}

static bool is_back(const struct live_now *now, const struct live_now_left *left)
{
	for (size_t i = 0; i < now->model_count; i++) {
		const struct live_now_model *model = &now->models[i];

		if (is_resident(model) && strcmp(model->name, left->name) == 0 && strcmp(model->kind, left->kind) == 0)
			return true;
	}
	return false;
}

/* Whether another model of the same name and kind left later. */
static bool is_old_news(const struct live_now *now, size_t index)
{
	const struct live_now_left *left = &now->left[index];

	for (size_t i = index + 1; i < now->left_count; i++) {
		if (strcmp(now->left[i].name, left->name) == 0 && strcmp(now->left[i].kind, left->kind) == 0)
			return true;
	}
	return false;
}

static bool is_shown(const struct watch_view *view, size_t index)
{
	const struct live_now_left *left = &view->now->left[index];

	if (is_back(view->now, left) || is_old_news(view->now, index))
		return false;
	return left->keep == KEEP_YES || watch_ago_ns(view, left->time_ns) < WATCH_LEFT_SHOWN_NS;
}

static const struct live_now_left *how_it_left(const struct watch_view *view, const struct live_now_model *model)
{
	const struct live_now *now = view->now;

	for (size_t i = now->left_count; i-- > 0;) {
		if (now->left[i].model == model->number)
			return !is_resident(model) && is_shown(view, i) ? &now->left[i] : NULL;
	}
	return NULL;
}

/* ---- order ---- */

static int by_text(const char *a, const char *b)
{
	return (strcmp(a, b) > 0) - (strcmp(a, b) < 0);
}

static int by_size(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

/* The loaded list, then who lives outside of it, then the dead. */
static int64_t place_in_list(const struct watch_row *row)
{
	if (!row->model)
		return INT64_MAX;
	return row->model->listed < 0 ? INT64_MAX - 1 : row->model->listed;
}

static int compare(const struct watch_row *a, const struct watch_row *b, enum watch_sort sort)
{
	switch (sort) {
	case WATCH_BY_SIZE:
		return by_size(a->model ? watch_bytes(a->model) : 0, b->model ? watch_bytes(b->model) : 0);
	case WATCH_BY_NAME:
		return by_text(watch_row_name(a), watch_row_name(b));
	case WATCH_BY_DEVICE:
		return by_text(a->model ? a->model->device : "~", b->model ? b->model->device : "~");
	case WATCH_BY_LIST:
	case WATCH_SORT_COUNT:
		break;
	}
	return (place_in_list(a) > place_in_list(b)) - (place_in_list(a) < place_in_list(b));
}

/* Who should not have left comes first, whatever the order. */
static int compare_rows(const void *a, const void *b, void *context)
{
	const struct watch_row *left = a;
	const struct watch_row *right = b;
	int order = (int)right->is_missed - (int)left->is_missed;

	if (order == 0)
		order = compare(left, right, *(const enum watch_sort *)context);
	return order ? order : (left->order > right->order) - (left->order < right->order);
}

/* ---- rows ---- */

static void add(const struct watch_view *view, struct watch_row *rows, size_t *count, struct watch_row row)
{
	row.order = *count;
	row.is_missed = row.left && row.left->keep == KEEP_YES;
	if (!view->only_kept || watch_row_keep(&row) == KEEP_YES || row.is_missed)
		rows[(*count)++] = row;
}

struct watch_row *watch_rows(const struct watch_view *view, size_t *count, struct error *e)
{
	const struct live_now *now = view->now;
	struct watch_row *rows = array_new(now->model_count + now->left_count + 1, sizeof(*rows), e);
	enum watch_sort sort = view->sort;

	*count = 0;
	if (!rows)
		return NULL;
	for (size_t i = 0; i < now->model_count; i++)
		add(view, rows, count,
		    (struct watch_row) { .model = &now->models[i], .left = how_it_left(view, &now->models[i]) });
	for (size_t i = 0; i < now->left_count; i++) {
		if (!find_living(now, now->left[i].model) && is_shown(view, i))
			add(view, rows, count, (struct watch_row) { .left = &now->left[i] });
	}
	qsort_r(rows, *count, sizeof(*rows), compare_rows, &sort);
	return rows;
}
