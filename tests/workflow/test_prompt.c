/* Prompts as ComfyUI's server validates and runs them: values, answers, order, caches. The measured data is the conformance runner's
 * (part executor); here are the claims that a reader should know. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/workflow/prompt/prompt_executor.h"
#include "core/workflow/prompt/prompt_server.h"
#include "core/workflow/prompt/prompt_validate.h"
#include "core/workflow/python/py_json.h"
#include "tests/harness/harness.h"

static struct py *parse(const char *text)
{
	struct py_raised raised = PY_RAISED_INIT;
	struct py *value = py_json_read(text, strlen(text), &raised);

	ck_assert_msg(value, "%s", strbuf_text(&raised.text));
	return value;
}

static void check_text(const struct py *value, const char *wanted)
{
	struct strbuf text = STRBUF_INIT;

	py_json_write(&text, value);
	ck_assert_str_eq(strbuf_text(&text), wanted);
	strbuf_free(&text);
}

/* ---- values ---- */

START_TEST(a_key_that_stands_twice_has_the_first_place_and_the_last_value)
{
	struct py *value = parse("{\"a\": 1, \"b\": 2, \"a\": 3}");

	check_text(value, "{\"a\": 3, \"b\": 2}");
	py_drop(value);
}
END_TEST

START_TEST(integers_have_no_limit_and_nan_is_a_number)
{
	struct py *value = parse("[18446744073709551615, 123456789012345678901234567890, NaN, -Infinity, 1e22, -0.0]");

	check_text(value, "[18446744073709551615, 123456789012345678901234567890, NaN, -Infinity, 1e+22, -0.0]");
	py_drop(value);
}
END_TEST

START_TEST(numbers_are_equal_by_value_whatever_their_kind)
{
	struct py *value = parse("[1, 1.0, true, \"1\", 9007199254740993, 9007199254740992.0]");

	ck_assert(py_equal(py_at(value, 0), py_at(value, 1)));
	ck_assert(py_equal(py_at(value, 0), py_at(value, 2)));
	ck_assert(!py_equal(py_at(value, 0), py_at(value, 3)));
	ck_assert(!py_equal(py_at(value, 4), py_at(value, 5)));
	py_drop(value);
}
END_TEST

START_TEST(a_fault_in_json_is_told_with_its_place_in_characters)
{
	struct py_raised raised = PY_RAISED_INIT;

	ck_assert_ptr_null(py_json_read("{\n\"\xc3\xa4\" 1}", 9, &raised));
	ck_assert_str_eq(raised.type, "json.decoder.JSONDecodeError");
	ck_assert_str_eq(strbuf_text(&raised.text), "Expecting ':' delimiter: line 2 column 5 (char 6)");
	py_raised_clear(&raised);
}
END_TEST

/* ---- a world of three classes ---- */

static const char declarations[] =
	"{\"Number\": {\"input\": {\"required\": {\"value\": [\"INT\", {\"min\": 0, \"max\": 9}]}}, \"output\": [\"INT\"]},"
	" \"Sum\": {\"input\": {\"required\": {\"a\": [\"INT\", {}], \"b\": [\"INT\", {}]}}, \"output\": [\"INT\"]},"
	" \"Show\": {\"input\": {\"required\": {\"v\": [\"*\", {}]}}, \"output\": [], \"output_node\": true}}";

static unsigned runs;

static struct py *tuple(struct py *value)
{
	struct py *list = py_list();

	return py_append(list, value) ? list : NULL;
}

static struct py *run_class(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *a = py_get(call->arguments, "a");
	struct py *shown;

	(void)raised;
	runs++;
	if (strcmp(call->class->name, "Number") == 0)
		return tuple(py_take(py_get(call->arguments, "value")));
	if (a)
		return tuple(py_integer(py_integer_value(a) + py_integer_value(py_get(call->arguments, "b"))));
	shown = py_map();
	py_set(shown, "v", tuple(py_to_text(py_get(call->arguments, "v"))));
	a = shown;
	shown = py_map();
	py_set(shown, "ui", (struct py *)(uintptr_t)a);
	return shown;
}

static const struct prompt_code code = { .run = run_class };

