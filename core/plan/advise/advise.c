/* Advice on an allocation string: what the version's row says of the text, then of a plan made from it, sorted by place. A mistake
 * that stops the planner is told once, by the check that sees it first. Traps are collected on the way, in the order in which they
 * are found; when there is no plan, that is the only trap.
 */
#include "core/plan/advise/advise.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/words.h"
#include "core/plan/advise/advisor.h"
#include "core/plan/versions.h"

enum advice_part { PART_FOUND, PART_UPSTREAM, PART_INSTEAD };

WORDS_NAME(advise_kind_name, enum advice_kind, ADVICE_KINDS)

const char *advise_weight_name(enum advice_weight weight)
{
	static const char *const names[] = { "note", "warning", "malformed" };

	return names[weight];
}

/* ---- one piece of advice ---- */

static size_t characters(const char *from, const char *to)
{
	size_t count = 0;

	for (; from < to; from++)
		count += ((unsigned char)*from & 0xc0) != 0x80;
	return count;
}

void advisor_add(struct advisor *a, enum advice_kind kind, enum advice_weight weight, struct span where)
{
	struct advice_list *list = a->list;
	struct advice advice = { .kind = kind, .weight = weight };

	if (a->failed)
		return;
	if (!array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items), NULL)) {
		a->failed = true;
		return;
	}
	if (where.text) {
		advice.column = 1 + characters(a->request->allocation, where.text);
		advice.length = characters(where.text, where.text + where.length);
	}
	list->items[list->count++] = advice;
}

#define TEXT_MAX 700

/* A message may quote half a character of a string that was cut; then only ASCII of it is kept. */
static void keep_text_whole(char *text)
{
	json_t *whole = json_string(text);

	for (; !whole && *text; text++) {
		if ((unsigned char)*text > 0x7f)
			*text = '?';
	}
	json_decref(whole);
}

static void say(struct advisor *a, enum advice_part part, const char *format, va_list arguments)
{
	struct advice *advice;
	char *text;

	if (a->failed)
		return;
	text = array_new(1, TEXT_MAX, NULL);
	if (!text) {
		a->failed = true;
		return;
	}
	vsnprintf(text, TEXT_MAX, format, arguments);
	keep_text_whole(text);
	advice = &a->list->items[a->list->count - 1];
	if (part == PART_FOUND)
		advice->found = text;
	else if (part == PART_UPSTREAM)
		advice->upstream = text;
	else
		advice->instead = text;
}

void advisor_found(struct advisor *a, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(a, PART_FOUND, format, arguments);
	va_end(arguments);
}

void advisor_upstream(struct advisor *a, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(a, PART_UPSTREAM, format, arguments);
	va_end(arguments);
}

void advisor_instead(struct advisor *a, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(a, PART_INSTEAD, format, arguments);
	va_end(arguments);
}

bool advisor_has(const struct advisor *a, enum advice_kind kind)
{
	for (size_t i = 0; i < a->list->count; i++) {
		if (a->list->items[i].kind == kind)
			return true;
	}
	return false;
}

/* ---- the string's devices ---- */

size_t advisor_device(const struct advisor *a, struct span name)
{
	for (size_t i = 0; i < a->request->device_count; i++) {
		if (span_is(name, a->request->devices[i].name))
			return i;
	}
	return SIZE_MAX;
}

struct span advisor_place_of(const struct advisor *a, const char *device)
{
	struct span whole = span_of(a->request->allocation);
	size_t length = strlen(device);

	for (size_t i = 0; i + length <= whole.length; i++) {
		char before = i ? whole.text[i - 1] : ';';
		char after = i + length < whole.length ? whole.text[i + length] : ';';

		if (memcmp(whole.text + i, device, length) == 0 && strchr("#;,", before) && strchr("#;,", after))
			return (struct span) { whole.text + i, length };
	}
	return (struct span) { NULL, 0 };
}

/* ---- planning it ---- */

/* Something to plan where no model is known: 16 GiB in equal blocks. */
#define NOMINAL_BLOCKS 64u

static void make_nominal(struct plan_block blocks[NOMINAL_BLOCKS])
{
	for (size_t i = 0; i < NOMINAL_BLOCKS; i++)
		blocks[i] = (struct plan_block) { .name = "block",
						  .size_bytes = UINT64_C(1) << 28,
						  .weight_size_bytes = UINT64_C(1) << 28,
						  .has_bias = true };
}

