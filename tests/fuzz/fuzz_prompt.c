/* Any bytes as the prompt of a POST: an answer or an exception, and what is accepted runs to an end. */
#include <stdlib.h>
#include <string.h>

#include "core/workflow/prompt/prompt_executor.h"
#include "core/workflow/prompt/prompt_validate.h"
#include "core/workflow/python/py_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char declarations[] =
	"{\"A\": {\"input\": {\"required\": {\"v\": [\"INT\", {\"min\": 0}]}, \"optional\": {\"f\": [\"FLOAT\", {}], "
	"\"s\": [\"STRING\", {}], \"b\": [\"BOOLEAN\", {}], \"c\": [[\"x\", 1, null], {}]}}, \"output\": [\"INT\", \"A,B\"]},"
	" \"O\": {\"input\": {\"required\": {\"v\": [\"*\", {}]}}, \"output\": [\"INT\"], \"output_node\": true}}";

static struct py *give_v(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *value = py_get(call->arguments, "v");
	struct py *list = py_list();

	(void)raised;
	if (py_append(list, value ? py_take(value) : py_none()) && py_append(list, py_integer(0)))
		return list;
	py_drop(list);
	return NULL;
}

static const struct prompt_code code = { .run = give_v };

static void run(const struct prompt_classes *classes, struct py *prompt, const struct py *good)
{
	struct prompt_executor_options options = { .classes = classes, .cache = PROMPT_CACHE_CLASSIC };
	struct prompt_executor *executor = prompt_executor_new(&options, NULL);
	struct py_raised raised = PY_RAISED_INIT;
	struct py *id = py_text("p");
	struct py *extra = py_map();
	struct prompt_request request = { .id = id, .prompt = prompt, .extra_data = extra, .outputs = good };
	struct prompt_outcome outcome;

	if (!prompt_executor_run(executor, &request, &outcome, &raised) && !py_is_raised(&raised))
		abort();
	prompt_outcome_free(&outcome);
	py_raised_clear(&raised);
	py_drop(id);
	py_drop(extra);
	prompt_executor_free(executor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct py_raised raised = PY_RAISED_INIT;
	struct py *declared = py_json_read(declarations, sizeof(declarations) - 1, &raised);
	struct prompt_classes classes;
	struct prompt_answer answer = { .accepted = false };
	struct py *prompt;

	if (!declared || !prompt_classes_read(&classes, declared, &raised))
		abort();
	for (size_t i = 0; i < classes.count; i++)
		classes.items[i].code = &code;
	prompt = py_json_read((const char *)data, size, &raised);
	if (prompt) {
		if (!prompt_validate(&classes, prompt, NULL, PROMPT_DEPTH_HTTP, &answer, &raised)) {
			if (!py_is_raised(&raised))
				abort();
		} else if (answer.accepted) {
			run(&classes, prompt, answer.good);
		} else if (!answer.error) {
			abort();
		}
		prompt_answer_free(&answer);
	} else if (!py_is_raised(&raised)) {
		abort();
	}
	py_raised_clear(&raised);
	py_drop(prompt);
	prompt_classes_free(&classes);
	py_drop(declared);
	return 0;
}
