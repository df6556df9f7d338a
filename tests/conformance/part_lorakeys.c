/* lorakeys: the names by which LoRA files may call a model's parameters. NAME.full.tsv.gz holds all that upstream knows for one
 * model, NAME.tsv the first of them; the model's own keys are read from ../manifests. Every name must mean what it means there,
 * and there must be no other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/model/model.h"
#include "core/patch/keys/key_map.h"
#include "tests/conformance/part.h"

#define MANIFESTS_MAX 2

struct table {
	const char *name;
	struct {
		const char *prefix, *manifest;
	} parts[MANIFESTS_MAX];
};

#define CLIP_L "clip_l.transformer.", "clip_l"

static const struct table tables[] = {
	{ "flux", { { "diffusion_model.", "flux1_dev_transformer" } } },
	{ "flux_clip", { { CLIP_L }, { "t5xxl.transformer.", "t5xxl_encoder" } } },
	{ "hunyuan_video", { { "diffusion_model.", "hunyuan_video_transformer" } } },
	{ "hunyuan_video_te", { { CLIP_L }, { "llama.transformer.", "llava_llama3_8b" } } },
	{ "ltxv", { { "diffusion_model.", "ltxv_2b_transformer" } } },
	{ "mochi", { { "diffusion_model.", "mochi_transformer" } } },
	{ "qwen_image", { { "diffusion_model.", "qwen_image_transformer" } } },
	{ "qwen_image_te", { { "qwen25_7b.transformer.", "qwen2.5_vl_7b" } } },
	{ "sd15_clip", { { CLIP_L } } },
	{ "sd15_unet", { { "diffusion_model.", "sd15_unet" } } },
	{ "sdxl_clip", { { CLIP_L }, { "clip_g.transformer.", "clip_g" } } },
	{ "sdxl_unet", { { "diffusion_model.", "sdxl_base_unet" } } },
	{ "wan2.2_14b", { { "diffusion_model.", "wan2.2_t2v_high_noise_14b" } } },
	{ "wan_te", { { "umt5xxl.transformer.", "umt5xxl_encoder" } } },
};

/* ---- a model's keys ---- */

struct keys {
	struct key_target *targets;
	size_t count, capacity;
};

static void keys_free(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		free((void *)(uintptr_t)keys->targets[i].key);
		free((void *)(uintptr_t)keys->targets[i].shape);
	}
	free(keys->targets);
}

/* "3072x64", or "scalar". */
static unsigned read_shape(const char *text, int64_t *shape)
{
	unsigned rank = 0;
	char *end;

	while (rank < TENSOR_RANK_MAX && *text >= '0' && *text <= '9') {
		shape[rank++] = strtoll(text, &end, 10);
		text = *end == 'x' ? end + 1 : end;
	}
	return rank;
}

static bool add_key(struct keys *keys, const char *prefix, char *line, struct error *e)
{
	const char *name = strsep(&line, "\t");
	struct key_target *target;
	struct strbuf key = STRBUF_INIT;
	int64_t *shape;

	strsep(&line, "\t");
	if (!line || !*name)
		return true;
	if (!array_reserve(&keys->targets, &keys->capacity, keys->count + 1, sizeof(*keys->targets), e))
		return false;
	shape = array_new(TENSOR_RANK_MAX, sizeof(*shape), e);
	if (!shape)
		return false;
	strbuf_printf(&key, "%s%s", prefix, name);
	target = &keys->targets[keys->count++];
	*target = (struct key_target) { .rank = read_shape(line, shape), .shape = shape };
	target->key = strbuf_finish(&key, e);
	return target->key != NULL;
}

/* CLIP-L's model has a projection that its files have not. */
static bool add_projection(struct keys *keys, struct error *e)
{
	char line[] = "text_projection.weight\tF16\t768x768";

	return add_key(keys, "clip_l.transformer.", line, e);
}

