/* What the plan made from a string tells. With no model known the plan is of nothing real, and only what does not depend on its
 * size is told. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/advise/advisor.h"
#include "core/plan/versions.h"

#define STEPS 10000.0 /* fractions have four digits */
#define MUCH 0.01 /* of the model */

static const struct span nowhere = { NULL, 0 };

static struct span first_value(const struct advisor *a)
{
	struct span rest = a->allocation.expert;
	struct span device;
	struct span value = nowhere;

	if (a->allocation.mode == PLAN_VVRAM)
		return a->allocation.amount;
	allocation_next_pair(&rest, &device, &value);
	return value;
}

/* Blocks placed for one reason. */
static size_t count_reason(const struct advisor *a, const struct plan *plan, enum plan_reason reason, double *bytes)
{
	size_t count = 0;

	*bytes = 0;
	for (size_t i = 0; i < plan->block_count; i++) {
		if (plan->reason_of[i] != reason)
			continue;
		count++;
		*bytes += (double)a->request->blocks[i].size_bytes;
	}
	return count;
}

static const char *bytes_text(double bytes, char text[UNITS_TEXT_MAX])
{
	return units_bytes(bytes > 0 ? (uint64_t)bytes : 0, text);
}

/* ---- rounding ---- */

static void tell_rounding(struct advisor *a, const struct plan *plan)
{
	char steps[200] = "";
	size_t length = 0;
	char step[UNITS_TEXT_MAX];

	if (plan->mode == PLAN_FRACTION)
		return;
	for (size_t i = 0; i < plan->share_count && length < sizeof(steps); i++) {
		const struct plan_share *share = &plan->shares[i];

		if (share->quota_bytes > 0)
			length += (size_t)snprintf(steps + length, sizeof(steps) - length, "%s%s on %.40s", length ? ", " : "",
						   bytes_text(share->total_bytes / STEPS, step), share->name);
	}
	if (!length)
		return;
	advisor_add(a, ADVICE_ROUNDING, ADVICE_NOTE, first_value(a));
	advisor_found(a, "quotas are rounded to four digits of a device's memory");
	advisor_upstream(a, "steps of %s; a quota rounded down can leave a block without room", steps);
	advisor_instead(a, "--planner exact keeps the bytes");
}

/* Half a step more of any quota, and the block would have had room. */
static bool is_left_out_by_rounding(const struct plan *plan, uint64_t size_bytes)
{
	for (size_t i = 0; i < plan->share_count; i++) {
		const struct plan_share *share = &plan->shares[i];

		if (share->quota_bytes > 0 && share->left_bytes + 0.5 / STEPS * share->total_bytes >= (double)size_bytes)
			return true;
	}
	return false;
}

static void trap_of_rounding(struct advisor *a, const struct plan *plan)
{
	uint64_t bytes = 0;
	size_t count = 0;
	char expected[64];
	char size[UNITS_TEXT_MAX];

	for (size_t i = 0; i < plan->block_count; i++) {
		uint64_t size_bytes = a->request->blocks[i].size_bytes;

		if (plan->reason_of[i] != PLAN_REASON_ORPHAN || !is_left_out_by_rounding(plan, size_bytes))
			continue;
		count++;
		bytes += size_bytes;
	}
	if (!count)
		return;
	snprintf(expected, sizeof(expected), "%zu block%s, %s, with the others", count, count == 1 ? "" : "s",
		 units_bytes(bytes, size));
	advisor_misread(a, "quotas rounded to four decimals", expected, "no quota has room: left on the compute device");
}

static void tell_orphans(struct advisor *a, const struct plan *plan)
{
	double bytes;
	size_t count = count_reason(a, plan, PLAN_REASON_ORPHAN, &bytes);
	char text[UNITS_TEXT_MAX];

	if (!count)
		return;
	trap_of_rounding(a, plan);
	advisor_add(a, ADVICE_ORPHANS, bytes > MUCH * (double)plan->total_bytes ? ADVICE_WARNING : ADVICE_NOTE, first_value(a));
	advisor_found(a, "%zu block%s of %s fit%s in no device's quota", count, count == 1 ? "" : "s", bytes_text(bytes, text),
		      count == 1 ? "s" : "");
	advisor_upstream(a, "%s to the compute device %.40s, whether it has room or not", count == 1 ? "it goes" : "they go",
			 plan->compute);
	advisor_instead(a, plan->mode == PLAN_FRACTION ? "larger fractions, or shares of the model"
						       : "--planner exact, or a little more for a donor");
}

