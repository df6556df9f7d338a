/* prompt_post.c - POST /prompt: a number, an id, validation, and a place in the queue.
 *
 * The counter moves with every request that brings no number of its own, also when the prompt is refused or goes to the front.
 */
#include "core/workflow/prompt/prompt_queue.h"
#include "core/workflow/prompt/prompt_server_state.h"
#include "core/workflow/prompt/prompt_shapes.h"
#include "core/workflow/prompt/prompt_validate.h"

struct py *prompt_with(struct py *map, const char *key, struct py *value)
{
	if (py_set(map, key, value))
		return map;
	py_drop(map);
	return NULL;
}

/* Its own number as a float, else the next of the counter, to the front if asked. */
static struct py *number_of(struct prompt_server *server, const struct py *body, struct py_raised *raised)
{
	const struct py *front = NULL;
	int64_t number;

	if (prompt_contains_word(body, "number", raised)) {
		const struct py *given = prompt_member(body, "number", raised);

		return given ? py_to_float(given, raised) : NULL;
	}
	if (py_is_raised(raised))
		return NULL;
	if (prompt_contains_word(body, "front", raised)) {
		front = prompt_member(body, "front", raised);
		if (!front)
			return NULL;
	}
	number = server->number++;
	return py_integer(front && py_truth(front) ? -number : number);
}

static struct py *id_of(struct prompt_server *server, const struct py *body)
{
	const struct py *given = py_get(body, "prompt_id");

	if (given)
		return py_to_text(given);
	return py_text_format("00000000-0000-4000-8000-%012llx", (unsigned long long)++server->id_number);
}

/* The body's extra_data with the client in it. */
static struct py *extra_data_of(const struct py *body, struct py_raised *raised)
{
	const struct py *given = py_get(body, "extra_data");
	const struct py *client = py_get(body, "client_id");
	struct py *extra = given ? py_take(given) : py_map();

	if (client && extra && extra->kind != PY_MAP) {
		py_raise(raised, "TypeError", "'%s' object does not support item assignment", py_type(extra));
		py_drop(extra);
		return NULL;
	}
	if (!extra || (client && !py_set(extra, "client_id", py_take(client)))) {
		py_drop(extra);
		py_raise_no_memory(raised);
		return NULL;
	}
	return extra;
}

/* [number, id, prompt, extra_data, outputs] */
static struct py *make_item(struct py *number, struct py *id, struct py *prompt, struct py *extra, struct py *outputs)
{
	struct py *item = py_list();
	bool fine = py_append(item, number);

	fine = py_append(item, id) && fine;
	fine = py_append(item, prompt) && fine;
	fine = py_append(item, extra) && fine;
	fine = py_append(item, outputs) && fine;
	if (fine)
		return item;
	py_drop(item);
	return NULL;
}

static bool refuse(struct prompt_reply *reply, const struct py *error, const struct py *node_errors)
{
	reply->status = 400;
	reply->body = prompt_with(prompt_with(py_map(), "error", py_take(error)), "node_errors", py_take(node_errors));
	return reply->body != NULL;
}

static bool queue_prompt(struct prompt_server *server, const struct py *body, const struct py *number, struct py *prompt,
			 const struct prompt_answer *answer, struct prompt_reply *reply, struct py_raised *raised)
{
	struct py *extra = extra_data_of(body, raised);
	struct py *id = extra ? id_of(server, body) : NULL;
	struct py *item;

	if (!id) {
		py_drop(extra);
		return py_is_raised(raised) ? false : py_raise_no_memory(raised);
	}
	if (!answer->accepted) {
		py_drop(extra);
		py_drop(id);
		return refuse(reply, answer->error, answer->node_errors) || py_raise_no_memory(raised);
	}
	reply->body = prompt_with(prompt_with(prompt_with(py_map(), "prompt_id", py_take(id)), "number", py_take(number)),
				  "node_errors", py_take(answer->node_errors));
	item = make_item(py_take(number), id, py_take(prompt), extra, py_take(answer->good));
	if (!item || !reply->body) {
		py_drop(item);
		return py_raise_no_memory(raised);
	}
	return prompt_queue_push(server->queue, item, raised) && prompt_server_tell_status(server, raised);
}

static bool refuse_without_prompt(struct prompt_reply *reply)
{
	struct py *error = prompt_with(py_map(), "type", py_text("no_prompt"));
	struct py *nothing = py_map();
	bool fine;

	error = prompt_with(prompt_with(error, "message", py_text("No prompt provided")), "details",
			    py_text("No prompt provided"));
	error = prompt_with(error, "extra_info", py_map());
	fine = error && nothing && refuse(reply, error, nothing);
	py_drop(error);
	py_drop(nothing);
	return fine;
}

bool prompt_server_post(struct prompt_server *server, const struct py *body, struct prompt_reply *reply,
			struct py_raised *raised)
{
	struct prompt_answer answer = { .accepted = false };
	struct py *number = number_of(server, body, raised);
	struct py *prompt;
	bool fine = false;

	if (!number)
		return py_is_raised(raised) ? false : py_raise_no_memory(raised);
	if (!prompt_contains_word(body, "prompt", raised)) {
		fine = !py_is_raised(raised) && (refuse_without_prompt(reply) || py_raise_no_memory(raised));
	} else {
		prompt = prompt_member(body, "prompt", raised);
		fine = prompt &&
		       prompt_validate(server->options.classes, prompt, py_get(body, "partial_execution_targets"),
				       PROMPT_DEPTH_HTTP, &answer, raised) &&
		       queue_prompt(server, body, number, prompt, &answer, reply, raised);
		prompt_answer_free(&answer);
	}
	py_drop(number);
	return fine;
}