static struct prompt_classes make_classes(void)
{
	struct py_raised raised = PY_RAISED_INIT;
	struct prompt_classes classes;
	struct py *declared = parse(declarations);

	ck_assert(prompt_classes_read(&classes, declared, &raised));
	for (size_t i = 0; i < classes.count; i++)
		classes.items[i].code = &code;
	py_drop(declared);
	return classes;
}

/* The answer's error type, "" where it is accepted. */
static void check_answer(const char *prompt_text, const char *type, const char *details)
{
	struct py_raised raised = PY_RAISED_INIT;
	struct prompt_classes classes = make_classes();
	struct py *prompt = parse(prompt_text);
	struct prompt_answer answer;

	ck_assert(prompt_validate(&classes, prompt, NULL, PROMPT_DEPTH_HTTP, &answer, &raised));
	ck_assert_int_eq(answer.accepted, !*type);
	if (*type) {
		ck_assert_str_eq(py_get(answer.error, "type")->text.bytes, type);
		ck_assert_str_eq(py_get(answer.error, "details")->text.bytes, details);
	}
	prompt_answer_free(&answer);
	py_drop(prompt);
	prompt_classes_free(&classes);
}

START_TEST(a_literal_is_cast_and_kept_within_its_limits)
{
	check_answer("{\"1\": {\"class_type\": \"Number\", \"inputs\": {\"value\": \" 0_7 \"}},"
		     " \"2\": {\"class_type\": \"Show\", \"inputs\": {\"v\": [\"1\", 0]}}}",
		     "", "");
	check_answer("{\"2\": {\"class_type\": \"Show\", \"inputs\": {}}}", "prompt_outputs_failed_validation",
		     "Required input is missing: v");
	check_answer("{\"1\": {\"class_type\": \"Nothing\", \"inputs\": {}}}", "invalid_prompt", "Node ID '#1'");
	check_answer("{\"1\": {\"class_type\": \"Number\", \"inputs\": {\"value\": 3}}}", "prompt_no_outputs", "");
}
END_TEST

START_TEST(a_cycle_is_refused_without_an_error_of_its_own)
{
	check_answer("{\"1\": {\"class_type\": \"Sum\", \"inputs\": {\"a\": [\"2\", 0], \"b\": 1}},"
		     " \"2\": {\"class_type\": \"Sum\", \"inputs\": {\"a\": [\"1\", 0], \"b\": [\"1\", 0]}},"
		     " \"3\": {\"class_type\": \"Show\", \"inputs\": {\"v\": [\"1\", 0]}}}",
		     "prompt_outputs_failed_validation", "");
}
END_TEST

/* ---- running ---- */

static void run_prompt(struct prompt_executor *executor, const char *prompt_text, const char *shown, unsigned ran)
{
	struct py_raised raised = PY_RAISED_INIT;
	struct py *prompt = parse(prompt_text);
	struct py *extra = py_map();
	struct py *id = py_text("p");
	struct py *outputs = parse("[\"3\"]");
	struct prompt_request request = { .id = id, .prompt = prompt, .extra_data = extra, .outputs = outputs };
	struct prompt_outcome outcome;

	runs = 0;
	ck_assert(prompt_executor_run(executor, &request, &outcome, &raised));
	ck_assert(outcome.succeeded);
	ck_assert_uint_eq(runs, ran);
	check_text(outcome.outputs, shown);
	prompt_outcome_free(&outcome);
	py_drop(outputs);
	py_drop(id);
	py_drop(extra);
	py_drop(prompt);
}

#define PROMPT(one, two)                                                                                                       \
	"{\"" one "\": {\"class_type\": \"Number\", \"inputs\": {\"value\": " two "}},"                                        \
	" \"2\": {\"class_type\": \"Sum\", \"inputs\": {\"a\": [\"" one "\", 0], \"b\": 2}},"                                  \
	" \"3\": {\"class_type\": \"Show\", \"inputs\": {\"v\": [\"2\", 0]}}}"

