/* From findings to cards. */
#include "reports/triage/triage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "db/query.h"
#include "db/records/cell_axes.h"
#include "db/store.h"

/* Wrong results first, then what is gone, then what is in the way, then what is only untidy. */
const char *const triage_classes[] = { "corrupted",    "lost",	     "detached", "misplaced", "stray", "leaked",
				       "unattributed", "duplicated", "stale",	 "slower",    NULL };

static size_t rank_of(const char *class_name)
{
	size_t rank = 0;

	while (triage_classes[rank] && strcmp(triage_classes[rank], class_name) != 0)
		rank++;
	return rank;
}

const char *triage_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

int64_t triage_number(const json_t *object, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

const char *triage_run(const json_t *triage)
{
	return triage_member(json_object_get(triage, "run"), "id");
}

size_t triage_finding_count(const json_t *triage)
{
	return (size_t)triage_number(triage, "findings", 0);
}

size_t triage_untrustworthy_count(const json_t *triage)
{
	return (size_t)triage_number(triage, "untrustworthy", 0);
}

/* ---- what a row becomes ---- */

/* JSON kept as text; the fallback (taken over) if it was cut or is not JSON. */
static json_t *parsed_or(const char *text, json_t *fallback)
{
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!value)
		return fallback;
	json_decref(fallback);
	return value;
}

static json_t *words_value(const char *text, const char *separators)
{
	json_t *list = json_array();
	bool fine = list != NULL;

	while (*text && fine) {
		size_t length = strcspn(text, separators);
		char word[128];

		snprintf(word, sizeof(word), "%.*s", (int)(length < sizeof(word) ? length : sizeof(word) - 1), text);
		if (word[strspn(word, " ")])
			fine = json_push(list, json_any_text(word + strspn(word, " ")), NULL);
		text += length + (text[length] != '\0');
	}
	if (fine)
		return list;
	json_decref(list);
	return NULL;
}

enum card_value {
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_HOLDERS, /* JSON in the store; null where unknown */
	VALUE_CODES /* one space between */
};

static json_t *column_value(const struct query *q, int column, enum card_value kind)
{
	switch (kind) {
	case VALUE_TEXT:
		return json_any_text(query_text(q, column));
	case VALUE_NUMBER:
		return query_is_null(q, column) ? json_null() : json_integer(query_integer(q, column));
	case VALUE_HOLDERS:
		return query_text(q, column)[0] ? parsed_or(query_text(q, column), json_array()) : json_null();
	case VALUE_CODES:
		return words_value(query_text(q, column), " ");
	}
	return NULL;
}

/* The columns of the query, in its order: the cell's, then the finding's. */
#define AXIS_NAME(NAME, member, capacity, option, usual, ...) #member,
static const char *const cell_columns[] = { "subject", CELL_AXES(AXIS_NAME, ) "workflow", "topology" };

static const struct {
	const char *name;
	enum card_value kind;
} finding_columns[] = {
	{ .name = "class", .kind = VALUE_TEXT },
	{ .name = "model", .kind = VALUE_TEXT },
	{ .name = "kind", .kind = VALUE_TEXT },
	{ .name = "size_bytes", .kind = VALUE_NUMBER },
	{ .name = "device", .kind = VALUE_TEXT },
	{ .name = "planned_device", .kind = VALUE_TEXT },
	{ .name = "stage", .kind = VALUE_TEXT },
	{ .name = "action", .kind = VALUE_TEXT },
	{ .name = "reason", .kind = VALUE_TEXT },
	{ .name = "state", .kind = VALUE_TEXT },
	{ .name = "end_state", .kind = VALUE_TEXT },
	{ .name = "holders_before", .kind = VALUE_HOLDERS },
	{ .name = "holders_after", .kind = VALUE_HOLDERS },
	{ .name = "missing_holder", .kind = VALUE_TEXT },
	{ .name = "path", .kind = VALUE_TEXT },
	{ .name = "bytes_before", .kind = VALUE_NUMBER },
	{ .name = "bytes_after", .kind = VALUE_NUMBER },
	{ .name = "weak_state", .kind = VALUE_TEXT },
	{ .name = "place", .kind = VALUE_TEXT },
	{ .name = "expected", .kind = VALUE_TEXT },
	{ .name = "actual", .kind = VALUE_TEXT },
	{ .name = "detail", .kind = VALUE_TEXT },
	{ .name = "facts", .kind = VALUE_CODES },
	{ .name = "failure_class", .kind = VALUE_NUMBER },
	{ .name = "cause", .kind = VALUE_TEXT },
	{ .name = "threads", .kind = VALUE_TEXT },
	{ .name = "why", .kind = VALUE_TEXT },
};

