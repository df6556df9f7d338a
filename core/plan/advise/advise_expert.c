/* What an expert part tells by itself: items that are passed over, letters that make sizes of shares, values that are out of range or
 * whose rest is not read. Each check walks the items for one kind of mistake, so that a string with several is told of each, and stops
 * where the planner would.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/units.h"
#include "core/plan/advise/advisor.h"

#define FRACTION_FOUND "a bare number is a fraction of the device, not of the model"

static bool item_is_repeated(const struct advisor *a, struct span device)
{
	struct span rest = a->allocation.expert;
	struct span other;
	struct span value;

	while (allocation_next_pair(&rest, &other, &value)) {
		if (other.text == device.text)
			return false;
		if (span_equal(other, device) && !span_find(value, '*'))
			return true;
	}
	return false;
}

static void check_repeated(struct advisor *a, struct span device)
{
	bool bytes = a->allocation.mode == PLAN_BYTE;

	if (!item_is_repeated(a, device))
		return;
	advisor_add(a, ADVICE_REPEATED_DEVICE, ADVICE_WARNING, device);
	advisor_found(a, "\"%.*s\" is named a second time", SHOWN(device));
	advisor_upstream(a, bytes ? "its second size replaces the first, whose bytes are then on no device's quota"
				  : "its second value replaces the first");
	advisor_instead(a, "each device once, with the sum");
}

static void check_skipped(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct allocation_item item;
	bool usable = false;

	while (allocation_next_item(&rest, &item)) {
		if (item.comma) {
			usable = true;
		} else if (text_trim(item.whole).length) {
			advisor_add(a, ADVICE_ITEM_SKIPPED, ADVICE_WARNING, item.whole);
			advisor_found(a, "\"%.*s\" has no comma", SHOWN(item.whole));
			advisor_upstream(a, "it is passed over in silence");
			advisor_instead(a, "device,value");
		}
	}
	if (!usable) {
		advisor_add(a, ADVICE_NOTHING_USABLE, ADVICE_WARNING, a->allocation.expert);
		advisor_found(a, "the expert part gives no device anything");
		advisor_upstream(a, "every block goes to the compute device");
		advisor_instead(a, "device,value;device,value, or nothing before the '#'");
	}
}

/* Length of the text that upstream reads as a size; *unit is 0 where it has none. */
static size_t size_length(struct span value, char *unit)
{
	size_t at = 0;
	size_t end;

	while (at < value.length && ((value.text[at] >= '0' && value.text[at] <= '9') || value.text[at] == '.'))
		at++;
	end = at;
	while (end < value.length && value.text[end] == ' ')
		end++;
	*unit = end < value.length ? (char)(value.text[end] | 0x20) : '\0';
	if (*unit == '\0' || !strchr("gmkb", *unit)) {
		*unit = '\0';
		return at;
	}
	return end + 1;
}

/* Bytes are looked for as a letter g, m, k or b anywhere in the expert part, and devices have names. */
static bool names_make_sizes(const struct allocation *allocation)
{
	struct span rest = allocation->expert;
	struct span device;
	struct span value;

	while (allocation_next_pair(&rest, &device, &value)) {
		if (text_has_unit(value))
			return false;
	}
	return true;
}

/* A number before a '*' is never read. */
static void check_lost_number(struct advisor *a, struct span value)
{
	char expected[64];

	for (size_t i = 0; i < value.length; i++) {
		if (value.text[i] < '0' || value.text[i] > '9')
			continue;
		snprintf(expected, sizeof(expected), "%.*s", (int)(value.length < 40 ? value.length : 40), value.text);
		advisor_misread(a, "a number before a '*'", expected, "whatever is left over: the number is not read");
		return;
	}
}

