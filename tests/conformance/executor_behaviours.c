/* executor_behaviours.c - which class of stubs.json behaves how, and what behaviours share. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/conformance/executor_behave.h"

/* ---- arguments and results ---- */

const struct py *stub_argument(const struct prompt_call *call, const char *name)
{
	const struct py *value = py_get(call->arguments, name);

	return value ? value : py_none();
}

bool stub_is_none(const struct py *value)
{
	return value->kind == PY_NONE;
}

bool stub_has(const struct prompt_call *call, const char *name)
{
	return py_get(call->arguments, name) != NULL;
}

/* A list of one; a tuple in Python. */
struct py *stub_one(struct py *value)
{
	struct py *list = py_list();

	if (py_append(list, value))
		return list;
	py_drop(list);
	return NULL;
}

struct py *stub_two(struct py *first, struct py *second)
{
	struct py *list = stub_one(first);

	if (list && py_append(list, second))
		return list;
	if (!list)
		py_drop(second);
	py_drop(list);
	return NULL;
}

struct py *stub_with(struct py *map, const char *key, struct py *value)
{
	if (py_set(map, key, value))
		return map;
	py_drop(map);
	return NULL;
}

/* A V3 output is a map even where it has only a result. */
struct py *stub_result(const struct prompt_call *call, struct py *value)
{
	return call->class->is_v3 ? stub_with(py_map(), "result", stub_one(value)) : stub_one(value);
}

struct py *stub_whole(int64_t value)
{
	return py_integer(value);
}

int64_t stub_number(const struct py *value)
{
	return py_integer_value(value);
}

/* a + b as Python adds. */
struct py *stub_add(const struct py *a, const struct py *b, struct py_raised *raised)
{
	if (!py_is_number(a) || !py_is_number(b)) {
		py_raise(raised, "TypeError", "unsupported operand type(s) for +: '%s' and '%s'", py_type(a), py_type(b));
		return NULL;
	}
	if (a->kind == PY_FLOAT || b->kind == PY_FLOAT)
		return py_float(py_number_value(a) + py_number_value(b));
	return stub_whole(stub_number(a) + stub_number(b));
}

struct py *stub_raise_value(struct py_raised *raised, const char *text)
{
	py_raise(raised, "ValueError", "%s", text);
	return NULL;
}

/* {"ui": {name: [item]}} */
struct py *stub_shows(const char *name, struct py *item)
{
	return stub_with(py_map(), "ui", stub_with(py_map(), name, stub_one(item)));
}

/* ---- the table ---- */

