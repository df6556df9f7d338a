/* load.c - loading a model with two LoRAs, by an allocation and within a budget, and taking them out again. */
#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "tests/fixtures/machine.h"
#include "tests/fixtures/manager.h"
#include "tests/torture/torture.h"

static const float numbers[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

#define DATA_BYTES 192 /* three times the numbers */

/* A safetensors file of one adapter of a few kinds: a pair with magnitudes of columns, Hadamard with those of rows, differences. */
static const char header[] =
	"{\"diffusion_model.a.lora_up.weight\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[0,16]},"
	"\"diffusion_model.a.lora_down.weight\":{\"dtype\":\"F32\",\"shape\":[1,4],\"data_offsets\":[16,32]},"
	"\"lora_unet_b.hada_w1_a\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[32,48]},"
	"\"lora_unet_b.hada_w1_b\":{\"dtype\":\"F32\",\"shape\":[1,4],\"data_offsets\":[48,64]},"
	"\"lora_unet_b.hada_w2_a\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[64,80]},"
	"\"lora_unet_b.hada_w2_b\":{\"dtype\":\"F32\",\"shape\":[1,4],\"data_offsets\":[80,96]},"
	"\"lora_unet_b.dora_scale\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[96,112]},"
	"\"lora_unet_b.diff_b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[112,128]},"
	"\"diffusion_model.a.dora_scale\":{\"dtype\":\"F32\",\"shape\":[1,4],\"data_offsets\":[128,144]},"
	"\"diffusion_model.c.diff\":{\"dtype\":\"F32\",\"shape\":[12],\"data_offsets\":[144,192]}}";

struct scene {
	struct managed managed;
	struct reference base, clone;
	struct patcher *patcher;
	uint8_t file[8 + sizeof(header) - 1 + DATA_BYTES];
};

static struct model *make_model(const struct scene *scene, struct error *e)
{
	static const struct block_description blocks[] = {
		{ .name = "a", .type = "Linear", .parameter_count = 1, .has_bias = true, .castable = true },
		{ .name = "b", .type = "Linear", .parameter_count = 2, .has_bias = true, .castable = true },
	};
	const struct parameter_description parameters[] = {
		{ .name = "a.weight", .dtype = DTYPE_BF16, .rank = 2, .shape = { 4, 4 }, .bytes = numbers },
		{ .name = "b.weight", .dtype = DTYPE_F8_E4M3, .rank = 2, .shape = { 4, 4 }, .bytes = numbers },
		{ .name = "b.bias", .dtype = DTYPE_F32, .rank = 1, .shape = { 4 }, .bytes = numbers },
	};

	return model_new(scene->managed.machine, machine_device(scene->managed.machine, 0), "m", MODEL_UNET, blocks,
			 ARRAY_SIZE(blocks), parameters, ARRAY_SIZE(parameters), e);
}

static bool make_patchers(struct scene *scene, struct error *e)
{
	uint64_t length = sizeof(header) - 1;
	struct patcher_change change = { .key = "lora", .lora_strength = 0.5, .sampling_shift = NAN };
	struct model *model = make_model(scene, e);
	struct patcher *base =
		model ? patcher_new(scene->managed.manager, model, machine_device(scene->managed.machine, 1), "m", e) : NULL;

	if (!base)
		return false;
	reference_set(&scene->base, scene->managed.root, &base->object, "base");
	memcpy(scene->file, &length, sizeof(length));
	memcpy(scene->file + 8, header, length);
	for (size_t at = 0; at < DATA_BYTES; at += sizeof(numbers))
		memcpy(scene->file + 8 + length + at, numbers, sizeof(numbers));
	change.lora = lora_parse(scene->file, sizeof(scene->file), "torture", e);
	scene->patcher = change.lora ? patcher_clone(base, &change, e) : NULL;
	lora_close(change.lora);
	if (scene->patcher)
		reference_set(&scene->clone, scene->managed.root, &scene->patcher->object, "clone");
	return scene->patcher != NULL;
}

/* Whatever failed, the weights are the first ones when they are taken out. */
static bool is_unpatched(const struct scene *scene)
{
	const struct model *model = patcher_model(scene->patcher);

	for (size_t i = 0; i < model->parameter_count; i++) {
		char bytes[sizeof(numbers)];

		if (!device_read(&model->parameters[i].resting, 0, model->parameters[i].size_bytes, bytes, NULL) ||
		    memcmp(bytes, numbers, model->parameters[i].size_bytes) != 0)
			return false;
	}
	return true;
}

/* DisTorch V1: loaded as any other, then dealt out. */
static bool deal_out(struct scene *scene, struct error *e)
{
	scene->managed.manager->policy = &policy_delegate;
	return place_set_legacy_allocation(patcher_inner(scene->patcher), "cpu,0.5;cuda:0,0.5", e) &&
	       place_set_allocation(patcher_inner(scene->patcher), "", 0, e) &&
	       place_partially_load(scene->patcher, ALL_MEMORY, false, NULL, e) && place_detach(scene->patcher, e);
}

static bool load_and_unload(struct scene *scene, struct error *e)
{
	bool fine = place_partially_load(scene->patcher, ALL_MEMORY, false, NULL, e) && place_detach(scene->patcher, e) &&
		    place_set_allocation(patcher_inner(scene->patcher), "cpu,1.0#cuda:0", 0, e) &&
		    place_partially_load(scene->patcher, ALL_MEMORY, false, NULL, e) && place_detach(scene->patcher, e) &&
		    deal_out(scene, e);

	if (!fine)
		place_detach(scene->patcher, NULL);
	if (!is_unpatched(scene))
		return torture_bug(e, "the weights are not what they were");
	return fine;
}

TORTURE_PIECE(torture_patch, "loading with LoRAs")
{
	const struct manager_options options = { .policy = &policy_strict };
	struct scene scene = { .patcher = NULL };
	bool fine = managed_open(&scene.managed, fixture_card(&host_backend, 99999999, 99999999, e), &options, e) &&
		    make_patchers(&scene, e) && load_and_unload(&scene, e);

	managed_close(&scene.managed);
	return fine;
}
