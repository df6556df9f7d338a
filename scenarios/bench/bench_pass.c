/* bench_pass.c - from a published model's name to its family, its block list at the stated precision, and a placed
 * pass over it.
 */
#include "scenarios/bench/bench_pass.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/model/families/family.h"
#include "core/plan/place/plan_model.h"
#include "scenarios/placed/placed_pass.h"

#define PLANNER "01df082"

enum pass_stored { AS_BF16, AS_FP8, AS_Q8_0 };

/* Which published model a name stands for: the first whose word is in it. */
static const struct published {
	const char *word, *variant;
} models[] = {
	{ .word = "flux", .variant = "flux1_dev_transformer" },
	{ .word = "qwen", .variant = "qwen_image_transformer" },
	{ .word = "wan2.2_ti2v_5b", .variant = "wan2.2_ti2v_5b" },
	{ .word = "wan", .variant = "wan2.2_t2v_high_noise_14b" },
	{ .word = "hunyuan", .variant = "hunyuan_video_transformer" },
	{ .word = "ltx", .variant = "ltxv_2b_transformer" },
	{ .word = "mochi", .variant = "mochi_transformer" },
	{ .word = "sdxl", .variant = "sdxl_base_unet" },
};

static const char *variant_of(const char *model)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcasestr(model, models[i].word))
			return models[i].variant;
	}
	return NULL;
}

static enum pass_stored stored_as(const char *precision)
{
	if (strcasestr(precision, "fp8"))
		return AS_FP8;
	return strcasestr(precision, "q8") || strcasestr(precision, "gguf") ? AS_Q8_0 : AS_BF16;
}

/* 34 bytes for 32 elements; what has too few stays as it is. */
static void store_as_q8_0(struct block_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct plan_block *block = &list->blocks[i];

		if (block->size_bytes == PLAN_NO_SIZE || block->size_bytes < 65536)
			continue;
		block->size_bytes = block->size_bytes / 2 / 32 * 34;
		block->weight_size_bytes = block->size_bytes;
	}
}

static bool read_list(struct bench_pass *pass, const char *variant_name, enum pass_stored stored, struct error *e)
{
	const struct family_variant *variant = NULL;
	const struct family *family = family_find_variant(variant_name, &variant);
	struct architecture a;
	void *config;
	bool fine;

	if (!family)
		return error_set(e, ERROR_BUG, "there is no family %s", variant_name);
	config = family_config_new(family, variant->config, e);
	if (!config)
		return false;
	architecture_begin(&a, stored == AS_FP8 ? DTYPE_F8_E4M3 : DTYPE_BF16, e);
	family->describe(config, &a);
	fine = architecture_ok(&a) && block_list_from_architecture(&pass->list, &a, family->root, e);
	architecture_end(&a);
	free(config);
	if (fine && stored == AS_Q8_0)
		store_as_q8_0(&pass->list);
	return fine;
}

static bool run(const struct bench_pass *pass, const unsigned *device_of, double *seconds, struct error *e)
{
	struct pass_request request = { .topology = pass->boundless,
					.blocks = pass->list.blocks,
					.costs = &pass->costs,
					.device_of = device_of,
					.compute = pass->compute,
					.passes = pass->costs.profile.passes,
					.converts_at_source = pass->converts_at_source };
	struct pass_result result;

	if (!placed_pass(&request, &result, e))
		return false;
	*seconds = result.seconds;
	return true;
}

static bool run_resident(struct bench_pass *pass, struct error *e)
{
	unsigned *device_of = array_new(pass->list.count, sizeof(*device_of), e);
	bool fine = device_of != NULL;

	for (size_t i = 0; fine && i < pass->list.count; i++)
		device_of[i] = pass->compute;
	fine = fine && run(pass, device_of, &pass->resident_seconds, e);
	free(device_of);
	return fine;
}

bool bench_pass_open(struct bench_pass *pass, const char *model, const char *precision, const struct topology *topology,
		     unsigned compute, bool converts_at_source, bool *known, struct error *e)
{
	const char *variant = variant_of(model);
	struct picture picture = { .width = 1328, .height = 1328, .frames = 1 }; /* what is added hangs on it but little */

	*pass = (struct bench_pass) { .topology = topology, .compute = compute, .converts_at_source = converts_at_source };
	*known = variant != NULL;
	if (!variant)
		return true;
	if (!read_list(pass, variant, stored_as(precision), e))
		return false;
	pass->boundless = placed_pass_boundless(topology, e);
	return pass->boundless && costs_make(pass->list.blocks, pass->list.count, &picture, &pass->costs, e) &&
	       run_resident(pass, e);
}

void bench_pass_close(struct bench_pass *pass)
{
	block_list_free(&pass->list);
	costs_free(&pass->costs);
	if (pass->boundless)
		topology_free(pass->boundless);
	pass->boundless = NULL;
}

static struct plan *plan_offloaded(const struct bench_pass *pass, double bytes, unsigned donor, struct error *e)
{
	const struct topology *topology = pass->topology;
	struct plan_device devices[DEVICE_MAX];
	char allocation[2 * DEVICE_NAME_MAX + 64];
	struct plan_request request = { .rules = plan_rules_find(PLANNER),
					.allocation = allocation,
					.blocks = pass->list.blocks,
					.block_count = pass->list.count,
					.devices = devices,
					.device_count = topology->device_count };

	for (size_t i = 0; i < topology->device_count; i++)
		devices[i] = (struct plan_device) { topology->devices[i].name, topology->devices[i].capacity_bytes };
	snprintf(allocation, sizeof(allocation), "#%s;%.6f;%s", topology->devices[pass->compute].name, bytes / (double)GIB,
		 topology->devices[donor].name);
	return plan_make(&request, NULL, e);
}

bool bench_pass_added_seconds(const struct bench_pass *pass, double offloaded_bytes, unsigned donor, double *seconds,
			      struct error *e)
{
	struct plan *plan = plan_offloaded(pass, offloaded_bytes, donor, e);
	unsigned *device_of = plan ? array_new(pass->list.count, sizeof(*device_of), e) : NULL;
	double whole = 0;
	bool fine =
		device_of && plan_devices(plan, pass->topology, pass->compute, device_of, e) && run(pass, device_of, &whole, e);

	*seconds = whole - pass->resident_seconds;
	free(device_of);
	plan_free(plan);
	return fine;
}
