/* An allocation string is cut at the first '#', its tail at every ';'; the version says whether a missing or a second '#' is an
 * error and what mode the expert part has. Items of the expert part are cut one by one when they are asked for, so that a string
 * of any length is read without memory of its own.
 */
#include "core/plan/string/allocation.h"

#include <string.h>

/* V1 reads a string without '#' as an expert part, and one with as two pieces; 01df082 wants two pieces always; HEAD splits at
 * the first '#' and lets the tail keep the others. */
static bool check_hashes(const struct allocation *a, const struct plan_rules *rules, const struct trouble *t)
{
	bool two_pieces = rules->tail_required || (rules->slices && a->hash);

	if (!two_pieces)
		return true;
	if (!a->hash)
		return trouble_at(t, EXCEPTION_VALUE, a->whole.text + a->whole.length,
				  "there is no '#'; wanted expert#compute;virtual_vram_gb;donors, such as #cuda:0;4.0;cpu");
	if (a->second_hash)
		return trouble_at(t, EXCEPTION_VALUE, a->second_hash, "a second '#'; one is allowed");
	return true;
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

static enum plan_mode mode_of(struct span expert, const struct plan_rules *rules)
{
	if (rules->slices)
		return PLAN_FRACTION;
	/* Any of the letters anywhere makes it bytes, device names included: "mps,50%" is 50 bytes. */
	if (text_has_unit(expert))
		return PLAN_BYTE;
	return span_find(expert, '%') ? PLAN_RATIO : PLAN_FRACTION;
}

bool allocation_parse(struct allocation *a, const char *text, const struct plan_rules *rules, const struct trouble *t)
{
	struct span whole = span_of(text);

	if (whole.length > ALLOCATION_LENGTH_MAX)
		return trouble_at(t, EXCEPTION_VALUE, text, "%zu bytes long (%d at most)", whole.length, ALLOCATION_LENGTH_MAX);
	*a = split(whole);
	if (!check_hashes(a, rules, t))
		return false;
	if (a->tail.length == 0 && rules->default_compute)
		a->compute = span_of(rules->default_compute);
	/* V1 without '#' is an expert part even when it is empty. */
	if (a->expert.length == 0 && !(rules->slices && !a->hash))
		a->mode = PLAN_VVRAM;
	else
		a->mode = mode_of(a->expert, rules);
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
