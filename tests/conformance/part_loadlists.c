/* loadlists: upstream's load list of a loaded model, NAME.TYPE.tsv.gz, against the one that follows from the family's
 * configuration: order, names, types, bytes, bias attributes, parameters, whether weights may be cast when used, and the rank in the
 * order in which upstream loads. A name that is
 * a variant's or a known text encoder's stands for its configuration; for any other, a manifest of that name beside this folder
 * (../manifests) is detected. Of the index: totals and what DisTorch2 would distribute. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/recipe.h"
#include "core/plan/place/blocks.h"
#include "tests/conformance/models.h"
#include "tests/conformance/part.h"

/* What upstream's text encoder classes hold. */
static const struct {
	const char *name, *first, *second;
} encoders[] = {
	{ "sd15_clip", "clip_l", NULL },
	{ "sdxl_clip", "clip_l", "clip_g" },
	{ "flux_clip", "clip_l", "t5xxl_encoder" },
	{ "qwen_image_te", "qwen2.5_vl_7b", NULL },
	{ "wan_te", "umt5xxl_encoder", NULL },
	{ "hunyuan_video_te", "clip_l", "llava_llama3_8b" },
	{ "ltxv_te", "t5xxl_encoder", NULL },
	{ "mochi_te", "t5xxl_encoder", NULL },
};

struct one {
	const char *name; /* "flux_clip.f8_e4m3" */
	char base[200];
	enum dtype dtype;
	bool scaled;
	struct detected model; /* family and configuration */
	struct architecture made;
	struct tally *tally;
};

/* ---- what the name stands for ---- */

static bool split_name(struct one *one)
{
	const char *dot = strrchr(one->name, '.');
	const char *type = dot ? dot + 1 : "";
	char text[32] = "";

	one->scaled = strncmp(type, "scaled_", 7) == 0;
	type += one->scaled ? 7 : 0;
	for (size_t i = 0; type[i] && i + 1 < sizeof(text); i++)
		text[i] = (char)(type[i] >= 'a' && type[i] <= 'z' ? type[i] - 'a' + 'A' : type[i]);
	snprintf(one->base, sizeof(one->base), "%.*s", (int)(dot ? dot - one->name : 0), one->name);
	if (!dot || !dtype_from_name(text, &one->dtype))
		return false;
	one->dtype = one->scaled ? DTYPE_BF16 : one->dtype;
	return true;
}

static bool take_variant(struct detected *model, const char *name, struct error *e)
{
	const struct family_variant *variant;

	model->family = family_find_variant(name, &variant);
	model->config = model->family ? family_config_new(model->family, variant->config, e) : NULL;
	return model->config != NULL;
}

static bool take_pair(struct detected *model, const char *first_name, const char *second_name, struct error *e)
{
	struct detected first = { .prefix = "" };
	struct detected second = { .prefix = "" };
	bool fine = take_variant(&first, first_name, e) && take_variant(&second, second_name, e);

	model->family = fine ? family_pair(first.family, second.family) : NULL;
	model->config = model->family ? array_new(1, model->family->config_size_bytes, e) : NULL;
	if (model->config) {
		family_pair_put(model->family, model->config, first.family, first.config);
		family_pair_put(model->family, model->config, second.family, second.config);
	}
	free(first.config);
	free(second.config);
	return model->config != NULL;
}

/* From a manifest of that name beside the load lists. */
static bool take_manifest(struct one *one, const char *folder, struct error *e)
{
	struct manifest manifest;
	struct detection found;
	struct error absent = ERROR_INIT;
	char file[300];

	snprintf(file, sizeof(file), "../manifests/%.200s.tsv.gz", one->base);
	if (!manifest_read(&manifest, folder, file, &absent))
		return true;
	if (!detect_models(&found, &manifest.table, e)) {
		manifest_free(&manifest);
		return false;
	}
	if (found.count) {
		one->model = found.parts[0];
		found.parts[0].config = NULL;
	}
	detect_free(&found);
	manifest_free(&manifest);
	return true;
}

