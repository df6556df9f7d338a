/* What a DisTorch2 string tells by itself: pieces that are never read, names and numbers that do not mean what they seem to. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/advise/advisor.h"

static bool is_plain_number(struct span text, double *number)
{
	return text_to_double(text, number) == 0;
}

/* ---- devices ---- */

static const char *first_card(const struct advisor *a)
{
	for (size_t i = 0; i < a->request->device_count; i++) {
		if (strcmp(a->request->devices[i].name, "cpu") != 0)
			return a->request->devices[i].name;
	}
	return "cpu";
}

static void list_devices(const struct advisor *a, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < a->request->device_count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", a->request->devices[i].name);
}

/* `type` and an index from 0; -1 where there is none. False for other forms, which the planner complains of itself. */
static bool split_name(struct span name, struct span *type, long *index)
{
	const char *colon = span_find(name, ':');
	struct span digits;

	*type = colon ? span_before(name, colon) : name;
	*index = -1;
	if (!colon)
		return name.length > 0;
	digits = span_after(name, colon);
	if (digits.length == 0 || digits.length > 9)
		return false;
	*index = 0;
	for (size_t i = 0; i < digits.length; i++) {
		if (digits.text[i] < '0' || digits.text[i] > '9')
			return false;
		*index = *index * 10 + (digits.text[i] - '0');
	}
	return digits.text[0] != '0' || digits.length == 1;
}

static void tell_absent(struct advisor *a, struct span name)
{
	char known[200];

	list_devices(a, known, sizeof(known));
	advisor_add(a, ADVICE_ABSENT_DEVICE, ADVICE_WARNING, name);
	advisor_found(a, "there is no device \"%.*s\" here", SHOWN(name));
	advisor_upstream(a, "the load fails where the device is looked up");
	advisor_instead(a, "one of %s", known);
}

static bool is_kind(struct span type)
{
	static const char *const kinds[] = { "cpu", "cuda", "xpu", "npu", "mlu", "mps", "directml", "corex" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (span_is(type, kinds[i]))
			return true;
	}
	return false;
}

static void tell_of_cuda(struct advisor *a, struct span name, long index)
{
	char meant[24];

	snprintf(meant, sizeof(meant), "cuda:%d", (int)(int8_t)(uint8_t)(index & 0xff));
	if (index == -1) {
		advisor_add(a, ADVICE_BARE_KIND, ADVICE_WARNING, name);
		advisor_found(a, "\"cuda\" has no index");
		advisor_upstream(a,
				 "it is sized as cuda:0 and is another row beside it; a node that is given it computes on cpu");
		advisor_instead(a, "cuda:0");
	} else if (index > 127 && (index & 0xff) != index && advisor_device(a, span_of(meant)) != SIZE_MAX) {
		advisor_add(a, ADVICE_WRAPPED_INDEX, ADVICE_WARNING, name);
		advisor_found(a, "the index %ld does not fit in a signed byte", index);
		advisor_upstream(a, "PyTorch cuts it: \"%.*s\" is %s", SHOWN(name), meant);
		advisor_instead(a, "%s", meant);
	} else {
		tell_absent(a, name);
	}
}

/* A name where a device is wanted. */
static void check_device(struct advisor *a, struct span name)
{
	struct span type;
	long index;

	if (advisor_device(a, name) != SIZE_MAX || !split_name(name, &type, &index) || !is_kind(type))
		return;
	if (a->request->rules->exact) {
		if (index >= 0 || span_is(type, "mps"))
			tell_absent(a, name);
	} else if (span_is(type, "cuda")) {
		tell_of_cuda(a, name, index);
	} else if (span_is(type, "cpu") || span_is(type, "mps")) {
		advisor_add(a, ADVICE_HOST_ALIAS, ADVICE_WARNING, name);
		advisor_found(a, "\"%.*s\" is not in the list of devices", SHOWN(name));
		advisor_upstream(a, "it is sized as the host's memory, in a row of its own beside cpu");
		advisor_instead(a, "cpu, whose memory it means");
	} else {
		tell_absent(a, name);
	}
}

/* ---- '#' and what follows ---- */