START_TEST(what_is_cached_does_not_run_again_whatever_its_id)
{
	struct prompt_classes classes = make_classes();
	struct prompt_executor_options options = { .classes = &classes, .cache = PROMPT_CACHE_CLASSIC };
	struct error e = ERROR_INIT;
	struct prompt_executor *executor = prompt_executor_new(&options, &e);

	ck_assert_ok(executor, &e);
	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 3);
	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 0);
	run_prompt(executor, PROMPT("9", "5.0"), "{\"3\": {\"v\": [\"7\"]}}", 0);
	run_prompt(executor, PROMPT("1", "6"), "{\"3\": {\"v\": [\"8\"]}}", 3);
	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 3);
	prompt_executor_free(executor);
	prompt_classes_free(&classes);
}
END_TEST

START_TEST(an_lru_cache_remembers_the_prompt_before_and_none_forgets_at_once)
{
	struct prompt_classes classes = make_classes();
	struct prompt_executor_options options = { .classes = &classes, .cache = PROMPT_CACHE_LRU, .lru_size = 10 };
	struct error e = ERROR_INIT;
	struct prompt_executor *executor = prompt_executor_new(&options, &e);

	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 3);
	run_prompt(executor, PROMPT("1", "6"), "{\"3\": {\"v\": [\"8\"]}}", 3);
	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 0);
	prompt_executor_free(executor);
	options.cache = PROMPT_CACHE_NONE;
	executor = prompt_executor_new(&options, &e);
	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 3);
	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 3);
	ck_assert_uint_eq(prompt_executor_sizes(executor).outputs, 1);
	prompt_executor_free(executor);
	prompt_classes_free(&classes);
}
END_TEST

START_TEST(a_node_that_nothing_needs_may_be_malformed_and_is_told_instead_of_ending_the_worker)
{
	struct py_raised raised = PY_RAISED_INIT;
	struct prompt_classes classes = make_classes();
	struct prompt_executor_options options = { .classes = &classes, .cache = PROMPT_CACHE_CLASSIC };
	struct error e = ERROR_INIT;
	struct prompt_executor *executor = prompt_executor_new(&options, &e);
	struct py *prompt =
		parse("{\"3\": {\"class_type\": \"Show\", \"inputs\": {\"v\": 1}}, \"4\": {\"class_type\": \"Number\"}}");
	struct py *extra = py_map();
	struct py *id = py_text("p");
	struct py *outputs = parse("[\"3\"]");
	struct prompt_request request = { .id = id, .prompt = prompt, .extra_data = extra, .outputs = outputs };
	struct prompt_outcome outcome;

	ck_assert(!prompt_executor_run(executor, &request, &outcome, &raised));
	ck_assert_str_eq(raised.type, "KeyError");
	ck_assert_str_eq(strbuf_text(&raised.text), "'inputs'");
	prompt_outcome_free(&outcome);
	py_raised_clear(&raised);
	run_prompt(executor, PROMPT("1", "5"), "{\"3\": {\"v\": [\"7\"]}}", 3);
	prompt_executor_free(executor);
	py_drop(outputs);
	py_drop(id);
	py_drop(extra);
	py_drop(prompt);
	prompt_classes_free(&classes);
}
END_TEST

/* ---- the server ---- */

static void request(struct prompt_server *server, const char *method, const char *path, const char *body, unsigned status,
		    const char *wanted)
{
	struct error e = ERROR_INIT;
	struct prompt_reply reply;

	ck_assert_ok(prompt_server_request(server, method, path, body, strlen(body), &reply, &e), &e);
	ck_assert_uint_eq(reply.status, status);
	if (wanted)
		check_text(reply.body, wanted);
	py_drop(reply.body);
}

static struct prompt_server *open_server(const struct prompt_classes *classes)
{
	struct prompt_server_options options = { .classes = classes, .cache = PROMPT_CACHE_CLASSIC };
	struct error e = ERROR_INIT;
	struct prompt_server *server = prompt_server_new(&options, &e);

	ck_assert_ok(server, &e);
	return server;
}