/* ---- blocks that are passed over ---- */

static void tell_passed_over(struct advisor *a, const struct plan *plan)
{
	double bytes;
	size_t count = count_reason(a, plan, PLAN_REASON_TINY, &bytes);
	char text[UNITS_TEXT_MAX];

	if (count && bytes > MUCH * (double)plan->total_bytes) {
		advisor_add(a, ADVICE_ALL_TINY, ADVICE_WARNING, nowhere);
		advisor_found(a, "%zu blocks are under 0.01 %% of the model, %s in all", count, bytes_text(bytes, text));
		advisor_upstream(a, "such blocks stay on the compute device %.40s, whatever the string says", plan->compute);
		advisor_instead(a, "--planner exact, which places every block");
	}
	count = count_reason(a, plan, PLAN_REASON_NO_BIAS, &bytes);
	if (count && bytes > MUCH * (double)plan->total_bytes) {
		advisor_add(a, ADVICE_NO_BIAS, ADVICE_WARNING, nowhere);
		advisor_found(a, "%zu large blocks have no bias attribute, %s in all", count, bytes_text(bytes, text));
		advisor_upstream(a, "%s leaves them on the compute device %.40s; 01df082 moves them", plan->rules->name,
				 plan->compute);
	}
}

/* ---- what a device is asked to hold ---- */

/* What the version does about a device that is to hold too much; NULL: it has no upstream. */
typedef const char *over_commit_words(const struct plan *plan, const struct plan_device *device);

static const char *words_of_none(const struct plan *plan, const struct plan_device *device)
{
	(void)plan;
	(void)device;
	return NULL;
}

#define LOOKS_AT_SIZES ": the plan looks at sizes, never at what is free; loading runs out of memory"

static const char *words_of_silence(const struct plan *plan, const struct plan_device *device)
{
	(void)plan;
	(void)device;
	return "nothing is said" LOOKS_AT_SIZES;
}

static const char *words_of_warning(const struct plan *plan, const struct plan_device *device)
{
	if (plan->mode == PLAN_VVRAM && strcmp(device->name, plan->compute) == 0)
		return "a warning in the log, and nothing is changed" LOOKS_AT_SIZES;
	return words_of_silence(plan, device);
}

static void trap_of_over_commit(struct advisor *a, const struct plan_device *there, uint64_t bytes, uint64_t free_bytes)
{
	struct advice_trap trap = { .kind = ADVICE_TRAP_OVER_COMMITTED, .size_bytes = bytes };
	char planned[UNITS_TEXT_MAX];
	char total[UNITS_TEXT_MAX];
	char room[UNITS_TEXT_MAX];

	units_bytes(bytes, planned);
	units_bytes(there->total_bytes, total);
	units_bytes(free_bytes, room);
	snprintf(trap.place, sizeof(trap.place), "%s", there->name);
	snprintf(trap.expected, sizeof(trap.expected), "%s on %.40s", planned, there->name);
	if (free_bytes < there->total_bytes) {
		snprintf(trap.actual, sizeof(trap.actual), "%s free of %s", room, total);
		snprintf(trap.detail, sizeof(trap.detail), "%s are planned for %.40s, which has %s free of %s", planned,
			 there->name, room, total);
	} else {
		snprintf(trap.actual, sizeof(trap.actual), "%s in all", total);
		snprintf(trap.detail, sizeof(trap.detail), "%s are planned for %.40s, which has %s", planned, there->name,
			 total);
	}
	advisor_trap(a, &trap);
}

