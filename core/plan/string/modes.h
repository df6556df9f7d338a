/* modes.h - what each mode makes of an allocation: a string of `device,fraction` items, as upstream writes them.
 * Private to core/plan.
 *
 * The fractions have four digits: a step of 2.5 MB on a 24 GB card. A fraction rounded down leaves a block without room; that
 * is upstream's, and kept.
 */
#ifndef RESIDENCY_PLAN_MODES_H
#define RESIDENCY_PLAN_MODES_H

#include "core/plan/string/allocation.h"
#include "core/plan/string/device_table.h"

struct mode_input {
	const struct allocation *allocation;
	const struct device_list *list;
	double model_bytes; /* of weights and biases, listed or not */
	double load_list_bytes; /* of the load list */
	unsigned *warning_count; /* added to: lines that upstream logs as warnings */
	const struct trouble *trouble;
};

/* Each appends its string to out, which the caller frees whatever is returned. */
bool mode_vvram(const struct mode_input *in, struct strbuf *out);
bool mode_vvram_v1(const struct mode_input *in, struct strbuf *out);
bool mode_byte(const struct mode_input *in, struct strbuf *out);
bool mode_ratio(const struct mode_input *in, struct strbuf *out);

#endif