/* Whether what stopped the planner was already spoken of, at its column or around it. */
static bool is_told(const struct advisor *a, const struct plan_failure *failure)
{
	for (size_t i = 0; i < a->list->count; i++) {
		const struct advice *advice = &a->list->items[i];

		if (advice->weight == ADVICE_NOTE || advice->column == 0)
			continue;
		if (failure->column == 0 ||
		    (failure->column >= advice->column && failure->column <= advice->column + advice->length))
			return true;
	}
	return false;
}

static void tell_failure(struct advisor *a, const struct plan_failure *failure, const struct error *why)
{
	const struct plan_rules *rules = a->request->rules;
	struct span where = { NULL, 0 };

	if (is_told(a, failure))
		return;
	if (failure->column) {
		const char *at = a->request->allocation;

		for (size_t i = 1; i < failure->column && *at; at++)
			i += ((unsigned char)at[1] & 0xc0) != 0x80;
		where = (struct span) { at, strcspn(at, ";,#") };
	}
	advisor_add(a, ADVICE_UNREADABLE, ADVICE_MALFORMED, where);
	advisor_found(a, "%s", trouble_message(why->text, a->request->allocation, failure->column));
	if (rules->raises)
		advisor_upstream(a, "%s when the model is loaded", rules->raises(failure->exception));
}

/* False when there is no plan for reasons that are not the string's. */
static bool plan_it(struct advisor *a, struct error *e)
{
	const struct advise_request *request = a->request;
	struct plan_block nominal[NOMINAL_BLOCKS];
	struct plan_request wanted = { .rules = request->rules,
				       .allocation = request->allocation,
				       .is_clip = request->is_clip,
				       .blocks = request->blocks ? request->blocks : nominal,
				       .block_count = request->blocks ? request->block_count : NOMINAL_BLOCKS,
				       .devices = request->devices,
				       .device_count = request->device_count };
	struct plan_failure failure;
	struct error why = ERROR_INIT;
	struct plan *plan;

	make_nominal(nominal);
	plan = plan_make(&wanted, &failure, &why);
	if (!plan && failure.exception == EXCEPTION_NONE)
		return error_set(e, why.kind, "%s", why.text);
	if (plan) {
		advise_trap_of_meaning(a, plan);
		request->rules->advise_plan(a, plan);
		advise_trap_of_routes(a, plan);
	} else {
		advise_trap_of_failure(a, &failure);
		tell_failure(a, &failure, &why);
	}
	plan_free(plan);
	return true;
}

static int compare_advice(const void *x, const void *y)
{
	const struct advice *a = x;
	const struct advice *b = y;
	size_t column_a = a->column ? a->column : SIZE_MAX;
	size_t column_b = b->column ? b->column : SIZE_MAX;

	if (column_a != column_b)
		return column_a < column_b ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return (a->kind > b->kind) - (a->kind < b->kind);
}

static void free_advice(struct advice_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].found);
		free(list->items[i].upstream);
		free(list->items[i].instead);
	}
	list->count = 0;
}

/* An empty string is no mistake, whatever the planner would make of it; only its traps stay. */
static void tell_off(struct advisor *a)
{
	free_advice(a->list);
	advisor_add(a, ADVICE_OFF, ADVICE_NOTE, (struct span) { NULL, 0 });
	advisor_found(a, "the string is empty: DisTorch is off, and ComfyUI places the model by itself");
}

bool advise(const struct advise_request *request, struct advice_list *list, struct error *e)
{
	struct advisor a = { .request = request, .list = list };
	struct error unread = ERROR_INIT;
	struct trouble t = { .allocation = request->allocation,
			     .text = request->allocation,
			     .text_length = strlen(request->allocation),
			     .e = &unread };

	*list = (struct advice_list) { .items = NULL };
	/* A string that cannot be taken apart is told by the planner, which stops there too. */
	if (allocation_parse(&a.allocation, request->allocation, request->rules, &t) && request->rules->advise_text)
		request->rules->advise_text(&a);
	if (!a.failed && !plan_it(&a, e))
		return false;
	if (request->allocation[0] == '\0')
		tell_off(&a);
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_advice);
	return !a.failed || error_no_memory(e);
}

enum advice_weight advise_list_weight(const struct advice_list *list)
{
	enum advice_weight gravest = ADVICE_NOTE;

	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].weight > gravest)
			gravest = list->items[i].weight;
	}
	return gravest;
}

void advise_list_free(struct advice_list *list)
{
	free_advice(list);
	free(list->items);
	free(list->traps);
	*list = (struct advice_list) { .items = NULL };
}
