/* ops.c - the tables of operations, and the check that one is whole.
 *
 * A backend of devices that compute in their own way brings a table: a file that ends in it, and a row here.
 */
#include "core/compute/ops.h"

#include <string.h>

#include "core/base/array.h"

const struct ops *const ops_tables[] = { &ops_host, &ops_sim, NULL };

const struct ops *ops_find(const char *name)
{
	for (size_t i = 0; ops_tables[i]; i++) {
		if (strcmp(ops_tables[i]->name, name) == 0)
			return ops_tables[i];
	}
	return NULL;
}

bool ops_check(const struct ops *ops, struct error *e)
{
	const struct {
		const char *name;
		bool filled;
	} slots[] = {
		{ "takes", ops->takes },	   { "convert", ops->convert },	  { "scale_weight", ops->scale_weight },
		{ "linear", ops->linear },	   { "convolve", ops->convolve }, { "attend", ops->attend },
		{ "layer_norm", ops->layer_norm }, { "rms_norm", ops->rms_norm }, { "group_norm", ops->group_norm },
		{ "unary", ops->unary },	   { "scale", ops->scale },	  { "binary", ops->binary },
		{ "modulate", ops->modulate },	   { "gate", ops->gate },	  { "rotate", ops->rotate },
		{ "gather", ops->gather },	   { "scatter", ops->scatter },	  { "embed", ops->embed },
	};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		if (!slots[i].filled)
			return error_set(e, ERROR_BUG, "the operations of %s have no %s", ops->name, slots[i].name);
	}
	return true;
}