static bool read_keys(const char *folder, const struct table *table, struct keys *keys, struct error *e)
{
	char name[300];

	for (size_t i = 0; i < MANIFESTS_MAX && table->parts[i].prefix; i++) {
		size_t length;
		char *text;
		char *rest;
		bool fine = true;

		snprintf(name, sizeof(name), "../manifests/%s.tsv.gz", table->parts[i].manifest);
		text = part_read(folder, name, &length, e);
		if (!text)
			return false;
		rest = text;
		for (char *line; fine && (line = strsep(&rest, "\n"));)
			fine = add_key(keys, table->parts[i].prefix, line, e);
		free(text);
		if (fine && strcmp(table->parts[i].manifest, "clip_l") == 0)
			fine = add_projection(keys, e);
		if (!fine)
			return false;
	}
	return true;
}

/* ---- the table ---- */

static void print_meaning(const struct key_entry *entry, char *text, size_t size_bytes)
{
	if (!entry)
		snprintf(text, size_bytes, "nothing");
	else if (entry->slice.count)
		snprintf(text, size_bytes, "%s\t0:%lld:%lld", entry->key, (long long)entry->slice.first,
			 (long long)entry->slice.count);
	else
		snprintf(text, size_bytes, "%s\t%s", entry->key, entry->swaps_halves ? "\tfunction" : "");
}

/* One line: name, key, slice, function. Marks the entry as listed. */
static void check_line(struct tally *tally, const struct key_map *map, bool *listed, char *line)
{
	const char *name = strsep(&line, "\t");
	const struct key_entry *entry = key_map_find(map, name, strlen(name));
	size_t count;
	const struct key_entry *entries = key_map_entries(map, &count);
	char meaning[600];

	print_meaning(entry, meaning, sizeof(meaning));
	if (!line || strcmp(meaning, line) != 0)
		tally_fail(tally, name, "means %s, wanted %s", meaning, line ? line : "a key");
	else
		tally_pass(tally);
	if (entry)
		listed[entry - entries] = true;
}

static bool check_table(const char *folder, const char *name, const struct key_map *map, bool *listed, struct tally *tally,
			struct error *e)
{
	size_t length;
	char *text = part_read(folder, name, &length, e);
	char *rest = text;

	if (!text)
		return false;
	strsep(&rest, "\n"); /* the heading */
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (*line)
			check_line(tally, map, listed, line);
	}
	free(text);
	return true;
}

static bool check_tables(const char *folder, const struct table *table, const struct key_map *map, struct tally *tally,
			 struct error *e)
{
	size_t count;
	const struct key_entry *entries = key_map_entries(map, &count);
	bool *listed = array_new(count, sizeof(*listed), e);
	struct error absent = ERROR_INIT;
	char name[100];
	bool fine;

	if (!listed)
		return false;
	snprintf(name, sizeof(name), "%s.tsv", table->name);
	check_table(folder, name, map, listed, tally, &absent); /* a copy of the data need not have the short one */
	snprintf(name, sizeof(name), "%s.full.tsv.gz", table->name);
	fine = check_table(folder, name, map, listed, tally, e);
	for (size_t i = 0; fine && i < count; i++) {
		if (!listed[i])
			tally_fail(tally, entries[i].name, "means %s, and is no name of %s", entries[i].key, table->name);
	}
	free(listed);
	return fine;
}

static bool is_there(const char *folder, const struct table *table)
{
	struct error absent = ERROR_INIT;
	char name[100];
	size_t length;
	char *text;

	snprintf(name, sizeof(name), "%s.full.tsv.gz", table->name);
	text = part_read(folder, name, &length, &absent);
	free(text);
	return text != NULL;
}

static bool run_table(const char *folder, const struct table *table, struct tally *tally, struct error *e)
{
	struct keys keys = { .count = 0 };
	struct key_map *map = NULL;
	bool fine = read_keys(folder, table, &keys, e);

	if (fine) {
		map = key_map_new(keys.targets, keys.count, e);
		fine = map && check_tables(folder, table, map, tally, e);
	}
	key_map_free(map);
	keys_free(&keys);
	return fine;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		if (is_there(folder, &tables[i]) && !run_table(folder, &tables[i], tally, e))
			return error_context(e, "%s", tables[i].name);
	}
	return true;
}

const struct part part_lorakeys = { .name = "lorakeys", .folder = "lorakeys", .run = run };
