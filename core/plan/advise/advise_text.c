/* What a string tells by itself, before it is planned: a '#' too few or too many, pieces that are never read, and what virtual VRAM
 * asks of its donors. The expert part and the names of devices have files of their own. Each version's checks are one function here,
 * a slot of its row in versions.c.
 */
#include <math.h>
#include <string.h>

#include "core/base/units.h"
#include "core/plan/advise/advisor.h"
#include "core/plan/versions.h"

bool advisor_is_number(struct span text, double *number)
{
	return text_to_double(text, number) == 0;
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
		advisor_instead(a, "\"#%s\" at the end", advisor_first_card(a));
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
		advisor_instead(a, "\"#%s\", the device that computes", advisor_first_card(a));
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

		advisor_list_devices(a, known, sizeof(known));
		advisor_add(a, ADVICE_UNKNOWN_COMPUTE, ADVICE_WARNING, compute);
		advisor_found(a, "the compute device \"%.*s\" is not one of %s", SHOWN(compute), known);
		advisor_upstream(a, "KeyError as soon as a block goes there, unless the expert part gives it something");
		advisor_instead(a, "%s", advisor_first_card(a));
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
	advise_device(a, name);
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

	advise_device(a, a->allocation.compute);
	if (a->allocation.tail_piece_count != 3)
		return;
	if (!advisor_is_number(amount, &gib))
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

/* Ours refuses what upstream lets pass: of that the planner tells. Only a device that is not there is no fault of the string's
 * form. */
void advise_text_exact(struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value;

	advise_device_exact(a, a->allocation.compute);
	while (allocation_next_pair(&rest, &device, &value))
		advise_device_exact(a, device);
	if (a->allocation.mode != PLAN_VVRAM || a->allocation.tail_piece_count != 3)
		return;
	rest = a->allocation.donors;
	while (span_next(&rest, ',', &device))
		advise_device_exact(a, device);
}

void advise_text(struct advisor *a)
{
	check_hash(a);
	if (a->allocation.mode == PLAN_VVRAM) {
		if (a->allocation.tail.length)
			check_virtual_vram(a);
	} else {
		check_tail_ignored(a);
		check_compute_beside_expert(a);
		advise_expert(a);
	}
}

static void check_virtual_vram_by_count(struct advisor *a)
{
	struct span rest = a->allocation.donors;
	struct span name;
	double gib;

	advise_device(a, a->allocation.compute);
	if (advisor_is_number(a->allocation.amount, &gib))
		check_amount(a, a->allocation.amount, gib);
	/* cpu is a donor always, named or not, and takes what the others leave. */
	while (span_next(&rest, ',', &name)) {
		if (!span_is(name, "cpu"))
			check_donor(a, a->allocation.donors, name);
	}
}

void advise_text_by_count(struct advisor *a)
{
	if (a->allocation.mode == PLAN_VVRAM) {
		check_virtual_vram_by_count(a);
		return;
	}
	check_tail_ignored(a);
	advise_expert_by_count(a);
}
