/* prompt_history.c - what is kept of a prompt that ran, and what a client asks of it. */
#include <string.h>

#include "core/base/array.h"
#include "core/workflow/prompt/prompt_queue.h"
#include "core/workflow/prompt/prompt_server_state.h"

/* Keys of extra_data that no later step needs. */
static const char *const secrets[] = { "auth_token_comfy_org", "api_key_comfy_org" };

/* A prompt that ended outside of its nodes has no message that says so upstream; here it has. */
static bool add_failure(struct py *messages, const struct py *item, const struct py_raised *failed)
{
	struct py *message = py_list();
	struct py *data = py_map();
	bool fine = py_set(data, "prompt_id", py_take(py_at(item, PROMPT_ITEM_ID)));

	fine = py_set(data, "node_id", py_none()) && fine;
	fine = py_set(data, "exception_message", py_text_n(strbuf_text(&failed->text), failed->text.length)) && fine;
	fine = py_set(data, "exception_type", py_text(failed->type)) && fine;
	fine = py_append(message, py_text("execution_error")) && fine;
	if (!fine) {
		py_drop(data);
		py_drop(message);
		return false;
	}
	if (!py_append(message, data)) {
		py_drop(message);
		return false;
	}
	return py_append(messages, message);
}

static struct py *status_of(const struct py *item, const struct prompt_outcome *outcome, const struct py_raised *failed)
{
	bool succeeded = outcome->succeeded && !failed;
	struct py *messages = py_deep_copy(outcome->messages);
	struct py *status = py_map();
	bool fine = py_set(status, "status_str", py_text(succeeded ? "success" : "error"));

	fine = py_set(status, "completed", py_bool(succeeded)) && fine;
	if (messages && failed && !add_failure(messages, item, failed)) {
		py_drop(messages);
		messages = NULL;
	}
	fine = py_set(status, "messages", messages) && fine;
	if (fine)
		return status;
	py_drop(status);
	return NULL;
}

struct py *prompt_history_entry(struct py *item, const struct prompt_outcome *outcome, const struct py_raised *failed)
{
	struct py *entry = py_map();
	bool fine;

	for (size_t i = 0; py_at(item, PROMPT_ITEM_EXTRA_DATA)->kind == PY_MAP && i < ARRAY_SIZE(secrets); i++)
		py_remove(py_at(item, PROMPT_ITEM_EXTRA_DATA), secrets[i]);
	fine = py_set(entry, "prompt", py_take(item));
	fine = py_set(entry, "outputs", py_take(outcome->outputs)) && fine;
	fine = py_set(entry, "status", status_of(item, outcome, failed)) && fine;
	fine = py_set(entry, "meta", py_take(outcome->meta)) && fine;
	py_drop(item);
	if (fine)
		return entry;
	py_drop(entry);
	return NULL;
}

struct py *prompt_history_part(const struct py *history, int64_t most, int64_t offset)
{
	struct py *part = py_map();
	bool limited = most >= 0;

	if (offset < 0 && limited)
		offset = (int64_t)py_count(history) - most;
	for (size_t i = 0; part && i < py_count(history); i++) {
		const struct py_pair *pair = &history->map.pairs[i];

		if ((int64_t)i < offset)
			continue;
		if (!py_set_n(part, pair->key, pair->length, py_take(pair->value))) {
			py_drop(part);
			return NULL;
		}
		if (limited && (int64_t)py_count(part) >= most)
			break;
	}
	return part;
}
