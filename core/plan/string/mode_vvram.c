/* Virtual VRAM: so many GiB leave the recipient for its donors, each up to its size, in their order. What the donors cannot
 * take is dropped. V1 differs in what a donor may give and in cpu, which is a donor whether it is named or not.
 */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/string/modes.h"

struct donor {
	struct span name;
	double size; /* GiB, as all below */
	double give;
};

struct vram_shares {
	struct span recipient;
	double recipient_size;
	double amount; /* virtual VRAM */
	struct donor *donors;
	size_t donor_count, donor_capacity;
	double left; /* of amount, when the donors have taken theirs */
};

/* `compute;amount;donors` of the tail, and the recipient's size. *donor_names is the third piece. */
static bool read_tail(const struct mode_input *in, struct vram_shares *x, struct span *donor_names)
{
	const struct trouble *t = in->trouble;
	const struct allocation *allocation = in->allocation;
	struct span amount = allocation->amount;
	int fault;

	if (allocation->tail_piece_count != 3)
		return trouble_at(t, EXCEPTION_VALUE, allocation->tail.text,
				  "%zu pieces after the '#'; wanted three: compute;virtual_vram_gb;donors",
				  allocation->tail_piece_count);
	x->recipient = allocation->compute;
	*donor_names = allocation->donors;
	fault = text_to_double(amount, &x->amount);
	if (fault < 0)
		return trouble_no_memory(t);
	if (fault)
		return trouble_at(t, EXCEPTION_VALUE, amount.text,
				  "\"%.*s\" is no number; wanted GiB without a unit, such as 4.0", SHOWN(amount));
	if (!device_table_total(in->list, x->recipient, &x->recipient_size, t))
		return false;
	x->recipient_size /= GIB;
	x->left = x->amount;
	return true;
}

/* The donor takes what it can of what is left. A donor named again overwrites its earlier share, so that `cpu,cpu` ends with
 * nothing on either. */
static bool add_donor(struct vram_shares *x, struct span name, double size, double capacity, const struct trouble *t)
{
	struct donor donor = { .name = name, .size = size, .give = capacity < x->left ? capacity : x->left };

	x->left -= donor.give;
	for (size_t i = 0; i < x->donor_count; i++) {
		if (span_equal(x->donors[i].name, name))
			x->donors[i].give = donor.give;
	}
	if (!array_reserve(&x->donors, &x->donor_capacity, x->donor_count + 1, sizeof(*x->donors), NULL))
		return trouble_no_memory(t);
	x->donors[x->donor_count++] = donor;
	return true;
}

static bool append_share(struct strbuf *out, struct span name, double part, double whole, const struct trouble *t)
{
	if (whole == 0)
		return trouble_at(t, EXCEPTION_ZERO_DIVISION, name.text, "device \"%.*s\" has no memory to give a fraction of",
				  SHOWN(name));
	if (out->length)
		strbuf_append_char(out, ';');
	strbuf_append_n(out, name.text, name.length);
	strbuf_append_char(out, ',');
	text_append_four_digits(out, part / whole);
	return true;
}

/* The recipient keeps what remains of `base`; nothing limits it to its own size. */
static bool append_shares(const struct vram_shares *x, double base, struct strbuf *out, const struct trouble *t)
{
	double keep = base - x->amount;

	if (!append_share(out, x->recipient, keep > 0 ? keep : 0, x->recipient_size, t))
		return false;
	for (size_t i = 0; i < x->donor_count; i++) {
		if (!append_share(out, x->donors[i].name, x->donors[i].give, x->donors[i].size, t))
			return false;
	}
	return true;
}

bool mode_vvram(const struct mode_input *in, struct strbuf *out)
{
	struct vram_shares x = { .donors = NULL };
	double model = in->model_bytes / GIB;
	struct span names;
	struct span name;
	bool fine = read_tail(in, &x, &names);

	while (fine && span_next(&names, ',', &name)) {
		double size;

		fine = device_table_total(in->list, name, &size, in->trouble) &&
		       add_donor(&x, name, size / GIB, size / GIB, in->trouble);
	}
	/* Two lines of advice, and nothing is changed. */
	if (fine && model > x.recipient_size * 0.9)
		*in->warning_count += 2;
	fine = fine && append_shares(&x, model, out, in->trouble);
	free(x.donors);
	return fine;
}

/* cpu comes last and takes all that is left, whatever its size; other donors give nine tenths of themselves. A model larger
 * than nine tenths of the recipient is cut to that, and the rest ends up nowhere in the string. */
bool mode_vvram_v1(const struct mode_input *in, struct strbuf *out)
{
	struct vram_shares x = { .donors = NULL };
	double model = in->model_bytes / GIB;
	double limit;
	struct span names;
	struct span name;
	double size;
	bool fine = read_tail(in, &x, &names);

	while (fine && span_next(&names, ',', &name)) {
		if (span_is(name, "cpu"))
			continue;
		fine = device_table_total(in->list, name, &size, in->trouble) &&
		       add_donor(&x, name, size / GIB, size / GIB * 0.9, in->trouble);
	}
	fine = fine && device_table_total(in->list, span_of("cpu"), &size, in->trouble) &&
	       add_donor(&x, span_of("cpu"), size / GIB, x.left, in->trouble);
	limit = x.recipient_size * 0.9;
	fine = fine && append_shares(&x, model > limit ? limit : model, out, in->trouble);
	free(x.donors);
	return fine;
}
