/* node.c - node types by name, and a node's arguments by name.
 *
 * Types are found by a walk over the tables in node_families, whose list is in nodes/nodes.c; a workflow's classes are looked up
 * once, when it is read. Arguments stand in the order in which the type declares its inputs. One that the type does not declare
 * reads as absent, so that a function can serve several versions of a node.
 */
#include "core/workflow/graph/node.h"

#include <string.h>

#include "core/base/nearest.h"

const struct node_type *node_type_at(size_t index)
{
	for (size_t i = 0; node_families[i]; i++) {
		for (const struct node_type *type = node_families[i]; type->name; type++) {
			if (index-- == 0)
				return type;
		}
	}
	return NULL;
}

const struct node_type *node_type_find(const char *name)
{
	for (size_t i = 0; node_families[i]; i++) {
		for (const struct node_type *type = node_families[i]; type->name; type++) {
			if (strcmp(type->name, name) == 0)
				return type;
		}
	}
	return NULL;
}

bool node_type_suggest(const char *wanted, struct error *e)
{
	struct nearest nearest = nearest_to(wanted);

	for (size_t i = 0; node_families[i]; i++) {
		for (const struct node_type *type = node_families[i]; type->name; type++)
			nearest_offer(&nearest, type->name);
	}
	return nearest_suggest(&nearest, e);
}

const struct value *node_call_argument(const struct call *call, const char *name)
{
	static const struct value none = { .kind = VALUE_NONE };

	for (size_t i = 0; call->type->inputs[i].name; i++) {
		if (strcmp(call->type->inputs[i].name, name) == 0)
			return &call->arguments[i];
	}
	return &none;
}

int64_t node_call_integer(const struct call *call, const char *name)
{
	const struct value *value = node_call_argument(call, name);

	return value->kind == VALUE_NUMBER ? (int64_t)value->number : value->kind == VALUE_INTEGER ? value->integer : 0;
}

uint64_t node_call_seed(const struct call *call, const char *name)
{
	const struct value *value = node_call_argument(call, name);

	return value->kind == VALUE_SEED ? value->seed : 0;
}

double node_call_number(const struct call *call, const char *name)
{
	const struct value *value = node_call_argument(call, name);

	return value->kind == VALUE_INTEGER ? (double)value->integer : value->kind == VALUE_NUMBER ? value->number : 0;
}

bool node_call_boolean(const struct call *call, const char *name)
{
	const struct value *value = node_call_argument(call, name);

	return value->kind == VALUE_BOOLEAN && value->boolean;
}

const char *node_call_text(const struct call *call, const char *name)
{
	const struct value *value = node_call_argument(call, name);

	return value->kind == VALUE_TEXT ? value->text : "";
}

struct patcher *node_call_patcher(const struct call *call, const char *name, enum model_kind kind, struct error *e)
{
	static const char *const kinds[] = { "MODEL", "CLIP", "VAE" };
	const struct value *value = node_call_argument(call, name);
	struct patcher *patcher = value->kind == VALUE_OBJECT ? patcher_of(value->object) : NULL;

	if (patcher && patcher_model(patcher)->kind == kind)
		return patcher;
	error_set(e, ERROR_NODE, "input %s is no %s", name, kinds[kind]);
	return NULL;
}

struct data *node_call_data(const struct call *call, const char *name, enum data_kind kind, struct error *e)
{
	const struct value *value = node_call_argument(call, name);

	if (value->kind == VALUE_DATA && value->data->kind == kind)
		return value->data;
	error_set(e, ERROR_NODE, "input %s is of another kind than this node works on", name);
	return NULL;
}
