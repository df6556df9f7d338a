/* Upstream's order of work, which its exceptions show: the string is taken apart, the load list added up where the mode needs its
 * sum, the expert part converted, absent devices appended, the rows read; and only then is a load list refused that no mode had to
 * add up.
 */
#include "core/plan/string/read.h"

#include <stdlib.h>

#include "core/base/array.h"
#include "core/plan/string/allocation.h"
#include "core/plan/string/device_table.h"
#include "core/plan/string/modes.h"
#include "core/plan/versions.h"

/* The expert part as the mode reads it, into plan->converted; NULL where the mode takes it as it is. */
static bool convert_expert(struct plan *plan, const struct mode_input *in)
{
	plan_convert *convert = plan->rules->convert[plan->mode];
	struct strbuf out = STRBUF_INIT;
	bool fine;

	if (!convert)
		return true;
	fine = convert(in, &out);
	if (fine) {
		plan->converted = strbuf_finish(&out, NULL);
		fine = plan->converted || trouble_no_memory(in->trouble);
	}
	strbuf_free(&out);
	return fine;
}

/* plan->final: what the mode gave or the expert part itself, finished as the version does. */
static bool finish_string(struct plan *plan, struct span expert, const struct device_list *list, const struct trouble *t)
{
	char *own = plan->converted ? NULL : span_copy(expert, NULL);
	const char *text = plan->converted ? plan->converted : own;
	bool fine = text ? plan->rules->finish_string(plan, text, list, t) : trouble_no_memory(t);

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

bool read_refuses_five_fields(const struct plan_request *request, const struct trouble *t)
{
	return !request->five_fields ||
	       trouble_at(t, EXCEPTION_VALUE, NULL, "this version does not understand a load list with five fields");
}

static bool accept_load_list(const struct plan_request *request, const struct trouble *t)
{
	return !request->rules->accept_load_list || request->rules->accept_load_list(request, t);
}

bool read_allocation(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	struct device_list list = { .devices = request->devices, .count = request->device_count };
	struct allocation allocation;
	struct mode_input in = { .allocation = &allocation,
				 .list = &list,
				 .model_bytes = (double)plan->model_size_bytes,
				 .load_list_bytes = (double)plan->total_bytes,
				 .warning_count = &plan->warning_count,
				 .trouble = t };

	if (!allocation_parse(&allocation, request->allocation, request->rules, t))
		return false;
	plan->mode = allocation.mode;
	plan->compute = span_copy(allocation.compute, NULL);
	if (!plan->compute)
		return trouble_no_memory(t);
	if ((plan->mode == PLAN_BYTE || plan->mode == PLAN_RATIO) && !accept_load_list(request, t))
		return false;
	return convert_expert(plan, &in) && make_table(plan, allocation.expert, &list, t) && accept_load_list(request, t);
}
