/* Allocation strings to the byte: what each device is asked to hold. Devices come first, as rows in the order of the list; then the
 * values of the expert part, all of one kind, are dealt as quotas until the model is spent, or virtual VRAM is given to the donors.
 * Last, the quotas are written down as a string of sizes that every version reads the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/base/units.h"
#include "core/plan/string/allocation.h"
#include "core/plan/string/device_name.h"
#include "core/plan/string/exact.h"

/* What a value of the expert part is. */
enum value_kind { VALUE_SIZE, VALUE_SHARE, VALUE_FRACTION, VALUE_KIND_COUNT };

static const char *const value_words[VALUE_KIND_COUNT] = { "a size", "a share of the model", "a fraction of the device" };
static const enum plan_mode value_modes[VALUE_KIND_COUNT] = { PLAN_BYTE, PLAN_RATIO, PLAN_FRACTION };

struct asked {
	size_t row;
	double amount; /* bytes, shares or a fraction */
};

struct reading {
	struct plan *plan;
	const struct plan_request *request;
	const struct trouble *t;
	struct asked *items;
	size_t count, capacity;
	size_t wildcard; /* the row that takes what is left over; SIZE_MAX: the host, as upstream */
};

static bool refuse(const struct reading *r, const char *at, struct span found, const char *wanted)
{
	return trouble_at(r->t, EXCEPTION_VALUE, at, "\"%.*s\" is %s", SHOWN(found), wanted);
}

/* ---- devices ---- */

/* The row of a device; rows are the request's devices until the string's order is known. */
static bool find_row(const struct reading *r, struct span name, size_t *row)
{
	struct span trimmed = text_trim(name);
	struct strbuf known = STRBUF_INIT;

	for (*row = 0; *row < r->request->device_count; (*row)++) {
		if (device_name_means(trimmed, r->request->devices[*row].name))
			return true;
	}
	for (size_t i = 0; i < r->request->device_count; i++)
		strbuf_printf(&known, "%s%s", i ? ", " : "", r->request->devices[i].name);
	trouble_at(r->t, EXCEPTION_VALUE, name.text, "there is no device \"%.*s\" here; there are %.200s", SHOWN(trimmed),
		   strbuf_text(&known));
	strbuf_free(&known);
	return false;
}

static size_t default_compute(const struct plan_request *request)
{
	for (size_t i = 0; i < request->device_count; i++) {
		if (strcmp(request->devices[i].name, "cpu") != 0)
			return i;
	}
	return 0;
}

static bool set_compute(struct reading *r, struct span name)
{
	size_t row = default_compute(r->request);

	if (r->request->device_count == 0)
		return trouble_at(r->t, EXCEPTION_VALUE, NULL, "there are no devices");
	if (text_trim(name).length && !find_row(r, name, &row))
		return false;
	r->plan->compute = string_copy(r->request->devices[row].name, NULL);
	r->plan->compute_share = row;
	return r->plan->compute || trouble_no_memory(r->t);
}

/* One row a listed device, in their order, nothing asked of any. */
static bool make_rows(const struct reading *r)
{
	struct plan *plan = r->plan;
	size_t count = r->request->device_count;
	size_t room = count ? count : 1;

	plan->donor_order = array_new(room, sizeof(*plan->donor_order), NULL);
	if (!plan->donor_order || !array_reserve(&plan->shares, &plan->share_capacity, room, sizeof(*plan->shares), NULL))
		return trouble_no_memory(r->t);
	for (size_t i = 0; i < count; i++) {
		plan->shares[i] = (struct plan_share) { .name = string_copy(r->request->devices[i].name, NULL),
							.total_bytes = (double)r->request->devices[i].total_bytes };
		plan->share_count = i + 1;
		if (!plan->shares[i].name)
			return trouble_no_memory(r->t);
	}
	return true;
}

/* ---- values ---- */

static const struct {
	const char *text;
	double bytes;
} units[] = {
	{ .text = "gib", .bytes = GIB }, { .text = "gb", .bytes = GIB }, { .text = "g", .bytes = GIB },
	{ .text = "mib", .bytes = MIB }, { .text = "mb", .bytes = MIB }, { .text = "m", .bytes = MIB },
	{ .text = "kib", .bytes = KIB }, { .text = "kb", .bytes = KIB }, { .text = "k", .bytes = KIB },
	{ .text = "tib", .bytes = TIB }, { .text = "tb", .bytes = TIB }, { .text = "t", .bytes = TIB },
	{ .text = "b", .bytes = 1 },
};

