/* Bytes and shares of the model per device. Items are read into parts, where a device named again replaces what it had; what
 * the sizes leave goes to the wildcard's device, and shares are divided by their sum. The bytes of each part are then
 * written as a fraction of its device's memory, with four digits.
 */
#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/plan/string/modes.h"

struct device_part {
	struct span device;
	double value;
};

/* Devices with values; a device named again keeps its place and gets the new value. */
struct device_parts {
	struct device_part *items;
	size_t count, capacity;
};

static struct device_part *find_part(const struct device_parts *parts, struct span device)
{
	for (size_t i = 0; i < parts->count; i++) {
		if (span_equal(parts->items[i].device, device))
			return &parts->items[i];
	}
	return NULL;
}

static bool append_part(struct device_parts *parts, struct span device, double value, const struct trouble *t)
{
	if (!array_reserve(&parts->items, &parts->capacity, parts->count + 1, sizeof(*parts->items), NULL))
		return trouble_no_memory(t);
	parts->items[parts->count++] = (struct device_part) { device, value };
	return true;
}

static bool set_part(struct device_parts *parts, struct span device, double value, const struct trouble *t)
{
	struct device_part *known = find_part(parts, device);

	if (!known)
		return append_part(parts, device, value, t);
	known->value = value;
	return true;
}

/* The devices' bytes as fractions of their memory; a device without memory is left out. */
static bool append_fractions(const struct mode_input *in, const struct device_parts *bytes, struct strbuf *out)
{
	for (size_t i = 0; i < bytes->count; i++) {
		const struct device_part *part = &bytes->items[i];
		double total;

		if (!device_table_total(in->list, part->device, &total, in->trouble))
			return false;
		if (!(total > 0))
			continue;
		if (out->length)
			strbuf_append_char(out, ';');
		strbuf_append_n(out, part->device.text, part->device.length);
		strbuf_append_char(out, ',');
		text_append_four_digits(out, part->value / total);
	}
	return true;
}

/* The items that ask for bytes, in order, and the wildcard: the last item with a '*', whose number means nothing. */
static bool read_sizes(const struct mode_input *in, struct device_parts *asked, struct span *wildcard)
{
	struct span rest = in->allocation->expert;
	struct span device;
	struct span value;

	while (allocation_next_pair(&rest, &device, &value)) {
		double bytes;
		int fault;

		if (span_find(value, '*')) {
			*wildcard = device;
			continue;
		}
		fault = text_to_memory(value, &bytes);
		if (fault < 0)
			return trouble_no_memory(in->trouble);
		if (fault)
			return trouble_at(in->trouble, EXCEPTION_VALUE, value.text,
					  "\"%.*s\" is no size; wanted digits and a unit, such as 4.5gb, 500mb or *",
					  SHOWN(value));
		if (!append_part(asked, device, bytes, in->trouble))
			return false;
	}
	return true;
}

/* Gives each device what it asks for until the model is spent; the wildcard gets the rest. A device that asks twice keeps the
 * second piece only, and the bytes of the first are lost: upstream's. */
static bool deal_bytes(const struct mode_input *in, const struct device_parts *asked, struct span wildcard,
		       struct device_parts *given)
{
	double left = in->load_list_bytes;

	for (size_t i = 0; i < asked->count; i++) {
		double take = left < asked->items[i].value ? left : asked->items[i].value;

		if (take > 0) {
			if (!set_part(given, asked->items[i].device, take, in->trouble))
				return false;
			left -= take;
		}
		if (left <= 0)
			break;
	}
	if (left > 0) {
		const struct device_part *known = find_part(given, wildcard);

		return set_part(given, wildcard, known ? known->value + left : left, in->trouble);
	}
	return true;
}

bool mode_byte(const struct mode_input *in, struct strbuf *out)
{
	struct device_parts asked = { .items = NULL };
	struct device_parts given = { .items = NULL };
	struct span wildcard = span_of("cpu");
	bool fine = read_sizes(in, &asked, &wildcard) && deal_bytes(in, &asked, wildcard, &given) &&
		    append_fractions(in, &given, out);

	free(asked.items);
	free(given.items);
	return fine;
}

static bool read_shares(const struct mode_input *in, struct device_parts *shares)
{
	struct span rest = in->allocation->expert;
	struct span device;
	struct span value;

	while (allocation_next_pair(&rest, &device, &value)) {
		struct strbuf plain = STRBUF_INIT;
		struct span trimmed;
		double number;
		int fault;

		for (size_t i = 0; i < value.length; i++) {
			if (value.text[i] != '%')
				strbuf_append_char(&plain, value.text[i]);
		}
		trimmed = text_trim((struct span) { strbuf_text(&plain), plain.length });
		fault = strbuf_ok(&plain) ? text_to_double(trimmed, &number) : -1;
		strbuf_free(&plain);
		if (fault < 0)
			return trouble_no_memory(in->trouble);
		if (fault)
			return trouble_at(in->trouble, EXCEPTION_VALUE, value.text,
					  "\"%.*s\" is no share; wanted a number, such as 50%%", SHOWN(value));
		if (!set_part(shares, device, number, in->trouble))
			return false;
	}
	return true;
}

/* Upstream logs each share in whole percent, and raises when it has none. */
static bool percents_are_numbers(const struct mode_input *in, const struct device_parts *shares, double sum)
{
	for (size_t i = 0; i < shares->count; i++) {
		double percent = shares->items[i].value / sum * 100;
		struct span device = shares->items[i].device;

		if (isnan(percent))
			return trouble_at(in->trouble, EXCEPTION_VALUE, device.text, "the share of \"%.*s\" is not a number",
					  SHOWN(device));
		if (isinf(percent))
			return trouble_at(in->trouble, EXCEPTION_OVERFLOW, device.text, "the share of \"%.*s\" is infinite",
					  SHOWN(device));
	}
	return true;
}

static bool deal_shares(const struct mode_input *in, const struct device_parts *shares, struct strbuf *out)
{
	struct device_parts bytes = { .items = NULL };
	double sum = 0;
	bool fine = true;

	for (size_t i = 0; i < shares->count; i++)
		sum += shares->items[i].value;
	if (shares->count && sum == 0)
		return trouble_at(in->trouble, EXCEPTION_ZERO_DIVISION, in->allocation->expert.text,
				  "the shares add up to nothing");
	for (size_t i = 0; fine && i < shares->count; i++)
		fine = append_part(&bytes, shares->items[i].device, shares->items[i].value / sum * in->load_list_bytes,
				   in->trouble);
	fine = fine && append_fractions(in, &bytes, out);
	free(bytes.items);
	if (fine && !shares->count)
		return trouble_at(in->trouble, EXCEPTION_INDEX, in->allocation->expert.text,
				  "no item of the form device,share%%");
	return fine && percents_are_numbers(in, shares, sum);
}

bool mode_ratio(const struct mode_input *in, struct strbuf *out)
{
	struct device_parts shares = { .items = NULL };
	bool fine = read_shares(in, &shares) && deal_shares(in, &shares, out);

	free(shares.items);
	return fine;
}
