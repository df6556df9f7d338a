/* ops.c - the tables of operations.
 *
 * A backend of devices that compute in their own way brings a table: a file that ends in it, and a row here.
 */
#include "core/compute/ops.h"

#include <string.h>

const struct ops *const ops_tables[] = { &ops_host, &ops_sim, NULL };

const struct ops *ops_find(const char *name)
{
	for (size_t i = 0; ops_tables[i]; i++) {
		if (strcmp(ops_tables[i]->name, name) == 0)
			return ops_tables[i];
	}
	return NULL;
}
