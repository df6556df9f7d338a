/* The table of planner versions. Each row names the functions that make the version what it is; those that several versions share
 * are named in several rows. They stand in the files of their subject: strings are taken apart in string/, blocks placed in place/,
 * advice given in advise/.
 */
#include "core/plan/versions.h"

#include <string.h>

#include "core/plan/advise/advisor.h"
#include "core/plan/advise/answer.h"
#include "core/plan/place/place.h"
#include "core/plan/string/allocation.h"
#include "core/plan/string/device_table.h"
#include "core/plan/string/exact.h"
#include "core/plan/string/modes.h"
#include "core/plan/string/node_string.h"
#include "core/plan/string/read.h"

const struct plan_rules plan_rules[] = {
	{
		.name = "01df082",
		.summary = "DisTorch2 at ComfyUI-MultiGPU 01df082",
		.check_hashes = allocation_needs_one_hash,
		.mode_of = allocation_mode_by_letters,
		.read = read_allocation,
		.accept_load_list = read_refuses_five_fields,
		.convert = { [PLAN_VVRAM] = mode_vvram, [PLAN_BYTE] = mode_byte, [PLAN_RATIO] = mode_ratio },
		.finish_string = device_table_append_absent,
		.place = place_blocks,
		.note_kinds = place_kinds_by_size,
		.charge_heads = place_charge_heads,
		.raises = exception_name,
		.advise_text = advise_text,
		.advise_plan = advise_plan,
		.append_size = allocation_append_size,
		.node_string = node_string_01df082,
		.answer = answer_plan,
	},
	{
		.name = "HEAD",
		.summary = "DisTorch2 at ComfyUI-MultiGPU a38cbda (v2.6)",
		.default_compute = "cuda:0",
		.mode_of = allocation_mode_by_letters,
		.read = read_allocation,
		.convert = { [PLAN_VVRAM] = mode_vvram, [PLAN_BYTE] = mode_byte, [PLAN_RATIO] = mode_ratio },
		.finish_string = device_table_append_absent,
		.place = place_blocks,
		.note_kinds = place_kinds_by_size_and_bias,
		.charge_heads = place_charge_heads_if_any,
		.raises = exception_name,
		.advise_text = advise_text,
		.advise_plan = advise_plan,
		.append_size = allocation_append_size,
		.node_string = node_string_head,
		.answer = answer_plan,
	},
	{
		.name = "V1",
		.summary = "DisTorch (GGUF) at ComfyUI-MultiGPU 01df082",
		.check_hashes = allocation_needs_at_most_one_hash,
		.mode_of = allocation_mode_of_fractions,
		.read = read_allocation,
		.convert = { [PLAN_VVRAM] = mode_vvram_v1 },
		.finish_string = device_table_append_none,
		.read_bare_item = device_table_refuse_bare_item,
		.place = place_slices,
		.raises = exception_name,
		.advise_plan = advise_plan_by_count,
		.node_string = node_string_01df082,
		.answer = answer_slices,
	},
	{
		.name = "exact",
		.summary = "ours: the same strings to the byte, one run of blocks a device",
		.mode_of = allocation_mode_by_letters,
		.read = exact_read,
		.place = exact_place,
		.charge_heads = place_charge_heads,
		.advise_text = advise_text_exact,
		.advise_plan = advise_plan_exact,
		.append_size = allocation_append_size,
		.node_string = node_string_exact,
		.answer = answer_plan,
	},
	{ .name = NULL },
};

const struct plan_rules *plan_rules_find(const char *name)
{
	for (const struct plan_rules *rules = plan_rules; rules->name; rules++) {
		if (strcmp(rules->name, name) == 0)
			return rules;
	}
	return NULL;
}