#define FINDINGS                                                                                                               \
	"SELECT f.cell, f.subject" CELL_AXES(                                                                                  \
		CELL_AXIS_COLUMN,                                                                                              \
		"f") ", f.workflow, f.topology,"                                                                               \
		     " f.class, f.model, coalesce(o.kind, ''), f.size_bytes, coalesce(f.device_name, 'device ' || f.device, "  \
		     "''),"                                                                                                    \
		     " coalesce(f.planned_device_name, 'device ' || f.planned_device, ''), f.stage, f.action, f.reason,"       \
		     " coalesce(f.state, ''), coalesce(f.end_state, ''), f.holders_before, f.holders_after, "                  \
		     "f.missing_holder, f.path,"                                                                               \
		     " f.bytes_before, f.bytes_after, f.weak_state, f.place, f.expected, f.actual, f.detail, f.facts, "        \
		     "f.failure_class,"                                                                                        \
		     " f.cause, f.threads, f.why"                                                                              \
		     " FROM v_findings f LEFT JOIN v_objects o ON o.run = f.run AND o.cell = f.cell AND o.model = f.object"    \
		     " WHERE f.run = ?1 AND (?2 < 0 OR f.cell = ?2)"                                                           \
		     " ORDER BY f.subject, f.class, f.cause, f.reason, substr(f.stage, instr(f.stage, '.')),"                  \
		     " substr(f.action || ' ', 1, instr(f.action || ' ', ' ')), CASE WHEN f.object IS NULL THEN f.place ELSE " \
		     "'' END, "                                                                                                \
		     "f.cell,"                                                                                                 \
		     " f.number"

static json_t *cell_value(const struct query *q)
{
	json_t *cell = json_object();
	bool fine = cell && json_put(cell, "cell", json_integer(query_integer(q, 0)), NULL);

	for (size_t i = 0; fine && i < ARRAY_SIZE(cell_columns); i++)
		fine = json_put(cell, cell_columns[i], json_any_text(query_text(q, (int)i + 1)), NULL);
	if (fine)
		return cell;
	json_decref(cell);
	return NULL;
}

/* A member that is there already, under another object. */
static json_t *shared(const json_t *object, const char *name)
{
	return json_incref(json_object_get(object, name));
}

/* What the finding says of its cause becomes an object of its own; null where it says nothing. */
static bool set_likely(json_t *card)
{
	json_t *likely;

	if (!triage_member(card, "cause")[0]) {
		if (!json_put(card, "likely", json_null(), NULL))
			return false;
	} else {
		likely = json_object();
		if (!json_put(card, "likely", likely, NULL) ||
		    !json_put(likely, "class", shared(card, "failure_class"), NULL) ||
		    !json_put(likely, "cause", shared(card, "cause"), NULL) ||
		    !json_put(likely, "threads", words_value(triage_member(card, "threads"), ","), NULL) ||
		    !json_put(likely, "why", shared(card, "why"), NULL))
			return false;
	}
	json_object_del(card, "failure_class");
	json_object_del(card, "cause");
	json_object_del(card, "threads");
	json_object_del(card, "why");
	return true;
}

static json_t *card_value(const struct query *q)
{
	json_t *card = json_object();
	bool fine = card != NULL;

	for (size_t i = 0; fine && i < ARRAY_SIZE(finding_columns); i++) {
		int column = (int)(1 + ARRAY_SIZE(cell_columns) + i);

		fine = json_put(card, finding_columns[i].name, column_value(q, column, finding_columns[i].kind), NULL);
	}
	if (fine && set_likely(card) && json_put(card, "count", json_integer(0), NULL) &&
	    json_put(card, "models", json_array(), NULL) && json_put(card, "cells", json_array(), NULL))
		return card;
	json_decref(card);
	return NULL;
}

/* ---- folding ---- */