static void check_hash(struct advisor *a)
{
	struct span whole = a->allocation.whole;
	const char *hash = a->allocation.hash;
	const char *second = a->allocation.second_hash;
	const char *compute = a->request->rules->default_compute;

	if (!hash) {
		advisor_add(a, ADVICE_NO_HASH, ADVICE_NOTE, (struct span) { whole.text + whole.length, 1 });
		advisor_found(a, "nothing says where to compute");
		advisor_upstream(a, "it computes on %s; 01df082 refuses a string without '#'", compute ? compute : "nothing");
		advisor_instead(a, "\"#%s\" at the end", first_card(a));
	} else if (hash[1] == '\0') {
		advisor_add(a, ADVICE_TRAILING_HASH, ADVICE_WARNING, (struct span) { hash, 1 });
		advisor_found(a, "a '#' at the end, and no compute device after it");
		if (compute)
			advisor_upstream(a, "it computes on %s; 01df082 raises KeyError as soon as a block goes there",
					 compute);
		else
			advisor_upstream(a,
					 "KeyError as soon as a block goes to the compute device \"\"; later versions compute "
					 "on cuda:0");
		advisor_instead(a, "\"#%s\", the device that computes", first_card(a));
	}
	if (second) {
		advisor_add(a, ADVICE_SECOND_HASH, ADVICE_WARNING, (struct span) { second, 1 });
		advisor_found(a, "a second '#'");
		advisor_upstream(a, "all after the first, this '#' included, is read as compute;virtual_vram_gb;donors");
		advisor_instead(a, "expert#compute;virtual_vram_gb;donors with one '#'");
	}
}

/* Beside an expert part the compute device alone is read. */
static void check_tail_ignored(struct advisor *a)
{
	const char *rest = span_find(a->allocation.tail, ';');

	if (rest) {
		struct span ignored = { rest, a->allocation.tail.length - (size_t)(rest - a->allocation.tail.text) };

		advisor_add(a, ADVICE_TAIL_IGNORED, ADVICE_NOTE, ignored);
		advisor_found(a, "virtual VRAM and donors beside an expert part");
		advisor_upstream(a, "they are never read: the expert part alone decides");
	}
}

static void check_compute_beside_expert(struct advisor *a)
{
	struct span compute = a->allocation.compute;

	if (compute.length && advisor_device(a, compute) == SIZE_MAX) {
		char known[200];

		list_devices(a, known, sizeof(known));
		advisor_add(a, ADVICE_UNKNOWN_COMPUTE, ADVICE_WARNING, compute);
		advisor_found(a, "the compute device \"%.*s\" is not one of %s", SHOWN(compute), known);
		advisor_upstream(a, "KeyError as soon as a block goes there, unless the expert part gives it something");
		advisor_instead(a, "%s", first_card(a));
	}
}

/* ---- virtual VRAM ---- */

static void check_amount(struct advisor *a, struct span text, double gib)
{
	if (isfinite(gib) && gib > 0)
		return;
	advisor_add(a, ADVICE_OUT_OF_RANGE, gib == 0 ? ADVICE_NOTE : ADVICE_WARNING, text);
	if (gib == 0) {
		advisor_found(a, "no virtual VRAM: nothing is moved");
		return;
	}
	advisor_found(a, "%.*s GiB is no amount to move", SHOWN(text));
	if (gib < 0)
		advisor_upstream(a, "the donors are given less than nothing and the compute device more than the model");
	else
		advisor_upstream(a, "nothing stays on the compute device, whatever the donors hold");
	advisor_instead(a, "how many GiB are to leave the compute device");
}

static bool is_repeated(struct span all, struct span name)
{
	struct span before = { all.text, (size_t)(name.text - all.text) };
	struct span other;

	while (before.length && span_next(&before, ',', &other)) {
		if (other.text != name.text && span_equal(other, name))
			return true;
	}
	return false;
}

static void check_donor(struct advisor *a, struct span donors, struct span name)
{
	check_device(a, name);
	if (is_repeated(donors, name)) {
		advisor_add(a, ADVICE_REPEATED_DEVICE, ADVICE_WARNING, name);
		advisor_found(a, "the donor \"%.*s\" is named a second time", SHOWN(name));
		advisor_upstream(a, "what it gave the first time is overwritten, mostly by nothing");
		advisor_instead(a, "each donor once");
	} else if (span_equal(name, a->allocation.compute)) {
		advisor_add(a, ADVICE_DONOR_IS_COMPUTE, ADVICE_WARNING, name);
		advisor_found(a, "\"%.*s\" is donor and compute device", SHOWN(name));
		advisor_upstream(a, "one row for both, with the donor's share: what should stay on it is forgotten");
		advisor_instead(a, "another device, such as cpu");
	}
}

/* What the donors can hold, each named once, in GiB. */
static double donors_size(const struct advisor *a, struct span donors)
{
	struct span rest = donors;
	struct span name;
	double sum = 0;

	while (span_next(&rest, ',', &name)) {
		size_t device = advisor_device(a, name);

		if (device == SIZE_MAX)
			return INFINITY;
		if (!is_repeated(donors, name))
			sum += (double)a->request->devices[device].total_bytes / GIB;
	}
	return sum;
}

