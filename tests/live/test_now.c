/* What a probe says is where now: read whole, and refused where it lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "probes/live/live_now.h"
#include "tests/harness/harness.h"

static json_t *answer;
static struct live_now *now;
static struct error e;

static void set_up(void)
{
	error_clear(&e);
	answer = json_parse_file("tests/live/watch/now.json", &e);
	ck_assert_ok(answer, &e);
}

static void tear_down(void)
{
	live_now_free(now);
	json_decref(answer);
	now = NULL;
}

static void parse(void)
{
	now = live_now_parse(answer, &e);
	ck_assert_ok(now, &e);
}

/* A path of names and indexes ("models", "0", "bytes") leads to what is replaced. */
static void replace(const char *list, size_t index, const char *key, const char *value)
{
	json_t *item = list ? json_array_get(json_object_get(answer, list), index) : answer;

	ck_assert_int_eq(json_object_set_new(item, key, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
}

static void is_refused(enum error_kind kind, const char *said)
{
	now = live_now_parse(answer, &e);
	ck_assert_ptr_null(now);
	ck_assert_int_eq(e.kind, kind);
	ck_assert_msg(strstr(e.text, said), "no \"%s\" in: %s", said, e.text);
}

START_TEST(a_model_is_read_with_its_bytes_blocks_and_holders)
{
	const struct live_now_model *model;

	parse();
	ck_assert_uint_eq(now->model_count, 5);
	model = &now->models[0];
	ck_assert_str_eq(model->name, "flux1-dev-fp8");
	ck_assert_int_eq(model->keep, KEEP_YES);
	ck_assert_uint_eq(model->place_count, 2);
	ck_assert_uint_eq(model->places[1].size_bytes, 3800000000);
	ck_assert_uint_eq(model->runs[1].block_count, 17);
	ck_assert_str_eq(model->places[model->runs[1].place].device, "cpu");
	ck_assert_uint_eq(model->holder_count, 3);
	ck_assert(!model->holders[0].strong && model->holders[1].strong);
}
END_TEST

START_TEST(what_nobody_told_is_unknown_and_not_zero)
{
	parse();
	ck_assert_uint_eq(now->devices[2].free_bytes, UNKNOWN_U64);
	ck_assert_uint_eq(now->devices[2].weights_bytes, 0);
	ck_assert(!now->models[4].bytes_are_known);
	ck_assert_uint_eq(now->running[0].duration_ns, UNKNOWN_U64);
}
END_TEST

START_TEST(what_is_written_is_read_again_the_same)
{
	json_t *written;
	json_t *again;

	parse();
	written = live_now_json(now, &e);
	ck_assert_ok(written, &e);
	live_now_free(now);
	now = live_now_parse(written, &e);
	ck_assert_ok(now, &e);
	again = live_now_json(now, &e);
	ck_assert(json_equal(written, again));
	ck_assert_uint_eq(json_array_size(json_object_get(again, "actions")), 6);
	json_decref(written);
	json_decref(again);
}
END_TEST

static const struct {
	const char *list;
	size_t index;
	const char *key, *value, *said;
} lies[] = {
	{ NULL, 0, "models", "{}", "models is an object; it must be a list" },
	{ NULL, 0, "time_ns", "\"noon\"", "time_ns is a string" },
	{ NULL, 0, "on", "1", "on is an integer; it must be a boolean" },
	{ NULL, 0, "session", "\"\"", "session is a string; it must be a string that is not empty" },
	{ NULL, 0, "queue", "[]", "queue is a list; it must be an object" },
	{ "devices", 1, "free_bytes", "-1", "devices[1].free_bytes" },
	{ "devices", 0, "name", "null", "devices[0].name is null" },
	{ "devices", 0, "weights_bytes", "1.5", "devices[0].weights_bytes is a number" },
	{ "models", 0, "bytes", "{\"cpu\":-4}", "models[0].bytes" },
	{ "models", 0, "bytes", "7", "models[0].bytes is an integer" },
	{ "models", 2, "blocks", "[[\"cpu\",0]]", "models[2].blocks" },
	{ "models", 2, "blocks", "[4]", "models[2].blocks" },
	{ "models", 3, "listed", "-2", "models[3].listed" },
	{ "models", 3, "keep", "\"yes\"", "models[3].keep is a string; it must be a boolean" },
	{ "models", 1, "holders", "[{\"label\":\"x\"}]", "models[1].strong is nothing" },
	{ "left", 1, "reason", "{}", "left[1].reason" },
	{ "actions", 1, "changes", "[{\"name\":\"x\",\"what\":\"flew\"}]", "actions[1].changes.what" },
	{ "actions", 1, "changes", "[null]", "actions[1].name is nothing" },
	{ "actions", 0, "began_ns", "null", "actions[0].began_ns" },
};

START_TEST(a_lie_is_told_with_its_place)
{
	replace(lies[_i].list, lies[_i].index, lies[_i].key, lies[_i].value);
	is_refused(ERROR_FORMAT, lies[_i].said);
}
END_TEST

START_TEST(an_item_that_is_no_object_is_told_with_its_place)
{
	json_array_insert_new(json_object_get(answer, "models"), 1, json_string("hello"));
	is_refused(ERROR_FORMAT, "models[1] is a string; it must be an object");
}
END_TEST

START_TEST(another_layout_says_who_is_older)
{
	replace(NULL, 0, "layout", "2");
	is_refused(ERROR_UNSUPPORTED, "layout 2, this tool reads 1");
}
END_TEST

START_TEST(no_object_is_no_answer)
{
	json_decref(answer);
	answer = json_array();
	is_refused(ERROR_FORMAT, "a list without a layout");
}
END_TEST

START_TEST(a_name_cannot_move_the_cursor_or_turn_the_text)
{
	replace("models", 0, "name", "\"a\\u001b[2Jb\\u202ec\\u009bd\\u200be\\nf\"");
	parse();
	ck_assert_str_eq(now->models[0].name, "a?[2Jb?c?d?e?f");
}
END_TEST

START_TEST(a_long_name_is_cut_between_characters)
{
	char name[2048] = "\"x";

	for (size_t i = 0; i < 500; i++)
		strcat(name, "ä");
	strcat(name, "\"");
	replace("models", 0, "name", name);
	parse();
	ck_assert_uint_eq(strlen(now->models[0].name), LIVE_NOW_NAME_MAX - 1);
	ck_assert_str_eq(now->models[0].name + strlen(now->models[0].name) - 2, "ä");
}
END_TEST

START_TEST(lists_are_cut_and_what_was_left_out_is_counted)
{
	json_t *models = json_object_get(answer, "models");
	json_t *bytes = json_object_get(json_array_get(models, 0), "bytes");
	json_t *holders = json_object_get(json_array_get(models, 0), "holders");

	for (int i = 0; i < 600; i++)
		json_array_append(models, json_array_get(models, 1));
	for (int i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "cuda:%d", i);
		json_object_set_new(bytes, name, json_integer(1));
		json_array_append(holders, json_array_get(holders, 1));
	}
	parse();
	ck_assert_uint_eq(now->model_count, LIVE_NOW_MODELS_MAX);
	ck_assert_uint_eq(now->models_left_out, 605 - LIVE_NOW_MODELS_MAX);
	ck_assert_uint_eq(now->models[0].place_count, LIVE_NOW_PLACES_MAX);
	ck_assert_uint_eq(now->models[0].holders_left_out, 43 - LIVE_NOW_HOLDERS_MAX);
}
END_TEST

START_TEST(a_server_without_a_probe_tells_devices_and_queue)
{
	json_t *stats =
		json_loads("{\"system\":{\"ram_total\":100,\"ram_free\":40,\"comfyui_version\":\"0.3.64\"},\"devices\":["
			   "{\"name\":\"cuda:0 RTX\",\"type\":\"cuda\",\"index\":0,\"vram_total\":9,\"vram_free\":4}]}",
			   0, NULL);
	json_t *queue = json_loads("{\"queue_running\":[[]],\"queue_pending\":[[],[]]}", 0, NULL);

	now = live_now_from_server(stats, queue, &e);
	ck_assert_ok(now, &e);
	ck_assert(!now->has_probe);
	ck_assert_uint_eq(now->device_count, 2);
	ck_assert_str_eq(now->devices[1].name, "cuda:0");
	ck_assert_uint_eq(now->devices[1].free_bytes, 4);
	ck_assert_uint_eq(now->devices[1].weights_bytes, UNKNOWN_U64);
	ck_assert_uint_eq(now->prompts_pending, 2);
	json_decref(stats);
	json_decref(queue);
}
END_TEST

START_TEST(a_servers_answers_of_wrong_types_are_refused)
{
	json_t *stats = json_loads("{\"system\":{\"ram_total\":\"much\"},\"devices\":[]}", 0, NULL);
	json_t *queue = json_object();

	ck_assert_ptr_null(live_now_from_server(stats, queue, &e));
	ck_assert_msg(strstr(e.text, "ram_total is a string"), "%s", e.text);
	error_clear(&e);
	ck_assert_ptr_null(live_now_from_server(json_null(), queue, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	json_decref(stats);
	json_decref(queue);
}
END_TEST

HARNESS_SUITE(now_suite)
{
	Suite *suite = suite_create("now");
	TCase *cases = tcase_create("answers");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_model_is_read_with_its_bytes_blocks_and_holders);
	tcase_add_test(cases, what_nobody_told_is_unknown_and_not_zero);
	tcase_add_test(cases, what_is_written_is_read_again_the_same);
	tcase_add_loop_test(cases, a_lie_is_told_with_its_place, 0, (int)(sizeof(lies) / sizeof(lies[0])));
	tcase_add_test(cases, an_item_that_is_no_object_is_told_with_its_place);
	tcase_add_test(cases, another_layout_says_who_is_older);
	tcase_add_test(cases, no_object_is_no_answer);
	tcase_add_test(cases, a_name_cannot_move_the_cursor_or_turn_the_text);
	tcase_add_test(cases, a_long_name_is_cut_between_characters);
	tcase_add_test(cases, lists_are_cut_and_what_was_left_out_is_counted);
	tcase_add_test(cases, a_server_without_a_probe_tells_devices_and_queue);
	tcase_add_test(cases, a_servers_answers_of_wrong_types_are_refused);
	suite_add_tcase(suite, cases);
	return suite;
}