static bool find_model(struct one *one, const char *folder, struct error *e)
{
	struct recipe recipe;

	for (size_t i = 0; i < ARRAY_SIZE(encoders); i++) {
		if (strcmp(encoders[i].name, one->base) == 0)
			return encoders[i].second ? take_pair(&one->model, encoders[i].first, encoders[i].second, e)
						  : take_variant(&one->model, encoders[i].first, e);
	}
	if (recipe_find(one->base, &recipe) && recipe_config(&recipe, false))
		return take_variant(&one->model, one->base, e);
	return take_manifest(one, folder, e);
}

/* ---- comparing ---- */

static int compare_loads(const void *a, const void *b, void *context)
{
	const struct plan_block *blocks = context;
	const struct plan_block *left = &blocks[*(const size_t *)a];
	const struct plan_block *right = &blocks[*(const size_t *)b];

	return model_load_order_compare(left->size_bytes, left->name, right->size_bytes, right->name);
}

/* Per block its rank; the caller frees. */
static size_t *load_ranks(const struct block_list *made, struct error *e)
{
	size_t *order = array_new(made->count + 1, sizeof(*order), e);
	size_t *ranks = array_new(made->count + 1, sizeof(*ranks), e);

	for (size_t i = 0; order && i < made->count; i++)
		order[i] = i;
	if (order && ranks) {
		qsort_r(order, made->count, sizeof(*order), compare_loads, made->blocks);
		for (size_t i = 0; i < made->count; i++)
			ranks[order[i]] = i;
	}
	free(order);
	if (order)
		return ranks;
	free(ranks);
	return NULL;
}

/* The columns that a plan's blocks do not keep. */
static void check_rest(struct one *one, char *text, const size_t *ranks, size_t count)
{
	const struct architecture *a = &one->made;
	bool cast = one->model.family->kind == MODEL_CLIP || one->scaled || dtype_bits(one->dtype) == 8;
	size_t at = 0;
	size_t parameter = 0;
	size_t listed = 0;
	char *rest = text;

	strsep(&rest, "\n");
	for (char *line; (line = strsep(&rest, "\n")) && *line; at++, listed++) {
		char params[200] = "";
		char *cells[9] = { NULL };

		for (; at < a->block_count && a->blocks[at].of_container; at++)
			parameter += a->blocks[at].parameter_count;
		if (at == a->block_count)
			return; /* told already: the counts differ */
		for (size_t i = 0; i < a->blocks[at].parameter_count; i++, parameter++) {
			const char *dot = strrchr(a->parameters[parameter].name, '.');
			size_t length = strlen(params);

			snprintf(params + length, sizeof(params) - length, "%s%s", length ? "," : "", dot ? dot + 1 : "");
		}
		for (size_t i = 0; i < 9; i++)
			cells[i] = strsep(&line, "\t");
		if (!cells[8] || strcmp(cells[8], params) != 0 || (cells[5][0] == '1') != (strstr(params, "bias") != NULL) ||
		    cells[6][0] != (!a->blocks[at].castable ? '-'
				    : cast		    ? '1'
							    : '0'))
			tally_fail(one->tally, one->name, "%s: parameters %s, cast %s; made %s", cells[1] ? cells[1] : "?",
				   cells[8] ? cells[8] : "?", cells[6] ? cells[6] : "?", params);
		else if (listed < count && strtoull(cells[7], NULL, 10) != ranks[listed])
			tally_fail(one->tally, one->name, "%s is loaded %s, made %zu", cells[1], cells[7], ranks[listed]);
		else
			tally_pass(one->tally);
	}
}

static void check_blocks(struct one *one, const struct block_list *made, const struct block_list *wanted)
{
	if (made->count != wanted->count)
		tally_fail(one->tally, one->name, "%zu blocks, wanted %zu", made->count, wanted->count);
	for (size_t i = 0; i < made->count && i < wanted->count; i++) {
		const struct plan_block *m = &made->blocks[i];
		const struct plan_block *w = &wanted->blocks[i];

		if (strcmp(m->name, w->name) != 0)
			tally_fail(one->tally, one->name, "block %zu is %s, wanted %s", i, m->name, w->name);
		else if (strcmp(made->types[m->type], wanted->types[w->type]) != 0 || m->has_bias != w->has_bias)
			tally_fail(one->tally, one->name, "%s is a %s, wanted %s", m->name, made->types[m->type],
				   wanted->types[w->type]);
		else if (m->size_bytes != w->size_bytes)
			tally_fail(one->tally, one->name, "%s has %" PRIu64 " bytes, wanted %" PRIu64, m->name, m->size_bytes,
				   w->size_bytes);
		else
			tally_pass(one->tally);
	}
}

