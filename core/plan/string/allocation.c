/* An allocation string is cut at the first '#', its tail at every ';'. The version decides whether a missing or a second '#' is an
 * error and which mode the expert part has; there are few ways to do either, each a function here that rows of versions.c name.
 * Items of the expert part are cut one at a time, on request, so that reading a string of any length takes no memory.
 */
#include "core/plan/string/allocation.h"

#include "core/plan/versions.h"

bool allocation_needs_at_most_one_hash(const struct allocation *a, const struct trouble *t)
{
	return !a->second_hash || trouble_at(t, EXCEPTION_VALUE, a->second_hash, "a second '#'; one is allowed");
}

bool allocation_needs_one_hash(const struct allocation *a, const struct trouble *t)
{
	if (!a->hash)
		return trouble_at(t, EXCEPTION_VALUE, a->whole.text + a->whole.length,
				  "there is no '#'; wanted expert#compute;virtual_vram_gb;donors, such as #cuda:0;4.0;cpu");
	return allocation_needs_at_most_one_hash(a, t);
}

static struct allocation split(struct span whole)
{
	struct allocation a = { .whole = whole, .hash = span_find(whole, '#'), .expert = whole };
	struct span rest;

	a.tail = (struct span) { whole.text + whole.length, 0 };
	if (a.hash) {
		a.expert = span_before(whole, a.hash);
		a.tail = span_after(whole, a.hash);
		a.second_hash = span_find(a.tail, '#');
	}
	a.tail_piece_count = span_count_pieces(a.tail, ';');
	rest = a.tail;
	span_next(&rest, ';', &a.compute);
	if (a.tail_piece_count >= 2)
		span_next(&rest, ';', &a.amount);
	if (a.tail_piece_count >= 3)
		span_next(&rest, ';', &a.donors);
	return a;
}

enum plan_mode allocation_mode_by_letters(const struct allocation *a)
{
	if (a->expert.length == 0)
		return PLAN_VVRAM;
	/* Any of the letters anywhere makes it bytes, device names included: "mps,50%" is 50 bytes. */
	if (text_has_unit(a->expert))
		return PLAN_BYTE;
	return span_find(a->expert, '%') ? PLAN_RATIO : PLAN_FRACTION;
}

/* Without '#' it is an expert part even when it is empty. */
enum plan_mode allocation_mode_of_fractions(const struct allocation *a)
{
	return a->expert.length == 0 && a->hash ? PLAN_VVRAM : PLAN_FRACTION;
}

void allocation_append_size(struct strbuf *text, const char *device, double gib)
{
	strbuf_printf(text, "%s,%.2fgb", device, gib);
}

bool allocation_parse(struct allocation *a, const char *text, const struct plan_rules *rules, const struct trouble *t)
{
	struct span whole = span_of(text);

	if (whole.length > ALLOCATION_LENGTH_MAX)
		return trouble_at(t, EXCEPTION_VALUE, text, "%zu bytes long (%d at most)", whole.length, ALLOCATION_LENGTH_MAX);
	*a = split(whole);
	if (rules->check_hashes && !rules->check_hashes(a, t))
		return false;
	if (a->tail.length == 0 && rules->default_compute)
		a->compute = span_of(rules->default_compute);
	a->mode = rules->mode_of(a);
	return true;
}

bool allocation_next_item(struct span *rest, struct allocation_item *item)
{
	*item = (struct allocation_item) { .comma = NULL };
	if (!span_next(rest, ';', &item->whole))
		return false;
	item->comma = span_find(item->whole, ',');
	if (item->comma) {
		item->device = span_before(item->whole, item->comma);
		item->value = span_after(item->whole, item->comma);
	}
	return true;
}

bool allocation_next_pair(struct span *rest, struct span *device, struct span *value)
{
	struct allocation_item item;

	while (allocation_next_item(rest, &item)) {
		if (!item.comma)
			continue;
		*device = item.device;
		*value = item.value;
		return true;
	}
	return false;
}

bool allocation_has_donor(const char *text)
{
	return text && split(span_of(text)).donors.length > 0;
}