static void check_wildcard(struct advisor *a, struct span value, bool *seen)
{
	struct span shown = text_trim(value);

	check_lost_number(a, value);

	if (*seen) {
		advisor_add(a, ADVICE_SECOND_WILDCARD, ADVICE_WARNING, shown);
		advisor_found(a, "a second '*'");
		advisor_upstream(a, "the last one takes what is left over, the others get nothing");
		advisor_instead(a, "one '*'");
	}
	*seen = true;
	if (shown.length > 1) {
		advisor_add(a, ADVICE_WILDCARD_SIZE, ADVICE_WARNING, shown);
		advisor_found(a, "a size beside '*'");
		advisor_upstream(a, "the size is ignored: the device gets what the others leave, be it more or nothing");
		advisor_instead(a, "'*' alone, or the size alone; --planner exact does both");
	}
}

static void tell_no_unit(struct advisor *a, struct span value, struct span number)
{
	advisor_add(a, ADVICE_NO_UNIT, ADVICE_WARNING, value);
	advisor_found(a, "\"%.*s\" has no unit", SHOWN(value));
	advisor_upstream(a, "this expert part is read as sizes, so it is %.*s byte%s", SHOWN(number),
			 span_is(number, "1") ? "" : "s");
	if (span_find(value, '%'))
		advisor_instead(a, "shares alone, with no g, m, k or b in any name or value, or a size such as 4gb");
	else
		advisor_instead(a, "%.*sgb or %.*smb", SHOWN(number), SHOWN(number));
}

/* One value where letters made the whole expert part sizes. */
static void check_size(struct advisor *a, struct span value)
{
	struct span shown = text_trim(value);
	char unit;
	size_t length = size_length(shown, &unit);
	struct span read = { shown.text, length };
	struct span rest = { shown.text + length, shown.length - length };

	if (length == 0)
		return; /* the planner stops there */
	if (unit == '\0' && (rest.length == 0 || span_is(rest, "%"))) {
		tell_no_unit(a, shown, read);
		return;
	}
	if (rest.length == 0 || (rest.length == 1 && (rest.text[0] | 0x20) == 'b' && unit != 'b') ||
	    (rest.length == 2 && (rest.text[0] | 0x20) == 'i' && (rest.text[1] | 0x20) == 'b' && unit != 'b'))
		return;
	advisor_add(a, ADVICE_REST_IGNORED, ADVICE_WARNING, rest);
	advisor_found(a, "\"%.*s\" is not understood", SHOWN(rest));
	advisor_upstream(a, "it is ignored: \"%.*s\" is %.*s%s", SHOWN(shown), SHOWN(read), unit ? "" : " bytes");
	advisor_instead(a, "digits and one of gb, mb, kb, b");
}

/* Where a unit's letter stands in a device's name and no value has one. */
static void check_letters(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;
	struct span culprit = { NULL, 0 };

	if (!names_make_sizes(&a->allocation))
		return;
	advisor_misread(a, "a letter of a device's name", "a share", "bytes: the name has a letter that a size could have");
	while (!culprit.text && allocation_next_pair(&rest, &device, &value)) {
		if (text_has_unit(device))
			culprit = device;
	}
	if (!culprit.text)
		return;
	advisor_add(a, ADVICE_LETTER_IN_NAME, ADVICE_WARNING, culprit);
	advisor_found(a, "\"%.*s\" has a g, m, k or b in its name, and no value has a unit", SHOWN(culprit));
	advisor_upstream(a, "one such letter anywhere makes the whole expert part sizes in bytes");
	advisor_instead(a, "sizes with units, such as %.*s,4gb", SHOWN(culprit));
}

static void check_sizes(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;
	bool wildcard = false;

	check_letters(a);
	while (allocation_next_pair(&rest, &device, &value)) {
		if (span_find(value, '*'))
			check_wildcard(a, value, &wildcard);
		else
			check_size(a, value);
	}
	if (!wildcard && !advisor_has(a, ADVICE_NOTHING_USABLE)) {
		advisor_add(a, ADVICE_DEFAULT_WILDCARD, ADVICE_NOTE, a->allocation.expert);
		advisor_found(a, "no device has a '*'");
		advisor_upstream(a, "what the sizes leave of the model goes to cpu");
	}
}

