#include "core/base/embed.h"

#include <stdio.h>
#include <string.h>

#include "core/base/nearest.h"

const struct embedded_file *embed_find(const struct embedded_file *files, const char *name)
{
	for (; files->name; files++) {
		if (strcmp(files->name, name) == 0)
			return files;
	}
	return NULL;
}

bool embed_suggest(const struct embedded_file *files, const char *wanted, struct error *e)
{
	struct nearest nearest = nearest_to(wanted);

	for (; files->name; files++) {
		char name[NEAREST_NAME_MAX];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(files->name, "."), files->name);
		nearest_offer(&nearest, name);
	}
	return nearest_suggest(&nearest, e);
}
