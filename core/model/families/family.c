/* The list of families, in the order in which detection asks them, and what every family does alike with its configuration:
 * room of its size, values from JSON or their fallbacks, a check of ranges and of what the family itself demands, and JSON
 * again.
 */
#include "core/model/families/family.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"

const struct family *const families[] = {
#define FAMILY_ROW(name) &family_##name,
	FAMILIES(FAMILY_ROW)
#undef FAMILY_ROW
		NULL,
};

const struct family *family_find(const char *name)
{
	for (const struct family *const *family = families; *family; family++) {
		if (strcmp((*family)->name, name) == 0)
			return *family;
	}
	return NULL;
}

const struct family *family_find_variant(const char *name, const struct family_variant **variant)
{
	const struct family *named = family_find(name);

	if (named && named->variants) {
		*variant = named->variants;
		return named;
	}
	for (const struct family *const *family = families; *family; family++) {
		for (*variant = (*family)->variants; *variant && (*variant)->name; (*variant)++) {
			if (strcmp((*variant)->name, name) == 0)
				return *family;
		}
	}
	return NULL;
}

bool family_read_config(const struct family *family, void *config, const json_t *object, const char *where, struct error *e)
{
	return config_read(family->fields, config, object, where, e) &&
	       (!family->read_more || family->read_more(config, object, where, e)) &&
	       (!family->check || family->check(config, where, e));
}

void *family_config_new(const struct family *family, const char *text, struct error *e)
{
	json_t *object = json_parse(text, strlen(text), family->name, false, e);
	void *config = object ? array_new(1, family->config_size_bytes, e) : NULL;

	if (config && !family_read_config(family, config, object, family->name, e)) {
		free(config);
		config = NULL;
	}
	json_decref(object);
	return config;
}

json_t *family_write_config(const struct family *family, const void *config, struct error *e)
{
	json_t *object = config_write(family->fields, config, e);

	if (object && family->write_more && !family->write_more(config, object)) {
		json_decref(object);
		error_no_memory(e);
		return NULL;
	}
	return object;
}