START_TEST(a_prompt_to_the_front_runs_before_one_that_came_earlier)
{
	static const char body[] = "{\"prompt\": {\"3\": {\"class_type\": \"Show\", \"inputs\": {\"v\": 1}}}, %s}";
	struct prompt_classes classes = make_classes();
	struct prompt_server *server = open_server(&classes);
	struct error e = ERROR_INIT;
	char text[200];

	snprintf(text, sizeof(text), body, "\"prompt_id\": \"a\"");
	request(server, "POST", "/prompt", text, 200, "{\"prompt_id\": \"a\", \"number\": 0, \"node_errors\": {}}");
	snprintf(text, sizeof(text), body, "\"prompt_id\": \"b\", \"front\": true");
	request(server, "POST", "/api/prompt", text, 200, "{\"prompt_id\": \"b\", \"number\": -1, \"node_errors\": {}}");
	request(server, "GET", "/prompt", "", 200, "{\"exec_info\": {\"queue_remaining\": 2}}");
	ck_assert_ok(prompt_server_work(server, &e), &e);
	request(server, "GET", "/prompt", "", 200, "{\"exec_info\": {\"queue_remaining\": 0}}");
	request(server, "GET", "/history/zz", "", 200, "{}");
	request(server, "POST", "/prompt", "{", 500, NULL);
	request(server, "GET", "/nowhere", "", 404, NULL);
	prompt_server_free(server);
	prompt_classes_free(&classes);
}
END_TEST

START_TEST(a_prompt_that_ends_upstreams_worker_is_an_error_here_and_the_next_one_runs)
{
	static const char extra[] =
		"{\"prompt\": {\"3\": {\"class_type\": \"Show\", \"inputs\": {\"v\": 1}}}, \"prompt_id\": \"a\", %s}";
	struct prompt_classes classes = make_classes();
	struct prompt_server *server = open_server(&classes);
	struct error e = ERROR_INIT;
	struct prompt_reply reply;
	char text[200];

	snprintf(text, sizeof(text), extra, "\"extra_data\": null");
	request(server, "POST", "/prompt", text, 200, NULL);
	ck_assert_ok(prompt_server_work(server, &e), &e);
	ck_assert_ok(prompt_server_request(server, "GET", "/history/a", "", 0, &reply, &e), &e);
	ck_assert_str_eq(py_get(py_get(py_get(reply.body, "a"), "status"), "status_str")->text.bytes, "error");
	py_drop(reply.body);
	snprintf(text, sizeof(text), extra, "\"extra_data\": {}");
	request(server, "POST", "/prompt", text, 200, NULL);
	ck_assert_ok(prompt_server_work(server, &e), &e);
	ck_assert_ok(prompt_server_request(server, "GET", "/history/a", "", 0, &reply, &e), &e);
	ck_assert_str_eq(py_get(py_get(py_get(reply.body, "a"), "status"), "status_str")->text.bytes, "success");
	py_drop(reply.body);
	prompt_server_free(server);
	prompt_classes_free(&classes);
}
END_TEST

HARNESS_SUITE(prompt_suite)
{
	Suite *suite = suite_create("prompt");
	TCase *tests = tcase_create("server");

	tcase_add_test(tests, a_key_that_stands_twice_has_the_first_place_and_the_last_value);
	tcase_add_test(tests, integers_have_no_limit_and_nan_is_a_number);
	tcase_add_test(tests, numbers_are_equal_by_value_whatever_their_kind);
	tcase_add_test(tests, a_fault_in_json_is_told_with_its_place_in_characters);
	tcase_add_test(tests, a_literal_is_cast_and_kept_within_its_limits);
	tcase_add_test(tests, a_cycle_is_refused_without_an_error_of_its_own);
	tcase_add_test(tests, what_is_cached_does_not_run_again_whatever_its_id);
	tcase_add_test(tests, an_lru_cache_remembers_the_prompt_before_and_none_forgets_at_once);
	tcase_add_test(tests, a_node_that_nothing_needs_may_be_malformed_and_is_told_instead_of_ending_the_worker);
	tcase_add_test(tests, a_prompt_to_the_front_runs_before_one_that_came_earlier);
	tcase_add_test(tests, a_prompt_that_ends_upstreams_worker_is_an_error_here_and_the_next_one_runs);
	suite_add_tcase(suite, tests);
	return suite;
}