static void tell_over_commit(struct advisor *a, const struct plan *plan, size_t device, over_commit_words *words_of)
{
	const struct advise_request *request = a->request;
	const struct plan_device *there = &request->devices[device];
	double bytes = plan_device_bytes(plan, request->devices, request->device_count, device);
	uint64_t free_bytes = request->free_bytes ? request->free_bytes[device] : there->total_bytes;
	double room = (double)free_bytes;
	const char *words = words_of(plan, there);
	char texts[4][UNITS_TEXT_MAX];

	if (!(bytes > room))
		return;
	trap_of_over_commit(a, there, (uint64_t)bytes, free_bytes);
	advisor_add(a, ADVICE_OVER_COMMIT, ADVICE_WARNING, advisor_place_of(a, there->name));
	advisor_found(a, "%s is to hold %s and has %s free of %s", there->name, bytes_text(bytes, texts[0]),
		      bytes_text(room, texts[1]), bytes_text((double)there->total_bytes, texts[2]));
	if (words)
		advisor_upstream(a, "%s", words);
	advisor_instead(a, "%s less on it", bytes_text(bytes - room, texts[3]));
}

static void check_commitments(struct advisor *a, const struct plan *plan, over_commit_words *words_of)
{
	for (size_t device = 0; device < a->request->device_count; device++)
		tell_over_commit(a, plan, device, words_of);
}

bool advise_row_overflows(const struct plan_share *share)
{
	return share->block_bytes > share->total_bytes;
}

bool advise_row_has_no_limit(const struct plan_share *share)
{
	return !(share->fraction >= 0 && share->fraction <= 1);
}

/* ---- the whole ---- */

static void tell_of_runs(struct advisor *a, const struct plan *plan)
{
	uint32_t last = PLAN_NO_DEVICE;
	size_t runs = 0;
	size_t used = 0;

	for (size_t i = 0; i < plan->share_count; i++)
		used += plan->shares[i].block_count > 0;
	for (size_t i = 0; i < plan->block_count; i++) {
		bool counts = plan->reason_of[i] == PLAN_REASON_FITTED || plan->reason_of[i] == PLAN_REASON_ORPHAN;

		if (!counts)
			continue;
		runs += plan->share_of[i] != last;
		last = plan->share_of[i];
	}
	if (used < 2) {
		advisor_add(a, ADVICE_NOTHING_MOVES, ADVICE_NOTE, nowhere);
		advisor_found(a, "all of the model is on one device: nothing is offloaded");
	} else if (runs > 4 * used) {
		advisor_add(a, ADVICE_FRAGMENTED, ADVICE_NOTE, nowhere);
		advisor_found(a, "the model is cut into %zu runs on %zu devices", runs, used);
		advisor_upstream(a, "first fit from the tail: small blocks slip into devices that had no room for a large one");
		advisor_instead(a, "--planner exact gives each device one run");
	}
}

static void tell_more_than_model(struct advisor *a, const struct plan *plan)
{
	struct span amount = first_value(a);
	char text[UNITS_TEXT_MAX];
	double gib;

	if (plan->mode != PLAN_VVRAM || text_to_double(amount, &gib) != 0 || !(gib * GIB > (double)plan->model_size_bytes) ||
	    !isfinite(gib))
		return;
	advisor_add(a, ADVICE_MORE_THAN_MODEL, ADVICE_NOTE, amount);
	advisor_found(a, "%.4g GiB is more than the model, which has %s", gib,
		      bytes_text((double)plan->model_size_bytes, text));
	advisor_upstream(a, "all of it leaves the compute device but blocks under 0.01 %%");
}

static void tell_of_blocks(struct advisor *a, const struct plan *plan, over_commit_words *words_of)
{
	if (!a->request->blocks)
		return;
	tell_more_than_model(a, plan);
	tell_orphans(a, plan);
	tell_passed_over(a, plan);
	check_commitments(a, plan, words_of);
	tell_of_runs(a, plan);
}

void advise_plan(struct advisor *a, const struct plan *plan)
{
	tell_rounding(a, plan);
	tell_of_blocks(a, plan, words_of_warning);
}

/* Bytes are kept, so that nothing is rounded. */
void advise_plan_exact(struct advisor *a, const struct plan *plan)
{
	tell_of_blocks(a, plan, words_of_none);
}

void advise_plan_by_count(struct advisor *a, const struct plan *plan)
{
	advisor_add(a, ADVICE_BY_COUNT, ADVICE_NOTE, nowhere);
	advisor_found(a, "V1 deals layers by their number, from the front: bytes play no part");
	advise_text_by_count(a);
	if (!a->request->blocks)
		return;
	check_commitments(a, plan, words_of_silence);
	tell_of_runs(a, plan);
}