static void check_virtual_vram(struct advisor *a)
{
	struct span amount = a->allocation.amount;
	struct span donors = a->allocation.donors;
	struct span rest = donors;
	struct span name;
	double gib;
	double room;

	check_device(a, a->allocation.compute);
	if (a->allocation.tail_piece_count != 3)
		return;
	if (!is_plain_number(amount, &gib))
		return;
	check_amount(a, amount, gib);
	while (span_next(&rest, ',', &name))
		check_donor(a, donors, name);
	room = donors_size(a, donors);
	if (isfinite(gib) && gib > room) {
		advisor_add(a, ADVICE_DONORS_TOO_SMALL, ADVICE_WARNING, donors);
		advisor_found(a, "%.2f GiB are to leave, and the donors have %.2f GiB in all", gib, room);
		advisor_upstream(a, "the other %.2f GiB are dropped: no device has a quota for them", gib - room);
		advisor_instead(a, "another donor beside them, or less virtual VRAM");
	}
}

/* ---- the expert part ---- */

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
		} else if (span_trim(item.whole).length) {
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

static void check_wildcard(struct advisor *a, struct span value, bool *seen)
{
	struct span shown = span_trim(value);

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
	struct span shown = span_trim(value);
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

	while (allocation_next_pair(&rest, &device, &value)) {
		char unit;
		struct span shown = span_trim(value);

		size_length(shown, &unit);
		if (unit || text_has_unit(value))
			return;
		if (!culprit.text && text_has_unit(device))
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
	advisor_add(a, ADVICE_OUT_OF_RANGE, ADVICE_WARNING, span_trim(value));
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

		if (!is_plain_number(percent ? span_before(value, percent) : value, &number))
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
static void check_fractions(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;
	bool by_count = a->request->rules->slices;
	bool told = false;

	while (allocation_next_pair(&rest, &device, &value)) {
		size_t index = advisor_device(a, device);
		double number;

		if (!is_plain_number(value, &number))
			return;
		check_out_of_range(a, value, number, 1);
		if (told || index == SIZE_MAX || !(number > 0))
			continue;
		told = true;
		/* V1 has no other form, so there it is no more than worth knowing. */
		advisor_add(a, ADVICE_FRACTION_OF_DEVICE, by_count ? ADVICE_NOTE : ADVICE_WARNING, span_trim(value));
		advisor_found(a, "a bare number is a fraction of the device, not of the model");
		if (by_count) {
			advisor_upstream(a, "%.*s of %.*s is %.2f GiB: layers are dealt in proportion to such sizes",
					 SHOWN(value), SHOWN(device),
					 number * (double)a->request->devices[index].total_bytes / GIB);
			continue;
		}
		advisor_upstream(a, "%.*s of %.*s is %.2f GiB; blocks that no quota has room for stay on the compute device",
				 SHOWN(value), SHOWN(device), number * (double)a->request->devices[index].total_bytes / GIB);
		advisor_instead(a, "%.*s,%.4g%% for a share of the model, or a size such as 4gb", SHOWN(device), number * 100);
	}
}

static void check_expert(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;

	check_skipped(a);
	while (allocation_next_pair(&rest, &device, &value)) {
		check_device(a, device);
		check_repeated(a, device);
	}
	if (a->allocation.mode == PLAN_BYTE)
		check_sizes(a);
	else if (a->allocation.mode == PLAN_RATIO)
		check_shares(a);
	else
		check_fractions(a);
}

/* Ours refuses what upstream lets pass: of that the planner tells. Only a device that is not there is no fault of the string's
 * form. */
static void check_exact(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;

	check_device(a, a->allocation.compute);
	while (allocation_next_pair(&rest, &device, &value))
		check_device(a, device);
	if (a->allocation.mode != PLAN_VVRAM || a->allocation.tail_piece_count != 3)
		return;
	rest = a->allocation.donors;
	while (span_next(&rest, ',', &device))
		check_device(a, device);
}

void advise_text(struct advisor *a)
{
	/* V1's is told when the planner has read it. */
	if (a->request->rules->slices)
		return;
	if (a->request->rules->exact) {
		check_exact(a);
		return;
	}
	check_hash(a);
	if (a->allocation.mode == PLAN_VVRAM) {
		if (a->allocation.tail.length)
			check_virtual_vram(a);
	} else {
		check_tail_ignored(a);
		check_compute_beside_expert(a);
		check_expert(a);
	}
}

static void check_virtual_vram_by_count(struct advisor *a)
{
	struct span rest = a->allocation.donors;
	struct span name;
	double gib;

	check_device(a, a->allocation.compute);
	if (is_plain_number(a->allocation.amount, &gib))
		check_amount(a, a->allocation.amount, gib);
	/* cpu is a donor always, named or not, and takes what the others leave. */
	while (span_next(&rest, ',', &name)) {
		if (!span_is(name, "cpu"))
			check_donor(a, a->allocation.donors, name);
	}
}

void advise_text_by_count(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;

	if (a->allocation.mode == PLAN_VVRAM) {
		check_virtual_vram_by_count(a);
		return;
	}
	check_tail_ignored(a);
	while (allocation_next_pair(&rest, &device, &value)) {
		check_device(a, device);
		check_repeated(a, device);
	}
	check_fractions(a);
}