static const struct stub stubs[] = {
	{ .name = "TConst", .code = { .run = stub_give_value } },
	{ .name = "TConstF", .code = { .run = stub_give_value } },
	{ .name = "TConstS", .code = { .run = stub_give_value } },
	{ .name = "TConstB", .code = { .run = stub_give_value } },
	{ .name = "TAnyVal", .code = { .run = stub_give_value } },
	{ .name = "TModel", .code = { .run = stub_give_model } },
	{ .name = "TAdd", .code = { .run = stub_give_sum } },
	{ .name = "TMix", .code = { .run = stub_give_mix } },
	{ .name = "TTwo", .code = { .run = stub_give_two } },
	{ .name = "TSum3", .code = { .run = stub_give_sum_of_all } },
	{ .name = "TNotIdem", .code = { .run = stub_give_x } },
	{ .name = "TState", .code = { .construct = stub_make_counter, .run = stub_count_runs } },
	{ .name = "TKwargs", .code = { .run = stub_give_x } },
	{ .name = "TStrict", .code = { .run = stub_refuse_extra } },
	{ .name = "TOut", .code = { .run = stub_show_v } },
	{ .name = "TOutThru", .code = { .run = stub_show_and_give_v } },
	{ .name = "TOutQuiet", .code = { .run = stub_show_nothing } },
	{ .name = "TOut2", .code = { .run = stub_show_a_and_b } },
	{ .name = "TOutLazy", .code = { .run = stub_show_v, .check_lazy = stub_ask_v_if_go } },
	{ .name = "TLazySwitch", .code = { .run = stub_give_switched, .check_lazy = stub_ask_switched } },
	{ .name = "TLazySwitchInt", .code = { .run = stub_give_switched, .check_lazy = stub_ask_switched } },
	{ .name = "TLazyMask", .code = { .run = stub_give_sum_of_all, .check_lazy = stub_ask_masked } },
	{ .name = "TLazySeq", .code = { .run = stub_give_sum_of_all, .check_lazy = stub_ask_in_sequence } },
	{ .name = "TLazyStop", .code = { .run = stub_give_100a_plus_b, .check_lazy = stub_ask_b_if_a } },
	{ .name = "TLazyBadName", .code = { .run = stub_give_x, .check_lazy = stub_ask_nope } },
	{ .name = "TLazyConst", .code = { .run = stub_give_x, .check_lazy = stub_ask_a } },
	{ .name = "TLazyNone", .code = { .run = stub_give_a_or_0, .check_lazy = stub_ask_without_list } },
	{ .name = "TLazyNoFn", .code = { .run = stub_give_a_or_minus_1 } },
	{ .name = "TLazyRaise", .code = { .run = stub_give_a_or_0, .check_lazy = stub_ask_raising } },
	{ .name = "TRange", .code = { .run = stub_give_range } },
	{ .name = "TRangeTwo", .code = { .run = stub_give_range_and_n } },
	{ .name = "TListSum", .code = { .run = stub_give_list_sum } },
	{ .name = "TListRev", .code = { .run = stub_give_reversed } },
	{ .name = "TOutList", .code = { .run = stub_show_list } },
	{ .name = "TChgConst", .code = { .run = stub_give_x, .is_changed = stub_changed_same } },
	{ .name = "TChgNan", .code = { .run = stub_give_x, .is_changed = stub_changed_nan } },
	{ .name = "TChgNanOne", .code = { .run = stub_give_x, .is_changed = stub_changed_one_nan } },
	{ .name = "TChgTick", .code = { .run = stub_give_x, .is_changed = stub_changed_tick } },
	{ .name = "TChgHalf", .code = { .run = stub_give_x, .is_changed = stub_changed_half } },
	{ .name = "TChgRaise", .code = { .run = stub_give_x, .is_changed = stub_changed_raise } },
	{ .name = "TChgEcho", .code = { .run = stub_give_x, .is_changed = stub_changed_echo } },
	{ .name = "TChgList", .code = { .run = stub_give_x, .is_changed = stub_changed_list } },
	{ .name = "TChgObj", .code = { .run = stub_give_x, .is_changed = stub_changed_object } },
	{ .name = "TChgBlock", .code = { .run = stub_give_x, .is_changed = stub_changed_blocker } },
	{ .name = "TChgAsync", .code = { .run = stub_give_x, .is_changed = stub_changed_same } },
	{ .name = "TChgHid", .code = { .run = stub_give_x, .is_changed = stub_changed_same } },
	{ .name = "TUid", .code = { .run = stub_give_id_and_x } },
	{ .name = "THidden", .code = { .run = stub_give_hidden } },
	{ .name = "TBlock", .code = { .run = stub_block_if } },
	{ .name = "TBlockBare", .code = { .run = stub_block_bare } },
	{ .name = "TBlockTwo", .code = { .run = stub_block_second } },
	{ .name = "TBlockOdd", .code = { .run = stub_block_odd } },
	{ .name = "TRaise", .code = { .run = stub_raise_if } },
	{ .name = "TRaiseIdx", .code = { .run = stub_raise_at } },
	{ .name = "TInterrupt", .code = { .run = stub_raise_interrupt } },
	{ .name = "TInit", .code = { .construct = stub_raise_at_birth, .run = stub_give_v } },
	{ .name = "TNoneRet", .code = { .run = stub_give_none } },
	{ .name = "TShort", .code = { .run = stub_give_x } },
	{ .name = "TAsync", .code = { .run = stub_sleep_and_give_v } },
	{ .name = "TAsyncRaise", .code = { .run = stub_sleep_and_raise } },
	{ .name = "TAsyncOut", .code = { .run = stub_sleep_and_show } },
	{ .name = "TExpandSum", .code = { .run = stub_expand_sum } },
	{ .name = "TExpandLoop", .code = { .run = stub_expand_loop } },
	{ .name = "TExpandOut", .code = { .run = stub_expand_out } },
	{ .name = "TExpandMixed", .code = { .run = stub_expand_even } },
	{ .name = "TExpandDup", .code = { .run = stub_expand_fixed } },
	{ .name = "TExpandSelf", .code = { .run = stub_expand_self } },
	{ .name = "TExpandDisp", .code = { .run = stub_expand_displayed } },
	{ .name = "TExpandBlock", .code = { .run = stub_expand_blocked } },
	{ .name = "TExpandBad", .code = { .run = stub_expand_unknown } },
	{ .name = "TExpandMissing", .code = { .run = stub_expand_missing } },
	{ .name = "TExpandRaise", .code = { .run = stub_expand_raising } },
	{ .name = "TExpandUi", .code = { .run = stub_expand_and_show } },
	{ .name = "TExpandRaw", .code = { .run = stub_expand_raw } },
	{ .name = "TRaw", .code = { .run = stub_give_raw_link } },
	{ .name = "TLimits", .code = { .run = stub_show_i } },
	{ .name = "TOnlyInt", .code = { .run = stub_show_v_itself } },
	{ .name = "TUnion", .code = { .run = stub_show_v_itself } },
	{ .name = "TUnionSrc", .code = { .run = stub_give_v } },
	{ .name = "TPlainAny", .code = { .run = stub_show_v_itself } },
	{ .name = "TComboSrc", .code = { .run = stub_give_v } },
	{ .name = "TComboDst", .code = { .run = stub_show_nothing } },
	{ .name = "TComboDst2", .code = { .run = stub_show_nothing } },
	{ .name = "TModelIn", .code = { .run = stub_show_nothing } },
	{ .name = "TValid", .code = { .run = stub_show_nothing, .validate = stub_valid_under_100 } },
	{ .name = "TValidTwo", .code = { .run = stub_show_nothing, .validate = stub_valid_if_equal } },
	{ .name = "TValidKw", .code = { .run = stub_show_nothing, .validate = stub_valid_always } },
	{ .name = "TValidTypes", .code = { .run = stub_show_nothing, .validate = stub_valid_types } },
	{ .name = "TValidNoArg", .code = { .run = stub_show_nothing, .validate = stub_valid_never } },
	{ .name = "TValidRaise", .code = { .run = stub_give_x, .validate = stub_valid_raise } },
	{ .name = "TValidRaiseOut", .code = { .run = stub_show_nothing, .validate = stub_valid_raise } },
	{ .name = "TGate", .code = { .run = stub_hold_gate_and_listen } },
	{ .name = "TGateDeaf", .code = { .run = stub_hold_gate } },
	{ .name = "TProgress", .code = { .run = stub_report_progress } },
	{ .name = "TFinger", .code = { .run = stub_give_x, .is_changed = stub_changed_by_mode } },
	{ .name = "TV3Add", .code = { .run = stub_give_sum } },
	{ .name = "TV3Out", .code = { .run = stub_show_v } },
	{ .name = "TV3OutNone", .code = { .run = stub_show_nothing } },
	{ .name = "TV3Any", .code = { .run = stub_show_v } },
	{ .name = "TV3Combo", .code = { .run = stub_show_v_itself } },
	{ .name = "TV3Block", .code = { .run = stub_block_v3 } },
	{ .name = "TV3Uid", .code = { .run = stub_give_id_and_x } },
	{ .name = "TV3LazyNoFn", .code = { .run = stub_give_a_or_minus_1 } },
	{ .name = "TV3Lazy", .code = { .run = stub_give_a, .check_lazy = stub_ask_all_none } },
	{ .name = "TV3Valid", .code = { .run = stub_show_x, .validate = stub_valid_under_5 } },
	{ .name = "TV3Async", .code = { .run = stub_sleep_and_give_v } },
	{ .name = "TV3Expand", .code = { .run = stub_expand_plus_7 } },
	{ .name = "TV3List", .code = { .run = stub_give_doubled } },
	{ .name = "TV3NotIdem", .code = { .run = stub_give_x } },
};

const struct stub *stub_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(stubs); i++) {
		if (strcmp(stubs[i].name, name) == 0)
			return &stubs[i];
	}
	return NULL;
}
