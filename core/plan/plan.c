/* A plan's life, and what every version's has in common: sizes that add up, arrays of one element per block, and then the version's
 * own reading of the string and placing of the blocks. What a row of the table means for a device is asked here, too.
 */
#include "core/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/words.h"
#include "core/plan/string/trouble.h"
#include "core/plan/versions.h"

WORDS_NAME(plan_mode_name, enum plan_mode, PLAN_MODES)
WORDS_NAME(plan_reason_name, enum plan_reason, PLAN_REASONS)

const char *plan_reason_words(enum plan_reason reason)
{
	static const char *const words[PLAN_REASON_COUNT] = {
#define REASON_WORDS(name, text, words) words,
		PLAN_REASONS(REASON_WORDS)
#undef REASON_WORDS
	};

	return words[reason];
}

/* Upstream sums with whole numbers; ours are exact as long as they stay in a double's 53 bits. */
static bool add_size(uint64_t *sum, uint64_t size, const char *name, struct error *e)
{
	if (size == PLAN_NO_SIZE)
		return true;
	if (size > PLAN_SIZE_MAX || *sum > PLAN_SIZE_MAX - size)
		return error_set(e, ERROR_FORMAT, "block %.200s: sizes past 2^53 bytes cannot be planned", name);
	*sum += size;
	return true;
}

static bool sum_sizes(struct plan *plan, const struct plan_request *request, struct error *e)
{
	if (request->block_count >= UINT32_MAX)
		return error_set(e, ERROR_FORMAT, "%zu blocks are too many to plan", request->block_count);
	for (size_t i = 0; i < request->block_count; i++) {
		const struct plan_block *block = &request->blocks[i];

		if (!add_size(&plan->total_bytes, block->size_bytes, block->name, e) ||
		    !add_size(&plan->model_size_bytes, block->weight_size_bytes, block->name, e))
			return false;
	}
	for (size_t i = 0; i < request->device_count; i++) {
		uint64_t sum = 0;

		if (!add_size(&sum, request->devices[i].total_bytes, request->devices[i].name, e))
			return false;
	}
	return true;
}

static bool make_arrays(struct plan *plan, size_t count, const struct trouble *t)
{
	size_t room = count ? count : 1;

	plan->block_count = count;
	plan->share_of = array_new(room, sizeof(*plan->share_of), NULL);
	plan->reason_of = array_new(room, sizeof(*plan->reason_of), NULL);
	plan->order = array_new(room, sizeof(*plan->order), NULL);
	if (!plan->share_of || !plan->reason_of || !plan->order)
		return trouble_no_memory(t);
	memset(plan->share_of, 0xff, room * sizeof(*plan->share_of));
	return true;
}

static bool fill(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	return sum_sizes(plan, request, t->e) && make_arrays(plan, request->block_count, t) &&
	       request->rules->read(plan, request, t) && request->rules->place(plan, request, t);
}

struct plan *plan_make(const struct plan_request *request, struct plan_failure *failure, struct error *e)
{
	struct trouble t = { .allocation = request->allocation,
			     .text = request->allocation,
			     .text_length = strlen(request->allocation),
			     .failure = failure,
			     .e = e };
	struct plan *plan;

	if (failure)
		*failure = (struct plan_failure) { EXCEPTION_NONE, 0 };
	plan = array_new(1, sizeof(*plan), e);
	if (!plan)
		return NULL;
	plan->rules = request->rules;
	plan->compute_share = SIZE_MAX;
	if (fill(plan, request, &t))
		return plan;
	plan_free(plan);
	return NULL;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->share_count; i++)
		free(plan->shares[i].name);
	free(plan->shares);
	free(plan->donor_order);
	free(plan->share_of);
	free(plan->reason_of);
	free(plan->order);
	free(plan->compute);
	free(plan->converted);
	free(plan->final);
	free(plan);
}

static size_t find_device(const char *name, const struct plan_device *devices, size_t device_count)
{
	for (size_t i = 0; i < device_count; i++) {
		if (strcmp(devices[i].name, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

size_t plan_device_of_share(const struct plan_share *share, const struct plan_device *devices, size_t device_count)
{
	size_t found = find_device(share->name, devices, device_count);

	if (found != SIZE_MAX)
		return found;
	return find_device(strncmp(share->name, "cuda", 4) == 0 ? "cuda:0" : "cpu", devices, device_count);
}

double plan_device_bytes(const struct plan *plan, const struct plan_device *devices, size_t device_count, size_t device)
{
	double bytes = 0;

	for (size_t row = 0; row < plan->share_count; row++) {
		if (plan_device_of_share(&plan->shares[row], devices, device_count) == device)
			bytes += plan->shares[row].block_bytes;
	}
	return bytes;
}
