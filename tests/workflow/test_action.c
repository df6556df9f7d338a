/* The table of actions: each row is whole, and what several readers take from it cannot contradict. */
#include <jansson.h>
#include <string.h>

#include "core/workflow/action.h"
#include "tests/harness/harness.h"

START_TEST(each_action_has_a_word_of_its_own_and_a_way_for_the_engine)
{
	for (unsigned i = 0; i < ACTION_KIND_COUNT; i++) {
		const struct action_row *row = action_row((enum action_kind)i);

		ck_assert_msg(row->word && row->act, "action %u", i);
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(row->word, action_word((enum action_kind)j));
	}
}
END_TEST

START_TEST(a_number_has_a_unit_and_limits_that_its_choices_keep)
{
	for (unsigned i = 0; i < ACTION_KIND_COUNT; i++) {
		const struct action_row *row = action_row((enum action_kind)i);
		bool counts = row->takes == TAKES_NUMBER || row->takes == TAKES_OPTIONAL_NUMBER || row->takes == TAKES_DEVICE;

		ck_assert_msg(counts == (row->unit != NULL), "%s", row->word);
		ck_assert_msg(counts == (row->most > row->least), "%s", row->word);
		for (size_t n = 0; n < ACTION_NUMBERS && row->numbers[ACTION_NUMBERS - 1]; n++)
			ck_assert_msg(row->numbers[n] >= row->least && row->numbers[n] <= row->most, "%s", row->word);
	}
}
END_TEST

START_TEST(actions_that_records_call_the_same_mean_the_same_to_a_judge)
{
	for (unsigned i = 0; i < ACTION_KIND_COUNT; i++) {
		for (unsigned j = 0; j < i; j++) {
			const struct action_row *a = action_row((enum action_kind)i);
			const struct action_row *b = action_row((enum action_kind)j);

			if (strcmp(action_record_word((enum action_kind)i), action_record_word((enum action_kind)j)) != 0)
				continue;
			ck_assert_msg(a->asks == b->asks && a->stages == b->stages && !a->prompts == !b->prompts, "%s, %s",
				      a->word, b->word);
		}
	}
}
END_TEST

START_TEST(a_live_server_can_do_each_action_or_it_is_said_what_only_the_engine_has)
{
	for (unsigned i = 0; i < ACTION_KIND_COUNT; i++) {
		const struct action_row *row = action_row((enum action_kind)i);
		bool by_server = row->prompts || row->takes == TAKES_BODY || i == ACTION_SETTLE;

		ck_assert_msg(by_server || (row->wire != NULL) != (row->engine_only != NULL), "%s", row->word);
	}
}
END_TEST

static bool asks(enum action_kind kind, const char *text)
{
	json_t *body = json_loads(text, 0, NULL);
	struct action action = { .kind = kind, .body = body };
	bool it_asks = action_asks(&action);

	json_decref(body);
	return it_asks;
}

START_TEST(a_post_asks_what_its_body_says_and_a_direct_call_always_asks)
{
	ck_assert(asks(ACTION_POST, "{\"unload_models\": true}"));
	ck_assert(asks(ACTION_POST_RUNNING, "{\"free_memory\": true}"));
	ck_assert(!asks(ACTION_POST, "{\"unload_models\": false, \"release_kept\": true}"));
	ck_assert(asks(ACTION_FREE_MEMORY, "{}"));
	ck_assert(!asks(ACTION_PROMPT, "{\"unload_models\": true}"));
}
END_TEST

START_TEST(only_a_post_that_is_heard_or_a_direct_call_is_a_request_now)
{
	ck_assert(action_is_request_now(ACTION_POST, true));
	ck_assert(!action_is_request_now(ACTION_POST, false));
	ck_assert(!action_is_request_now(ACTION_POST_RUNNING, true));
	ck_assert(!action_is_request_now(ACTION_POST_WITHOUT_WAKE, true));
	ck_assert(action_is_request_now(ACTION_FREE_MEMORY, true));
	ck_assert(!action_is_request_now(ACTION_SOFT_EMPTY, false));
}
END_TEST

HARNESS_SUITE(action_suite)
{
	Suite *suite = suite_create("action");
	TCase *tests = tcase_create("table");

	tcase_add_test(tests, each_action_has_a_word_of_its_own_and_a_way_for_the_engine);
	tcase_add_test(tests, a_number_has_a_unit_and_limits_that_its_choices_keep);
	tcase_add_test(tests, actions_that_records_call_the_same_mean_the_same_to_a_judge);
	tcase_add_test(tests, a_live_server_can_do_each_action_or_it_is_said_what_only_the_engine_has);
	tcase_add_test(tests, a_post_asks_what_its_body_says_and_a_direct_call_always_asks);
	tcase_add_test(tests, only_a_post_that_is_heard_or_a_direct_call_is_a_request_now);
	suite_add_tcase(suite, tests);
	return suite;
}
