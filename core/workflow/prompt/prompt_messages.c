/* prompt_messages.c - the messages of a prompt, in the words and the order of ComfyUI's server.
 *
 * Progress of all nodes so far is told with every change of one. What goes into the history carries a timestamp, which is 0 here: a
 * prompt's time is the caller's.
 */
#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/workflow/prompt/prompt_run.h"

bool prompt_send(struct prompt_run *run, const char *event, struct py *data, struct py_raised *raised)
{
	const struct prompt_listener *listener = &run->executor->options.listener;

	if (!data)
		return py_raise_no_memory(raised);
	if (listener->message)
		listener->message(listener->context, event, data, run->client);
	py_drop(data);
	return true;
}

bool prompt_message(struct prompt_run *run, const char *event, struct py *data, bool broadcast, struct py_raised *raised)
{
	struct py *message = py_list();
	bool fine;

	if (!data || !py_set(data, "timestamp", py_integer(0))) {
		py_drop(data);
		py_drop(message);
		return py_raise_no_memory(raised);
	}
	fine = py_append(message, py_text(event));
	fine = py_append(message, py_take(data)) && fine;
	if (!fine || !py_append(run->messages, py_take(message)))
		py_raise_no_memory(raised);
	py_drop(message);
	if (py_is_raised(raised) || (!run->client && !broadcast)) {
		py_drop(data);
		return !py_is_raised(raised);
	}
	return prompt_send(run, event, data, raised);
}

struct py *prompt_ids(const struct py *map)
{
	struct py *list = py_list();

	for (size_t i = 0; list && i < py_count(map); i++) {
		if (!py_append(list, py_text_n(map->map.pairs[i].key, map->map.pairs[i].length))) {
			py_drop(list);
			return NULL;
		}
	}
	return list;
}

struct py *prompt_node_message(const struct prompt_run *run, size_t node)
{
	struct py *data = py_map();
	bool fine = py_set(data, "node", py_take(run->nodes->items[node].id));

	fine = py_set(data, "display_node", py_take(prompt_node_display(run->nodes, node))) && fine;
	fine = py_set(data, "prompt_id", py_take(run->request->id)) && fine;
	if (fine)
		return data;
	py_drop(data);
	return NULL;
}

/* ---- progress ---- */

static struct prompt_progress *entry_of(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	for (size_t i = 0; i < run->progress_count; i++) {
		if (run->progress[i].node == node)
			return &run->progress[i];
	}
	if (!array_reserve(&run->progress, &run->progress_capacity, run->progress_count + 1, sizeof(*run->progress), NULL)) {
		py_raise_no_memory(raised);
		return NULL;
	}
	run->progress[run->progress_count] = (struct prompt_progress) { .node = node, .reported = true, .most = 1 };
	return &run->progress[run->progress_count++];
}

struct py *prompt_progress_number(double value, bool reported)
{
	return reported && value == (double)(int64_t)value ? py_integer((int64_t)value) : py_float(value);
}

static struct py *state_of(const struct prompt_run *run, const struct prompt_progress *progress)
{
	const struct prompt_node *node = &run->nodes->items[progress->node];
	struct py *state = py_map();
	bool fine = py_set(state, "value", prompt_progress_number(progress->value, progress->reported));

	fine = py_set(state, "max", prompt_progress_number(progress->most, progress->reported)) && fine;
	fine = py_set(state, "state", py_text(progress->running ? "running" : "finished")) && fine;
	fine = py_set(state, "node_id", py_take(node->id)) && fine;
	fine = py_set(state, "prompt_id", py_take(run->request->id)) && fine;
	fine = py_set(state, "display_node_id", py_take(prompt_node_display(run->nodes, progress->node))) && fine;
	fine = py_set(state, "parent_node_id",
		      node->parent == PROMPT_NO_NODE ? py_none() : py_take(run->nodes->items[node->parent].id)) &&
	       fine;
	fine = py_set(state, "real_node_id", py_take(prompt_node_real(run->nodes, progress->node))) && fine;
	if (fine)
		return state;
	py_drop(state);
	return NULL;
}

static bool send_progress(struct prompt_run *run, struct py_raised *raised)
{
	struct py *states;
	struct py *data;
	bool fine;

	if (!run->executor->options.listener.message)
		return true;
	states = py_map();
	for (size_t i = 0; states && i < run->progress_count; i++) {
		const struct py *id = run->nodes->items[run->progress[i].node].id;

		if (!py_set_n(states, id->text.bytes, id->text.length, state_of(run, &run->progress[i]))) {
			py_drop(states);
			states = NULL;
		}
	}
	data = py_map();
	fine = py_set(data, "prompt_id", py_take(run->request->id));
	fine = py_set(data, "nodes", states) && fine;
	if (fine)
		return prompt_send(run, "progress_state", data, raised);
	py_drop(data);
	return py_raise_no_memory(raised);
}

static bool set_progress(struct prompt_run *run, struct prompt_progress progress, struct py_raised *raised)
{
	struct prompt_progress *entry = entry_of(run, progress.node, raised);

	if (!entry)
		return false;
	*entry = progress;
	return send_progress(run, raised);
}

bool prompt_progress_start(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	return set_progress(run, (struct prompt_progress) { .node = node, .running = true, .most = 1 }, raised);
}

bool prompt_progress_update(struct prompt_run *run, size_t node, double value, double most, struct py_raised *raised)
{
	return set_progress(
		run, (struct prompt_progress) { .node = node, .running = true, .reported = true, .value = value, .most = most },
		raised);
}

bool prompt_progress_finish(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	struct prompt_progress *entry = entry_of(run, node, raised);

	if (!entry)
		return false;
	entry->running = false;
	entry->value = entry->most;
	return send_progress(run, raised);
}