static void check_number(struct one *one, const json_t *row, const char *column, uint64_t found)
{
	const char *text = json_string_value(json_object_get(row, column));

	if (!text)
		return;
	if (strtoull(text, NULL, 10) == found)
		tally_pass(one->tally);
	else
		tally_fail(one->tally, one->name, "%s is %" PRIu64 ", wanted %s", column, found, text);
}

static void check_index(struct one *one, const json_t *row, const struct block_list *made)
{
	struct block_summary summary = block_list_summarise(made);
	const char *threshold = json_string_value(json_object_get(row, "distorch_threshold"));

	if (!row)
		return;
	check_number(one, row, "blocks", made->count);
	check_number(one, row, "loadlist_bytes", summary.size_bytes);
	check_number(one, row, "model_size_bytes", architecture_size_bytes(&one->made) + one->model.family->buffer_bytes);
	check_number(one, row, "distributable_blocks", summary.distributed_count);
	check_number(one, row, "distributable_bytes", summary.distributed_bytes);
	check_number(one, row, "tiny_blocks", made->count - summary.distributed_count);
	check_number(one, row, "tiny_bytes", summary.size_bytes - summary.distributed_bytes);
	if (threshold && strtod(threshold, NULL) == summary.threshold_bytes)
		tally_pass(one->tally);
	else
		tally_fail(one->tally, one->name, "threshold is %.17g, wanted %s", summary.threshold_bytes,
			   threshold ? threshold : "?");
}

static bool compare(struct one *one, const char *folder, const json_t *row, struct error *e)
{
	struct block_list made = { .blocks = NULL };
	struct block_list wanted = { .blocks = NULL };
	char file[300];
	char path[4096];
	size_t length;
	size_t *ranks = NULL;
	char *text = NULL;
	bool fine;

	snprintf(file, sizeof(file), "%.280s.tsv.gz", one->name);
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	one->model.dtype = one->dtype;
	one->model.scaled = one->model.scales_linears = one->scaled;
	fine = detect_describe(&one->model, true, &one->made, e) &&
	       block_list_from_architecture(&made, &one->made, one->model.family->root, e) && block_list_read(&wanted, path, e);
	if (fine) {
		check_blocks(one, &made, &wanted);
		check_index(one, row, &made);
		text = part_read(folder, file, &length, e);
		ranks = load_ranks(&made, e);
		fine = text && ranks;
	}
	if (fine)
		check_rest(one, text, ranks, made.count);
	free(ranks);
	free(text);
	block_list_free(&made);
	block_list_free(&wanted);
	architecture_end(&one->made);
	return fine;
}

static bool run_one(const char *folder, const char *name, const json_t *index, struct tally *tally, struct error *e)
{
	struct one one = { .name = name, .tally = tally };
	char what[96];
	bool fine;

	if (!split_name(&one)) {
		tally_not_built(tally, "a type of a load list's name", 1);
		return true;
	}
	fine = find_model(&one, folder, e);
	if (fine && one.model.config) {
		fine = compare(&one, folder, json_object_get(index, name), e);
	} else if (fine) {
		snprintf(what, sizeof(what), "model %.80s", one.base);
		tally_not_built(tally, what, 1);
	}
	free(one.model.config);
	return fine;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	struct models_names names;
	json_t *index = models_index(folder, e);
	bool fine = models_list(folder, ".tsv.gz", &names, e);

	for (size_t i = 0; fine && i < names.count; i++)
		fine = run_one(folder, names.names[i], index, tally, e);
	models_names_free(&names);
	json_decref(index);
	return fine;
}

const struct part part_loadlists = { .name = "loadlists", .folder = "loadlists", .run = run };
