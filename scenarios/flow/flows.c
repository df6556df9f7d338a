/* flows.c - finds flows by name, in the binary or in files, and owns those that were chosen.
 *
 * A file that begins with a bracket is a list of flows, else it holds one. Whatever is added to a set is freed with it, also when
 * adding fails, so that a caller has one thing to free.
 */
#include "scenarios/flow/flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "scenarios/flow/flow_file.h"

const char *const flows_by_default[FLOWS_BY_DEFAULT + 1] = { "both", "unload", "free", NULL };

bool flow_set_add(struct flow_set *set, struct flow *flow, struct error *e)
{
	if (!array_reserve(&set->flows, &set->capacity, set->count + 1, sizeof(*set->flows), e)) {
		flow_free(flow);
		return false;
	}
	set->flows[set->count++] = flow;
	return true;
}

static bool add_list(struct flow_set *set, json_t *list, const char *where, struct error *e)
{
	char place[160];

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct flow *flow;

		snprintf(place, sizeof(place), "%.120s: flow %zu", where, i + 1);
		flow = flow_from_json(json_array_get(list, i), place, e);
		if (!flow || !flow_set_add(set, flow, e))
			return false;
	}
	return json_array_size(list) > 0 || error_set(e, ERROR_FORMAT, "%s: the list of flows is empty", where);
}

/* What a file holds need not end in a NUL. */
static bool begins_a_list(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
		i++;
	return i < length && text[i] == '[';
}

bool flow_set_read(struct flow_set *set, const char *text, size_t length, const char *where, struct error *e)
{
	struct flow *flow;
	json_t *list;
	bool fine;

	if (!begins_a_list(text, length)) {
		flow = flow_parse(text, length, where, e);
		return flow && flow_set_add(set, flow, e);
	}
	list = json_parse(text, length, where, false, e);
	fine = list && add_list(set, list, where, e);
	json_decref(list);
	return fine;
}

bool flow_set_add_builtin(struct flow_set *set, struct error *e)
{
	for (const struct embedded_file *file = scenario_flows; file->name; file++) {
		struct flow *flow = flow_parse(file->bytes, embed_length(file), file->name, e);

		if (!flow || !flow_set_add(set, flow, e))
			return false;
	}
	return true;
}

void flow_set_free(struct flow_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		flow_free(set->flows[i]);
	free(set->flows);
	*set = (struct flow_set) { .flows = NULL };
}

const struct flow *flow_set_find(const struct flow_set *set, const char *name_or_alias)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct flow *flow = set->flows[i];

		if (strcmp(flow->name, name_or_alias) == 0 || (flow->alias[0] && strcmp(flow->alias, name_or_alias) == 0))
			return flow;
	}
	return NULL;
}

const struct flow *const *flow_set_put_default_first(const struct flow_set *set)
{
	size_t front = 0;

	for (size_t i = 0; flows_by_default[i]; i++) {
		for (size_t j = front; j < set->count; j++) {
			struct flow *flow = set->flows[j];

			if (strcmp(flow->name, flows_by_default[i]) != 0)
				continue;
			set->flows[j] = set->flows[front];
			set->flows[front++] = flow;
			break;
		}
	}
	return (const struct flow *const *)set->flows;
}