static void check_out_of_range(struct advisor *a, struct span value, double number, double most)
{
	if (number >= 0 && number <= most)
		return;
	advisor_add(a, ADVICE_OUT_OF_RANGE, ADVICE_WARNING, text_trim(value));
	advisor_found(a, "%.*s is %s", SHOWN(value),
		      number > most ? "more than all of it"
		      : number < 0  ? "negative"
				    : "no number");
	advisor_upstream(a, "nothing checks it: the device's quota is what comes out");
	advisor_instead(a, most > 1 ? "a share from 0 on" : "a fraction from 0 to 1");
}

static void check_shares(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;
	double sum = 0;

	while (allocation_next_pair(&rest, &device, &value)) {
		const char *percent = span_find(value, '%');
		double number;

		if (!advisor_is_number(percent ? span_before(value, percent) : value, &number))
			return;
		check_out_of_range(a, value, number, INFINITY);
		sum += number;
	}
	if (!(fabs(sum - 100) > 0.05) || !isfinite(sum) || sum <= 0)
		return;
	advisor_add(a, ADVICE_RATIO_SCALED, ADVICE_NOTE, a->allocation.expert);
	advisor_found(a, "the shares add up to %.4g, not 100", sum);
	advisor_upstream(a, "they are a ratio: each is divided by their sum, and the whole model is given away");
}

/* The trap that bites most: 0.5 on each of two devices looks like halves of the model. */
static void tell_fraction(struct advisor *a, struct span device, struct span value, double number, double gib)
{
	advisor_add(a, ADVICE_FRACTION_OF_DEVICE, ADVICE_WARNING, text_trim(value));
	advisor_found(a, FRACTION_FOUND);
	advisor_upstream(a, "%.*s of %.*s is %.2f GiB; blocks that no quota has room for stay on the compute device",
			 SHOWN(value), SHOWN(device), gib);
	advisor_instead(a, "%.*s,%.4g%% for a share of the model, or a size such as 4gb", SHOWN(device), number * 100);
}

/* V1 has no other form, so there it is no more than worth knowing. */
static void tell_fraction_by_count(struct advisor *a, struct span device, struct span value, double number, double gib)
{
	(void)number;
	advisor_add(a, ADVICE_FRACTION_OF_DEVICE, ADVICE_NOTE, text_trim(value));
	advisor_found(a, FRACTION_FOUND);
	advisor_upstream(a, "%.*s of %.*s is %.2f GiB: layers are dealt in proportion to such sizes", SHOWN(value),
			 SHOWN(device), gib);
}

typedef void tell_of_fraction(struct advisor *a, struct span device, struct span value, double number, double gib);

/* Tells of the first fraction of a listed device, and of all that are out of range. */
static void check_fractions(struct advisor *a, tell_of_fraction *tell)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;
	bool told = false;

	while (allocation_next_pair(&rest, &device, &value)) {
		size_t index = advisor_device(a, device);
		double number;

		if (!advisor_is_number(value, &number))
			return;
		check_out_of_range(a, value, number, 1);
		if (told || index == SIZE_MAX || !(number > 0))
			continue;
		told = true;
		tell(a, device, value, number, number * (double)a->request->devices[index].total_bytes / GIB);
	}
}

static void check_devices(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;

	while (allocation_next_pair(&rest, &device, &value)) {
		advise_device(a, device);
		check_repeated(a, device);
	}
}

void advise_expert(struct advisor *a)
{
	check_skipped(a);
	check_devices(a);
	if (a->allocation.mode == PLAN_BYTE)
		check_sizes(a);
	else if (a->allocation.mode == PLAN_RATIO)
		check_shares(a);
	else
		check_fractions(a, tell_fraction);
}

void advise_expert_by_count(struct advisor *a)
{
	check_devices(a);
	check_fractions(a, tell_fraction_by_count);
}
