/* recipe.h - published files by name: which models they hold, under which prefixes, in which layout, and what else.
 *
 * Every variant of every family is a file of its own ("flux1_dev_transformer"); the others - checkpoints, files in another
 * program's layout, files with tensors that upstream ignores - have a recipe here. A family's name stands for its first variant.
 */
#ifndef RESIDENCY_MODEL_RECIPE_H
#define RESIDENCY_MODEL_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/model/architecture.h"
#include "core/model/families/family.h"

#define RECIPE_PARTS_MAX 4

struct recipe_part {
	const struct family *family;
	const char *variant; /* of the family; NULL: its first */
	const char *prefix;
	enum layout layout;
};

struct recipe_extra {
	const char *name;
	enum dtype dtype;
	bool of_the_file; /* its type is the file's, not `dtype` */
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
};

struct recipe {
	const char *name;
	struct recipe_part parts[RECIPE_PARTS_MAX]; /* ended by one without a family */
	struct recipe_extra extras[2]; /* ended by one without a name; tensors that upstream ignores, at full size only */
	enum dtype dtype; /* as it is published */
};

/* Fills `recipe` for any name of a file, a variant or a family; false if the name is unknown. Borrows what is static. */
bool recipe_find(const char *name, struct recipe *recipe);

/* The file's tensors, by their names in it, in the order of their models; at full size, or of the families' small
 * configurations. The caller ends a. */
bool recipe_describe(const struct recipe *recipe, bool small, enum dtype dtype, bool scaled, struct architecture *a,
		     struct error *e);

/* The configuration of a recipe of one model in its own layout as JSON; NULL for others. Static text. */
const char *recipe_config(const struct recipe *recipe, bool small);

/* Every name by index, families first; NULL past the last. Static text. */
const char *recipe_name(size_t index);

#endif