static bool cut_end(struct span *value, const char *end)
{
	size_t length = strlen(end);

	if (value->length < length || strncasecmp(value->text + value->length - length, end, length) != 0)
		return false;
	*value = text_trim((struct span) { value->text, value->length - length });
	return true;
}

/* The unit's bytes, cut off the end; 0 without a unit. */
static double cut_unit(struct span *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (cut_end(value, units[i].text))
			return units[i].bytes;
	}
	return 0;
}

#define AMOUNTS "no amount; wanted one such as 4.5gb, 500mb, 40%, 0.5 or *"
#define GIBIBYTES "no amount; wanted GiB without a unit, such as 4.0"

static bool read_amount(const struct reading *r, struct span whole, struct span number, const char *wanted, double *amount)
{
	int fault = text_to_double(number, amount);

	if (fault < 0)
		return trouble_no_memory(r->t);
	if (fault || !isfinite(*amount))
		return refuse(r, whole.text, whole, wanted);
	return *amount >= 0 || refuse(r, whole.text, whole, "negative");
}

/* Sizes as whole bytes; *kind is SIZE for a wildcard too, whose amount is 0 unless it has one. */
static bool read_value(struct reading *r, struct span value, size_t row, enum value_kind *kind, double *amount)
{
	struct span number = text_trim(value);
	double unit;

	*amount = 0;
	*kind = VALUE_SIZE;
	if (cut_end(&number, "*")) {
		if (r->wildcard != SIZE_MAX && r->wildcard != row)
			return refuse(r, value.text, value, "a second wildcard; one device can take what is left over");
		r->wildcard = row;
		if (number.length == 0)
			return true;
	}
	if (cut_end(&number, "%")) {
		*kind = VALUE_SHARE;
		return read_amount(r, value, number, AMOUNTS, amount);
	}
	unit = cut_unit(&number);
	if (unit == 0)
		*kind = VALUE_FRACTION;
	if (!read_amount(r, value, number, AMOUNTS, amount))
		return false;
	if (unit == 0)
		return *amount <= 1 ||
		       refuse(r, value.text, value, "more than all of the device; does it want a unit, gb or %?");
	*amount = round(*amount * unit);
	return *amount < (double)PLAN_SIZE_MAX || refuse(r, value.text, value, "more than 2^53 bytes");
}

static bool add_asked(struct reading *r, size_t row, double amount)
{
	if (!array_reserve(&r->items, &r->capacity, r->count + 1, sizeof(*r->items), NULL))
		return trouble_no_memory(r->t);
	r->items[r->count++] = (struct asked) { row, amount };
	return true;
}

static bool read_items(struct reading *r, struct span expert)
{
	enum value_kind all = VALUE_KIND_COUNT;
	struct allocation_item item;

	while (allocation_next_item(&expert, &item)) {
		struct span value = item.value;
		enum value_kind kind;
		double amount;
		size_t row;

		if (text_trim(item.whole).length == 0)
			continue;
		if (!item.comma)
			return refuse(r, item.whole.text, item.whole, "no item of the form device,value");
		if (!find_row(r, item.device, &row) || !read_value(r, value, row, &kind, &amount))
			return false;
		if (all != VALUE_KIND_COUNT && kind != all)
			return trouble_at(r->t, EXCEPTION_VALUE, value.text, "\"%.*s\" is %s beside %s; they do not add up",
					  SHOWN(value), value_words[kind], value_words[all]);
		all = kind;
		if (!add_asked(r, row, amount))
			return false;
	}
	if (all == VALUE_KIND_COUNT)
		return trouble_at(r->t, EXCEPTION_VALUE, NULL, "the expert part names no device");
	r->plan->mode = value_modes[all];
	return true;
}

/* ---- quotas ---- */

static void ask(struct reading *r, size_t row, double bytes)
{
	r->plan->shares[row].quota_bytes += bytes;
}

/* In their order, until the model is spent. Returns what is left of it. */
static double deal_sizes(struct reading *r, double left)
{
	for (size_t i = 0; i < r->count; i++) {
		double take = r->items[i].amount < left ? r->items[i].amount : left;

		ask(r, r->items[i].row, take);
		left -= take;
	}
	return left;
}

/* Cut at whole bytes of the running sum, so that the pieces add up to the model. */
static bool deal_shares(struct reading *r, double whole)
{
	double sum = 0;
	double so_far = 0;
	double dealt = 0;

	for (size_t i = 0; i < r->count; i++)
		sum += r->items[i].amount;
	if (!(sum > 0) || !isfinite(sum))
		return trouble_at(r->t, EXCEPTION_VALUE, NULL, "the shares add up to %s", sum > 0 ? "too much" : "nothing");
	for (size_t i = 0; i < r->count; i++) {
		double end;

		so_far += r->items[i].amount;
		end = round(so_far / sum * whole);
		ask(r, r->items[i].row, end - dealt);
		dealt = end;
	}
	return true;
}

