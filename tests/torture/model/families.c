/* families.c - a checkpoint's tensors described, detected, compared, planned; a small file written and opened as the models folder does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/model/detect/detect.h"
#include "core/model/recipe.h"
#include "core/model/synthesis/synthesis_file.h"
#include "core/plan/place/blocks.h"
#include "tests/torture/torture.h"

static bool look_at(const struct tensor_table *table, struct error *e)
{
	struct detection found = { .count = 0 };
	struct detected_match match;
	const char *first;
	size_t unknown;
	bool fine = detect_models(&found, table, e) && detect_count_unknown(&found, table, &unknown, &first, e);

	for (size_t i = 0; fine && i < found.count; i++) {
		json_t *config = family_write_config(found.parts[i].family, found.parts[i].config, e);

		fine = config && detect_check(&found.parts[i], table, &match, e);
		json_decref(config);
	}
	detect_free(&found);
	return fine;
}

TORTURE_PIECE(torture_families, "a family, there and back")
{
	struct tensor_table table = { .rows = NULL };
	struct architecture a;
	struct recipe recipe;
	bool fine = recipe_find("ltxv", &recipe) && recipe_describe(&recipe, true, DTYPE_BF16, true, &a, e) &&
		    tensor_table_of_architecture(&table, &a, e) && look_at(&table, e);

	tensor_table_free(&table);
	architecture_end(&a);
	return fine;
}

TORTURE_PIECE(torture_weights_file, "a weights file")
{
	struct recipe recipe;
	struct synthesis_order order = { .recipe = &recipe, .small = true, .zeros = true, .dtype = DTYPE_F16 };
	struct synthesis_result result;
	struct block_source source;
	struct block_list list;
	char path[64];
	bool fine;

	snprintf(path, sizeof(path), "/tmp/residency-torture-%ld.safetensors", (long)getpid());
	recipe_find("clip_l", &recipe);
	fine = synthesis_write_file(&order, path, &result, e) && block_list_from_weights(&list, path, &source, e);
	if (fine)
		block_list_free(&list);
	unlink(path);
	return fine;
}