/* What findings of one card have in common, as one text. */
static void fold_key(const json_t *card, const json_t *cell, struct strbuf *key)
{
	const char *stage = strchr(triage_member(card, "stage"), '.');
	const char *action = triage_member(card, "action");

	strbuf_clear(key);
	strbuf_printf(key, "%s\n%s\n%s\n%s\n%s\n%.*s\n%s", triage_member(cell, "subject"), triage_member(card, "class"),
		      triage_member(json_object_get(card, "likely"), "cause"), triage_member(card, "reason"),
		      stage ? stage : triage_member(card, "stage"), (int)strcspn(action, " "), action,
		      triage_member(card, "model")[0] ? "" : triage_member(card, "place"));
}

static bool list_has(const json_t *list, const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_equal(item, value))
			return true;
	}
	return false;
}

/* Rows of one cell follow each other. */
static bool add_to_card(json_t *card, const json_t *row, json_t *cell)
{
	json_t *model = json_object_get(row, "model");
	json_t *models = json_object_get(card, "models");
	json_t *cells = json_object_get(card, "cells");
	const json_t *last = json_array_get(cells, json_array_size(cells) - 1);

	if (!json_put(card, "count", json_integer(triage_number(card, "count", 0) + 1), NULL))
		return false;
	if (triage_member(row, "model")[0] && !list_has(models, model) && json_array_append(models, model) != 0)
		return false;
	return triage_number(last, "cell", -1) == triage_number(cell, "cell", -2) || json_array_append(cells, cell) == 0;
}

static bool wanted(const json_t *card, const json_t *cell, const struct triage_filter *filter)
{
	return (!filter->class_name || strcmp(filter->class_name, triage_member(card, "class")) == 0) &&
	       (!filter->policy || strcmp(filter->policy, triage_member(cell, "policy")) == 0);
}

/* What folding remembers from row to row. */
struct folding {
	json_t *cards;
	const struct triage_filter *filter;
	struct strbuf last, key;
};

/* Appends the row to the last card, or begins one. */
static bool fold(struct folding *f, json_t *card, json_t *cell)
{
	json_t *open = json_array_get(f->cards, json_array_size(f->cards) - 1);

	if (!wanted(card, cell, f->filter))
		return true;
	fold_key(card, cell, &f->key);
	if (open && strcmp(strbuf_text(&f->key), strbuf_text(&f->last)) == 0)
		return add_to_card(open, card, cell);
	strbuf_clear(&f->last);
	strbuf_append(&f->last, strbuf_text(&f->key));
	return add_to_card(card, card, cell) && json_array_append(f->cards, card) == 0 && strbuf_ok(&f->key) &&
	       strbuf_ok(&f->last);
}

static bool fold_row(struct folding *f, const struct query *q)
{
	json_t *card = card_value(q);
	json_t *cell = card ? cell_value(q) : NULL;
	bool fine = cell && fold(f, card, cell);

	json_decref(card);
	json_decref(cell);
	return fine;
}

static json_t *read_cards(struct store *store, const char *run, const struct triage_filter *filter, struct error *e)
{
	struct folding f = { .cards = json_array(), .filter = filter };
	struct query q;
	bool fine = f.cards != NULL;

	query_begin(&q, store, FINDINGS, run, filter->cell, e);
	while (fine && query_next(&q))
		fine = fold_row(&f, &q);
	if (!fine)
		error_no_memory(e);
	fine = query_end(&q) && fine;
	strbuf_free(&f.last);
	strbuf_free(&f.key);
	if (fine)
		return f.cards;
	json_decref(f.cards);
	return NULL;
}

/* ---- order, and what is added to a card once it is whole ---- */

static int compare_cards(const void *a, const void *b)
{
	const json_t *left = *(json_t *const *)a;
	const json_t *right = *(json_t *const *)b;
	size_t left_rank = rank_of(triage_member(left, "class"));
	size_t right_rank = rank_of(triage_member(right, "class"));
	int64_t more = triage_number(right, "count", 0) - triage_number(left, "count", 0);

	if (left_rank != right_rank)
		return left_rank < right_rank ? -1 : 1;
	if (more)
		return more < 0 ? -1 : 1;
	return (int)(triage_number(json_array_get(json_object_get(left, "cells"), 0), "cell", 0) -
		     triage_number(json_array_get(json_object_get(right, "cells"), 0), "cell", 0));
}

