/* manifests: every tensor of published files. Each is detected from its names and shapes and compared, tensor by tensor, with what
 * its family makes of the configuration found; a file that has a recipe here is compared with that, too, in order and type. Of
 * the index: what upstream detects, and the totals. detected_unet_configs.json: upstream's configurations. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/model/recipe.h"
#include "tests/conformance/models.h"
#include "tests/conformance/part.h"

struct one {
	const char *name;
	struct manifest manifest;
	struct detection found;
	const json_t *row; /* of the index; NULL */
	struct tally *tally;
};

static const char *cell(const struct one *one, const char *column)
{
	const char *text = json_string_value(json_object_get(one->row, column));

	return text ? text : "";
}

/* ---- against the recipe ---- */

static bool same_row(const struct tensor_row *row, const struct tensor_row *wanted)
{
	return row->dtype == wanted->dtype && row->rank == wanted->rank &&
	       memcmp(row->shape, wanted->shape, row->rank * sizeof(*row->shape)) == 0;
}

static void check_recipe_rows(struct one *one, const struct tensor_table *made)
{
	struct tensor_view view = { made, "" };

	if (made->count != one->manifest.count)
		tally_fail(one->tally, one->name, "the recipe has %zu tensors, the file %zu", made->count, one->manifest.count);
	for (size_t i = 0; i < one->manifest.count; i++) {
		const struct tensor_row *wanted = &one->manifest.rows[i];
		const struct tensor_row *row = tensor_view_find(&view, "%s", wanted->name);

		if (row && same_row(row, wanted))
			tally_pass(one->tally);
		else
			tally_fail(one->tally, one->name, "%s is %s in the recipe", wanted->name,
				   row ? "of another shape or type" : "not");
	}
}

/* A file of one model in upstream's layout lists its tensors in registration order. */
static void check_order(struct one *one, const struct architecture *a)
{
	for (size_t i = 0; i < a->parameter_count && i < one->manifest.count; i++) {
		if (strcmp(a->parameters[i].name, one->manifest.rows[i].name) != 0) {
			tally_fail(one->tally, one->name, "tensor %zu is %s, wanted %s", i, a->parameters[i].name,
				   one->manifest.rows[i].name);
			return;
		}
	}
	tally_pass(one->tally);
}

static bool check_recipe(struct one *one, struct error *e)
{
	struct tensor_table made = { .rows = NULL };
	struct architecture a;
	struct recipe recipe;
	bool fine;

	if (!recipe_find(one->name, &recipe)) {
		tally_not_built(one->tally, "a recipe by name", 1);
		return true;
	}
	fine = recipe_describe(&recipe, false, recipe.dtype, false, &a, e) && tensor_table_of_architecture(&made, &a, e);
	if (fine)
		check_recipe_rows(one, &made);
	if (fine && recipe_config(&recipe, false))
		check_order(one, &a);
	tensor_table_free(&made);
	architecture_end(&a);
	return fine;
}

/* ---- against what was detected ---- */

static bool check_parts(struct one *one, struct error *e)
{
	for (size_t i = 0; i < one->found.count; i++) {
		const struct detected *part = &one->found.parts[i];
		struct detected_match match;
		struct error why = ERROR_INIT;

		if (!part->config) {
			tally_fail(one->tally, one->name, "%s", part->fault.text);
			continue;
		}
		if (!detect_check(part, &one->manifest.table, &match, e))
			return false;
		if (detect_match_ok(part, &match, one->name, &why))
			tally_pass(one->tally);
		else
			tally_fail(one->tally, one->name, "%s", why.text);
	}
	return true;
}

/* Upstream's word on the file, in the index's own phrases. */
static void state(const struct one *one, char text[200])
{
	static const char *const latent_names[] = { "z_channels", "z_dim", "latent_channels", "latent_dim" };
	const struct detected *part = &one->found.parts[0];
	const char *upstream = part->family->upstream(part->config);
	json_t *config = family_write_config(part->family, part->config, NULL);
	json_int_t latent = 0;

	for (size_t i = 0; i < 4 && !latent; i++)
		latent = json_integer_value(json_object_get(config, latent_names[i]));
	json_decref(config);
	snprintf(text, 200, "%s", upstream);
	if (part->family->kind == MODEL_VAE)
		snprintf(text, 200, "%s latent_channels=%lld", upstream, (long long)latent);
	else if (one->found.count > 1)
		snprintf(text, 200, "%s prefix=%s", upstream, part->prefix);
	else if (part->layout == LAYOUT_DIFFUSERS)
		snprintf(text, 200, "%s (", upstream);
}

