#include "core/plan/string/allocation.h"

#include <string.h>

/* V1 reads a string without '#' as an expert part, and one with as two pieces; 01df082 wants two pieces always; HEAD splits at
 * the first '#' and lets the tail keep the others. */
static bool split(struct allocation *a, struct span text, const struct plan_rules *rules, const struct trouble *t)
{
	const char *hash = span_find(text, '#');
	bool two_pieces = rules->tail_required || (rules->slices && hash);
	const char *second;

	a->expert = hash ? span_before(text, hash) : text;
	a->tail = hash ? span_after(text, hash) : (struct span) { text.text + text.length, 0 };
	if (!two_pieces)
		return true;
	if (!hash)
		return trouble_at(t, EXCEPTION_VALUE, text.text + text.length,
				  "there is no '#'; wanted expert#compute;virtual_vram_gb;donors, such as #cuda:0;4.0;cpu");
	second = span_find(a->tail, '#');
	if (second)
		return trouble_at(t, EXCEPTION_VALUE, second, "a second '#'; one is allowed");
	return true;
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
	struct span rest;

	if (whole.length > ALLOCATION_LENGTH_MAX)
		return trouble_at(t, EXCEPTION_VALUE, text, "%zu bytes long (%d at most)", whole.length, ALLOCATION_LENGTH_MAX);
	if (!split(a, whole, rules, t))
		return false;
	rest = a->tail;
	span_next(&rest, ';', &a->compute);
	if (a->tail.length == 0 && rules->default_compute)
		a->compute = span_of(rules->default_compute);
	/* V1 without '#' is an expert part even when it is empty. */
	if (a->expert.length == 0 && !(rules->slices && !span_find(whole, '#')))
		a->mode = PLAN_VVRAM;
	else
		a->mode = mode_of(a->expert, rules);
	return true;
}

bool allocation_next_item(struct span *rest, struct span *device, struct span *value)
{
	struct span item;

	while (span_next(rest, ';', &item)) {
		const char *comma = span_find(item, ',');

		if (!comma)
			continue;
		*device = span_before(item, comma);
		*value = span_after(item, comma);
		return true;
	}
	return false;
}
