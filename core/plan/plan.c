#include "core/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/string/allocation.h"
#include "core/plan/string/device_table.h"
#include "core/plan/string/exact.h"
#include "core/plan/string/modes.h"
#include "core/plan/place/place.h"

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

static bool convert(struct plan *plan, const struct mode_input *in, struct strbuf *out)
{
	switch (plan->mode) {
	case PLAN_VVRAM:
		return plan->rules->slices ? mode_vvram_v1(in, out) : mode_vvram(in, out, &plan->warning_count);
	case PLAN_BYTE:
		return mode_byte(in, out);
	case PLAN_RATIO:
		return mode_ratio(in, out);
	case PLAN_FRACTION:
		break;
	}
	return true;
}

/* The expert part as the mode reads it, into plan->converted; NULL in fraction mode. */
static bool convert_expert(struct plan *plan, const struct mode_input *in)
{
	struct strbuf out = STRBUF_INIT;
	bool fine = convert(plan, in, &out);

	if (fine && plan->mode != PLAN_FRACTION) {
		plan->converted = strbuf_finish(&out, NULL);
		fine = plan->converted || trouble_no_memory(in->trouble);
	}
	strbuf_free(&out);
	return fine;
}

/* plan->final: what the mode gave or the expert part itself, with the devices that it does not name. V1 appends none. */
static bool finish_string(struct plan *plan, struct span expert, const struct device_list *list, const struct trouble *t)
{
	char *own = plan->converted ? NULL : span_copy(expert, NULL);
	const char *text = plan->converted ? plan->converted : own;
	bool fine;

	if (!text)
		return trouble_no_memory(t);
	if (plan->rules->slices) {
		plan->final = string_copy(text, NULL);
		fine = plan->final || trouble_no_memory(t);
	} else {
		fine = device_table_append_absent(plan, text, list, t);
	}
	free(own);
	return fine;
}

static bool make_table(struct plan *plan, struct span expert, const struct device_list *list, const struct trouble *t)
{
	struct trouble in_final = *t;

	if (!finish_string(plan, expert, list, t))
		return false;
	/* In fraction mode the final string begins as the allocation string does, so its columns are that string's. */
	in_final.text = plan->mode == PLAN_FRACTION ? plan->final : NULL;
	in_final.text_length = expert.length;
	if (!device_table_read(plan, list, &in_final))
		return false;
	plan->compute_share = device_table_find(plan, span_of(plan->compute));
	return true;
}

/* 01df082 fails on load lists with a fifth field as soon as it adds them up: when a mode needs the sum, else after the table. */
static bool load_list_is_understood(const struct plan_request *request, const struct trouble *t)
{
	if (request->five_fields && !request->rules->five_fields && !request->rules->slices)
		return trouble_at(t, EXCEPTION_VALUE, NULL, "this version does not understand a load list with five fields");
	return true;
}

static bool fill(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	struct device_list list = { request->devices, request->device_count };
	struct allocation allocation;
	struct mode_input in = { .allocation = &allocation, .list = &list, .trouble = t };

	if (!make_arrays(plan, request->block_count, t))
		return false;
	if (request->rules->exact)
		return exact_read(plan, request, t) && exact_place(plan, request, t);
	if (!allocation_parse(&allocation, request->allocation, request->rules, t))
		return false;
	plan->mode = allocation.mode;
	plan->compute = span_copy(allocation.compute, NULL);
	if (!plan->compute)
		return trouble_no_memory(t);
	in.model_bytes = (double)plan->model_size_bytes;
	in.load_list_bytes = (double)plan->total_bytes;
	if ((plan->mode == PLAN_BYTE || plan->mode == PLAN_RATIO) && !load_list_is_understood(request, t))
		return false;
	if (!convert_expert(plan, &in) || !make_table(plan, allocation.expert, &list, t) ||
	    !load_list_is_understood(request, t))
		return false;
	return request->rules->slices ? place_slices(plan, request, t) : place_blocks(plan, request, t);
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
	if (sum_sizes(plan, request, e) && fill(plan, request, &t))
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