/* A new list of the same cards, worst first. */
static json_t *sort_cards(json_t *cards, struct error *e)
{
	size_t count = json_array_size(cards);
	json_t **order = array_new(count + 1, sizeof(*order), e);
	json_t *sorted = order ? json_array() : NULL;

	if (!sorted) {
		free(order);
		error_no_memory(e);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		order[i] = json_array_get(cards, i);
	qsort(order, count, sizeof(*order), compare_cards);
	for (size_t i = 0; sorted && i < count; i++) {
		if (json_array_append(sorted, order[i]) != 0) {
			json_decref(sorted);
			sorted = NULL;
		}
	}
	free(order);
	if (!sorted)
		error_no_memory(e);
	return sorted;
}

static bool finish_cards(json_t *cards, const char *command, struct error *e)
{
	json_t *card;
	size_t i;

	json_array_foreach(cards, i, card)
	{
		const json_t *cell = json_array_get(json_object_get(card, "cells"), 0);
		struct strbuf line = STRBUF_INIT;
		bool fine = triage_rerun(cell, command, &line, e) && (strbuf_ok(&line) || error_no_memory(e));

		if (fine && (!json_put(card, "number", json_integer((json_int_t)i + 1), NULL) ||
			     !json_put(card, "rerun", json_any_text(strbuf_text(&line)), NULL)))
			fine = error_no_memory(e);
		strbuf_free(&line);
		if (!fine)
			return false;
	}
	return true;
}

/* ---- the run ---- */

static json_t *run_value(const struct query *q)
{
	json_t *about = json_object();
	json_t *value = json_object();

	if (!about || !value || !json_put(about, "id", json_any_text(query_text(q, 0)), NULL) ||
	    !json_put(about, "command", json_any_text(query_text(q, 1)), NULL) ||
	    !json_put(about, "version", json_any_text(query_text(q, 2)), NULL) ||
	    !json_put(about, "state", json_any_text(query_text(q, 3)), NULL) ||
	    !json_put(about, "environment", parsed_or(query_text(q, 4), json_object()), NULL) ||
	    !json_put(value, "schema", json_integer(1), NULL) || json_object_set(value, "run", about) != 0 ||
	    !json_put(value, "cells", json_integer(query_integer(q, 5)), NULL) ||
	    !json_put(value, "untrustworthy", json_integer(query_integer(q, 6)), NULL)) {
		json_decref(value);
		value = NULL;
	}
	json_decref(about);
	return value;
}

static json_t *read_run(struct store *store, const char *run, struct error *e)
{
	json_t *value = NULL;
	bool there = false;
	struct query q;

	query_begin(&q, store,
		    "SELECT run, command, version, state, environment, cells, untrustworthy FROM v_runs"
		    " WHERE ?1 IS NULL OR run = ?1 ORDER BY started_wall_ns DESC, run DESC LIMIT 1",
		    run, 0, e);
	while (query_next(&q)) {
		there = true;
		value = run_value(&q);
	}
	if (!query_end(&q)) {
		json_decref(value);
		return NULL;
	}
	if (!value && there)
		error_no_memory(e);
	else if (!value && run)
		error_set(e, ERROR_MISSING, "%s holds no run %.40s", store_path(store), run);
	else if (!value)
		error_set(e, ERROR_MISSING, "%s holds no run yet: `residency matrix` makes one", store_path(store));
	return value;
}

json_t *triage_read(struct store *store, const char *run, const struct triage_filter *filter, struct error *e)
{
	json_t *triage = read_run(store, run, e);
	const json_t *about = json_object_get(triage, "run");
	json_t *cards = triage ? read_cards(store, triage_member(about, "id"), filter, e) : NULL;
	json_t *sorted = cards ? sort_cards(cards, e) : NULL;
	json_int_t findings = 0;
	const json_t *card;
	size_t i;

	json_decref(cards);
	if (!sorted || !finish_cards(sorted, triage_member(about, "command"), e)) {
		json_decref(sorted);
		json_decref(triage);
		return NULL;
	}
	json_array_foreach(sorted, i, card)
	{
		findings += triage_number(card, "count", 0);
	}
	if (json_put(triage, "cards", sorted, NULL) && json_put(triage, "findings", json_integer(findings), NULL))
		return triage;
	error_no_memory(e);
	json_decref(triage);
	return NULL;
}
