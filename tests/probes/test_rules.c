/* The rules that judge and explorer share, asked directly over views made by hand. */
#include <string.h>

#include "core/base/array.h"
#include "probes/judge/rules.h"
#include "tests/harness/harness.h"

struct hand_made {
	struct object_view objects[3];
	bool held[3][HOLDERS_LEAKING + 1];
};

static struct object_view object_at(const void *context, size_t index)
{
	return ((const struct hand_made *)context)->objects[index];
}

static bool is_held(const void *context, size_t index, enum holder_group group)
{
	return ((const struct hand_made *)context)->held[index][group];
}

static struct cell_view view_of(const struct hand_made *cell, size_t count)
{
	return (struct cell_view) { .context = cell, .count = count, .object = object_at, .is_held = is_held };
}

static struct object_view object(uint32_t inner, uint64_t identity, uint32_t model)
{
	return (struct object_view) { .model = model,
				      .inner = inner,
				      .identity = identity,
				      .keep = KEEP_YES,
				      .state = STATE_RESIDENT,
				      .is_seen = true,
				      .patcher_alive = true };
}

START_TEST(garbage_and_caches_hold_nothing_that_leaks)
{
	static const char *const harmless[] = { HOLDER_GARBAGE, HOLDER_CACHE, HOLDER_FOREIGN };
	struct record_holder holder = { .strong = true };

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		record_text(holder.kind, sizeof(holder.kind), harmless[i]);
		ck_assert_msg(!rule_holder_is_in(&holder, HOLDERS_LEAKING), "%s leaks", harmless[i]);
	}
	record_text(holder.kind, sizeof(holder.kind), HOLDER_ANCHORS);
	ck_assert(rule_holder_is_in(&holder, HOLDERS_LEAKING));
	holder.strong = false;
	ck_assert(!rule_holder_is_in(&holder, HOLDERS_LEAKING));
}
END_TEST

START_TEST(a_cause_of_its_own_counts_before_the_pressure_on_a_clone)
{
	struct hand_made cell = { .objects = { object(1, 10, 1), object(1, 11, 2) } };
	struct cell_view view = view_of(&cell, 2);

	cell.held[0][HOLDERS_MANAGER] = true;
	cell.objects[1].departure = REASON_EVICTED_BY_LOAD;
	ck_assert(rule_is_displaced(&view, 0));
	cell.objects[0].departure = REASON_UNLOADED_BY_POLICY;
	ck_assert(!rule_is_displaced(&view, 0));
}
END_TEST

START_TEST(a_copy_has_the_same_identity_and_is_older)
{
	struct hand_made cell = { .objects = { object(1, 10, 1), object(2, 20, 2) } };
	struct cell_view view = view_of(&cell, 2);

	ck_assert_uint_eq(rule_kept_copy(&view, 1), RULE_NO_OBJECT);
	cell.objects[1].identity = 10;
	ck_assert_uint_eq(rule_kept_copy(&view, 1), 0);
	ck_assert_uint_eq(rule_kept_copy(&view, 0), RULE_NO_OBJECT);
}
END_TEST

static enum ledger_result read_line(struct ledger_reading *ledger, const char *name, uint64_t size_bytes)
{
	struct record_memory memory = { .size_bytes = size_bytes };

	record_text(memory.line, sizeof(memory.line), name);
	return rule_read_ledger(ledger, &memory);
}

START_TEST(noise_is_no_part_of_the_sum_and_covers_what_is_unattributed)
{
	struct ledger_reading ledger = { .used_bytes = 0 };

	ck_assert_int_eq(read_line(&ledger, "used", 100), LEDGER_OPEN);
	ck_assert_int_eq(read_line(&ledger, "weights", 95), LEDGER_OPEN);
	ck_assert_int_eq(read_line(&ledger, "noise", 5), LEDGER_OPEN);
	ck_assert_int_eq(read_line(&ledger, "unattributed", 5), LEDGER_BALANCED);
	read_line(&ledger, "used", 100);
	read_line(&ledger, "weights", 94);
	ck_assert_int_eq(read_line(&ledger, "unattributed", 6), LEDGER_UNATTRIBUTED);
	read_line(&ledger, "used", 100);
	read_line(&ledger, "weights", 101);
	ck_assert_int_eq(read_line(&ledger, "unattributed", 0), LEDGER_UNBALANCED);
}
END_TEST

HARNESS_SUITE(rules_suite)
{
	Suite *suite = suite_create("rules");
	TCase *tests = tcase_create("rules");

	tcase_add_test(tests, garbage_and_caches_hold_nothing_that_leaks);
	tcase_add_test(tests, a_cause_of_its_own_counts_before_the_pressure_on_a_clone);
	tcase_add_test(tests, a_copy_has_the_same_identity_and_is_older);
	tcase_add_test(tests, noise_is_no_part_of_the_sum_and_covers_what_is_unattributed);
	suite_add_tcase(suite, tests);
	return suite;
}