static void check_index(struct one *one)
{
	uint64_t elements = 0;
	char text[200];
	char count[32];

	if (!one->row || !one->found.parts[0].config)
		return;
	state(one, text);
	if (text[strlen(text) - 1] == '(' ? strncmp(text, cell(one, "detected_as"), strlen(text)) == 0
					  : strcmp(text, cell(one, "detected_as")) == 0)
		tally_pass(one->tally);
	else
		tally_fail(one->tally, one->name, "detected as %s, wanted %s", text, cell(one, "detected_as"));
	for (size_t i = 0; i < one->manifest.count; i++)
		elements += one->manifest.rows[i].size_bytes * 8 / dtype_bits(one->manifest.rows[i].dtype);
	snprintf(count, sizeof(count), "%" PRIu64, elements);
	if (strcmp(count, cell(one, "params")) == 0)
		tally_pass(one->tally);
	else
		tally_fail(one->tally, one->name, "%s elements, wanted %s", count, cell(one, "params"));
}

static void check_config(struct one *one, const json_t *wanted)
{
	json_t *found = family_write_config(one->found.parts[0].family, one->found.parts[0].config, NULL);
	char *text = found ? json_dumps(found, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (models_equal(found, wanted))
		tally_pass(one->tally);
	else
		tally_fail(one->tally, one->name, "configuration is %.400s", text ? text : "none");
	free(text);
	json_decref(found);
}

static bool check_manifest(struct one *one, const json_t *configs, struct error *e)
{
	const json_t *config = json_object_get(configs, one->name);
	const char *first;
	size_t unknown;

	if (!detect_models(&one->found, &one->manifest.table, e))
		return false;
	if (one->found.count == 0) {
		char what[96];

		snprintf(what, sizeof(what), "family %.80s", *cell(one, "family") ? cell(one, "family") : one->name);
		tally_not_built(one->tally, what, 1);
		return true;
	}
	if (!check_parts(one, e) || !check_recipe(one, e) ||
	    !detect_count_unknown(&one->found, &one->manifest.table, &unknown, &first, e))
		return false;
	if (unknown)
		tally_fail(one->tally, one->name, "%zu tensors belong to nothing that was detected; the first is %s", unknown,
			   first);
	check_index(one);
	if (config && one->found.parts[0].config)
		check_config(one, config);
	return true;
}

static bool run_one(const char *folder, const char *name, const json_t *index, const json_t *configs, struct tally *tally,
		    struct error *e)
{
	struct one one = { .name = name, .row = json_object_get(index, name), .tally = tally };
	char file[300];
	bool fine;

	snprintf(file, sizeof(file), "%.280s.tsv.gz", name);
	if (!manifest_read(&one.manifest, folder, file, e))
		return false;
	fine = check_manifest(&one, configs, e);
	detect_free(&one.found);
	manifest_free(&one.manifest);
	return fine;
}

static json_t *read_configs(const char *folder, struct error *e)
{
	struct error absent = ERROR_INIT;
	size_t length;
	char *text = part_read(folder, "detected_unet_configs.json", &length, &absent);
	json_t *configs = text ? json_parse(text, length, "detected_unet_configs.json", false, e) : json_object();

	free(text);
	return configs;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	struct models_names names;
	json_t *index = models_index(folder, e);
	json_t *configs = read_configs(folder, e);
	bool fine = configs && models_list(folder, ".tsv.gz", &names, e);

	for (size_t i = 0; fine && i < names.count; i++)
		fine = run_one(folder, names.names[i], index, configs, tally, e);
	if (configs)
		models_names_free(&names);
	json_decref(configs);
	json_decref(index);
	return fine;
}

const struct part part_manifests = { .name = "manifests", .folder = "manifests", .run = run };
