/* piece_prompt.c - a prompt is read, validated and run, with an error in one of its nodes, a lazy input and an expansion. */
#include "tests/torture/torture.h"

#include <string.h>

#include "core/workflow/prompt/prompt_executor.h"
#include "core/workflow/prompt/prompt_server.h"
#include "core/workflow/prompt/prompt_validate.h"
#include "core/workflow/python/py_json.h"

static const char declarations[] =
	"{\"Grow\": {\"input\": {\"required\": {\"v\": [\"INT\", {\"max\": 9}], \"w\": [\"INT\", {\"lazy\": true}]}}, "
	"\"output\": [\"INT\"], \"has_check_lazy\": true, \"has_is_changed\": true},"
	" \"Show\": {\"input\": {\"required\": {\"v\": [\"*\", {}]}}, \"output\": [], \"output_node\": true},"
	" \"One\": {\"input\": {\"required\": {}}, \"output\": [\"INT\"]}}";

static const char prompt_text[] = "{\"0\": {\"class_type\": \"One\", \"inputs\": {}},"
				  " \"1\": {\"class_type\": \"Grow\", \"inputs\": {\"v\": \"5\", \"w\": [\"0\", 0]}},"
				  " \"2\": {\"class_type\": \"Show\", \"inputs\": {\"v\": [\"1\", 0]}},"
				  " \"3\": {\"class_type\": \"Show\", \"inputs\": {\"v\": [\"1\", 7]}}}";

static struct py *listed(struct py *value)
{
	struct py *list = py_list();

	if (py_append(list, value))
		return list;
	py_drop(list);
	return NULL;
}

static struct py *with(struct py *map, const char *key, struct py *value)
{
	if (py_set(map, key, value))
		return map;
	py_drop(map);
	return NULL;
}

/* Grows into one node of class One. */
static struct py *grow(const struct prompt_call *call)
{
	struct py *id = py_text_format("%s.1", call->node_id->text.bytes);
	struct py *node = with(with(py_map(), "class_type", py_text("One")), "inputs", py_map());
	struct py *graph = id ? with(py_map(), id->text.bytes, node) : NULL;
	struct py *link = listed(id);

	if (!id)
		py_drop(node);
	if (link && !py_append(link, py_integer(0))) {
		py_drop(link);
		link = NULL;
	}
	return with(with(py_map(), "expand", graph), "result", listed(link));
}

static struct py *run_class(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	if (strcmp(call->class->name, "One") == 0)
		return listed(py_integer(1));
	if (strcmp(call->class->name, "Grow") == 0)
		return grow(call);
	return with(py_map(), "ui", with(py_map(), "v", listed(py_to_text(py_get(call->arguments, "v")))));
}

static struct py *ask_w(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return listed(py_text("w"));
}

static struct py *is_changed(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_text("same");
}

static const struct prompt_code code = { .run = run_class, .check_lazy = ask_w, .is_changed = is_changed };

static bool run_accepted(const struct prompt_classes *classes, struct py *prompt, const struct py *good,
			 struct py_raised *raised, struct error *e)
{
	struct prompt_executor_options options = { .classes = classes, .cache = PROMPT_CACHE_LRU, .lru_size = 2 };
	struct prompt_executor *executor = prompt_executor_new(&options, e);
	struct py *id = py_text("p");
	struct py *extra = with(py_map(), "client_id", py_text("c"));
	struct prompt_request request = { .id = id, .prompt = prompt, .extra_data = extra, .outputs = good };
	bool fine = executor && ((id && extra) || py_raise_no_memory(raised));

	for (int i = 0; fine && i < 2; i++) {
		struct prompt_outcome outcome;

		fine = prompt_executor_run(executor, &request, &outcome, raised);
		prompt_outcome_free(&outcome);
	}
	py_drop(id);
	py_drop(extra);
	prompt_executor_free(executor);
	return fine;
}

TORTURE_PIECE(run_prompt, "prompt as the server runs it")
{
	struct py_raised raised = PY_RAISED_INIT;
	struct py *declared = py_json_read(declarations, sizeof(declarations) - 1, &raised);
	struct py *prompt = py_json_read(prompt_text, sizeof(prompt_text) - 1, &raised);
	struct prompt_classes classes = { .count = 0 };
	struct prompt_answer answer = { .accepted = false };
	bool fine = declared && prompt && prompt_classes_read(&classes, declared, &raised);

	for (size_t i = 0; fine && i < classes.count; i++)
		classes.items[i].code = &code;
	fine = fine && prompt_validate(&classes, prompt, NULL, PROMPT_DEPTH_HTTP, &answer, &raised) &&
	       run_accepted(&classes, prompt, answer.good, &raised, e);
	if (!fine && !error_is_set(e))
		py_raised_to_error(&raised, e);
	py_raised_clear(&raised);
	prompt_answer_free(&answer);
	prompt_classes_free(&classes);
	py_drop(prompt);
	py_drop(declared);
	return fine;
}

/* A request whose body does not matter. */
static bool ask(struct prompt_server *server, const char *method, const char *path, const char *body, struct error *e)
{
	struct prompt_reply reply;
	bool fine = prompt_server_request(server, method, path, body, strlen(body), &reply, e);

	py_drop(reply.body);
	return fine;
}

static bool serve(const struct prompt_classes *classes, struct error *e)
{
	static const char post[] = "{\"prompt\": {\"2\": {\"class_type\": \"Show\", \"inputs\": {\"v\": 3}}}, \"client_id\": "
				   "\"c\", \"prompt_id\": \"a\"}";
	struct prompt_server_options options = { .classes = classes, .cache = PROMPT_CACHE_NONE };
	struct prompt_server *server = prompt_server_new(&options, e);
	bool fine = server && ask(server, "POST", "/prompt", post, e) &&
		    ask(server, "POST", "/prompt", "{\"prompt\": {}}", e) &&
		    ask(server, "POST", "/free", "{\"free_memory\": true}", e) && ask(server, "GET", "/queue", "", e) &&
		    prompt_server_work(server, e) && ask(server, "GET", "/history?max_items=1", "", e) &&
		    ask(server, "POST", "/history", "{\"delete\": [\"a\"]}", e);

	prompt_server_free(server);
	return fine;
}

TORTURE_PIECE(serve_prompt, "prompt on the server")
{
	struct py_raised raised = PY_RAISED_INIT;
	struct py *declared = py_json_read(declarations, sizeof(declarations) - 1, &raised);
	struct prompt_classes classes = { .count = 0 };
	bool fine = declared && prompt_classes_read(&classes, declared, &raised);

	for (size_t i = 0; fine && i < classes.count; i++)
		classes.items[i].code = &code;
	if (!fine)
		py_raised_to_error(&raised, e);
	fine = fine && serve(&classes, e);
	py_raised_clear(&raised);
	prompt_classes_free(&classes);
	py_drop(declared);
	return fine;
}