static double deal_fractions(struct reading *r, double left)
{
	for (size_t i = 0; i < r->count; i++) {
		double bytes = floor(r->items[i].amount * r->plan->shares[r->items[i].row].total_bytes);

		ask(r, r->items[i].row, bytes);
		left -= bytes < left ? bytes : left;
	}
	return left;
}

static size_t host_row(const struct reading *r)
{
	for (size_t i = 0; i < r->plan->share_count; i++) {
		if (strcmp(r->plan->shares[i].name, "cpu") == 0)
			return i;
	}
	return r->plan->compute_share;
}

static bool read_expert(struct reading *r, struct span expert)
{
	double whole = (double)r->plan->total_bytes;

	if (!read_items(r, expert))
		return false;
	switch (r->plan->mode) {
	case PLAN_BYTE:
		ask(r, r->wildcard == SIZE_MAX ? host_row(r) : r->wildcard, deal_sizes(r, whole));
		return true;
	case PLAN_RATIO:
		return deal_shares(r, whole);
	default:
		ask(r, r->plan->compute_share, deal_fractions(r, whole));
		return true;
	}
}

static bool read_donors(struct reading *r, struct span names, double need)
{
	struct span name;

	while (span_next(&names, ',', &name)) {
		struct plan_share *share;
		double give;
		size_t row;

		if (!find_row(r, name, &row))
			return false;
		share = &r->plan->shares[row];
		/* The compute device moves nothing by giving to itself; a donor named again has given. */
		if (row == r->plan->compute_share || share->quota_bytes > 0)
			continue;
		give = need < share->total_bytes ? need : share->total_bytes;
		share->quota_bytes = give;
		need -= give;
	}
	return true;
}

static bool read_virtual_vram(struct reading *r, const struct allocation *allocation)
{
	size_t pieces = allocation->tail_piece_count;
	struct span amount = allocation->amount;
	double whole = (double)r->plan->total_bytes;
	double gib = 0;

	r->plan->mode = PLAN_VVRAM;
	if (pieces == 3) {
		if (!read_amount(r, amount, amount, GIBIBYTES, &gib) ||
		    !read_donors(r, allocation->donors, gib * GIB < whole ? round(gib * GIB) : whole))
			return false;
	} else if (pieces != 1) {
		return trouble_at(r->t, EXCEPTION_VALUE, allocation->tail.text,
				  "%zu pieces after the '#'; wanted compute;virtual_vram_gb;donors", pieces);
	}
	for (size_t i = 0; i < r->plan->share_count; i++)
		whole -= i == r->plan->compute_share ? 0 : r->plan->shares[i].quota_bytes;
	ask(r, r->plan->compute_share, whole);
	return true;
}

/* ---- the table ---- */

/* The bytes asked for, as a string that every version reads as sizes. */
static char *write_sizes(const struct plan *plan, bool all)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_append(&text, "");
	for (size_t i = 0; i < plan->share_count; i++) {
		if (all || plan->shares[i].quota_bytes > 0)
			strbuf_printf(&text, "%s%s,%.0fb", text.length ? ";" : "", plan->shares[i].name,
				      plan->shares[i].quota_bytes);
	}
	return strbuf_finish(&text, NULL);
}

static bool finish_rows(struct plan *plan, const struct trouble *t)
{
	for (size_t i = 0; i < plan->share_count; i++) {
		struct plan_share *share = &plan->shares[i];

		share->left_bytes = share->quota_bytes;
		share->fraction = share->total_bytes > 0 ? share->quota_bytes / share->total_bytes : 0;
	}
	plan->converted = write_sizes(plan, false);
	plan->final = write_sizes(plan, true);
	return (plan->converted && plan->final) || trouble_no_memory(t);
}

bool exact_read(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	struct reading r = { .plan = plan, .request = request, .t = t, .wildcard = SIZE_MAX };
	struct allocation allocation;
	bool fine;

	if (!allocation_parse(&allocation, request->allocation, request->rules, t))
		return false;
	if (allocation.second_hash)
		return trouble_at(t, EXCEPTION_VALUE, allocation.second_hash, "a second '#'; one is allowed");
	fine = make_rows(&r) && set_compute(&r, allocation.compute) &&
	       (text_trim(allocation.expert).length ? read_expert(&r, allocation.expert)
						    : read_virtual_vram(&r, &allocation)) &&
	       finish_rows(plan, t);
	free(r.items);
	return fine;
}
