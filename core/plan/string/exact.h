/* exact.h - our own way with allocation strings: the same strings, read to the byte, placed in runs. Private to core/plan.
 *
 * What is read otherwise than upstream reads it:
 *	values say what they are, not letters anywhere: `mps,50%` is half the model; sizes, shares and fractions do not mix
 *	bytes stay bytes: no fractions of four digits, GiB is 2^30, virtual VRAM counts what is in the load list
 *	`cpu,5gb*` asks for 5 GiB where it stands and takes what is left over as well
 *	a device named twice adds up; a donor named twice counts once, the compute device not at all; `cuda` is cuda:0
 *	what no fraction asks for stays on the compute device; no block is too small to be placed
 *	what upstream skips, drops or cuts in silence (items without a comma, units it does not know, devices that are not there,
 *	numbers that are negative or no numbers) is refused, with its column
 *
 * Each device gets one run of consecutive blocks, so that weights can be copied ahead of their use: the compute device's first,
 * then the other cards', then the host's, unless another order keeps to the quotas better. No run but the last is past its quota.
 */
#ifndef RESIDENCY_PLAN_EXACT_H
#define RESIDENCY_PLAN_EXACT_H

#include "core/plan/plan.h"
#include "core/plan/string/trouble.h"

/* Mode, compute device and a row for every listed device, with quotas that add up to the load list's bytes or more. */
bool exact_read(struct plan *plan, const struct plan_request *request, const struct trouble *t);

bool exact_place(struct plan *plan, const struct plan_request *request, const struct trouble *t);

#endif
