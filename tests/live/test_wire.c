/* What is sent to a server and comes back from it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "probes/live/live_client.h"
#include "tests/harness/harness.h"
#include "tests/live/fake.h"

START_TEST(a_seed_of_all_64_bits_goes_to_the_server_and_back_unchanged)
{
	static const char *const seeds[] = { "9223372036854775807", "9223372036854775808", "18446744073709551615" };
	const struct live_limits limits = { .tries = 3 };
	struct error e = ERROR_INIT;
	struct live_client *client = live_client_open(fake_start("none", 0), &limits, NULL, &e);

	ck_assert_ok(client, &e);
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		char text[160];
		json_t *body;
		json_t *answer;
		json_t *history;
		const json_t *sent;

		snprintf(text, sizeof(text), "{\"prompt_id\":\"p%zu\",\"prompt\":{\"1\":{\"inputs\":{\"noise_seed\":%s}}}}", i,
			 seeds[i]);
		body = json_parse(text, strlen(text), "body", false, &e);
		answer = body ? live_client_post(client, "/prompt", body, &e) : NULL;
		ck_assert_ok(answer, &e);
		snprintf(text, sizeof(text), "/history/p%zu", i);
		history = live_client_get(client, text, &e);
		ck_assert_ok(history, &e);
		sent = json_object_get(body, "prompt");
		snprintf(text, sizeof(text), "p%zu", i);
		ck_assert(json_equal(sent, json_array_get(json_object_get(json_object_get(history, text), "prompt"), 2)));
		json_decref(history);
		json_decref(answer);
		json_decref(body);
	}
	live_client_close(client);
}
END_TEST

HARNESS_SUITE(wire_suite)
{
	Suite *suite = suite_create("wire");
	TCase *tests = tcase_create("wire");

	tcase_add_checked_fixture(tests, NULL, fake_stop);
	tcase_add_test(tests, a_seed_of_all_64_bits_goes_to_the_server_and_back_unchanged);
	suite_add_tcase(suite, tests);
	return suite;
}
