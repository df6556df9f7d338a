/* The lpd.* cases: a small net, its blocks all placed on the cpu by an allocation, with two LoRAs put in on the way, through the
 * engine's own manager; the same LoRAs on copies at run time; and LoRAs on GGUF's quantised weights. Afterwards the LoRAs are taken
 * out, and the first bytes must be back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/quant/quant.h"
#include "tests/conformance/part.h"
#include "tests/conformance/adapters.h"
#include "tests/fixtures/machine.h"
#include "tests/fixtures/manager.h"

#define PREFIX "diffusion_model."
#define ALLOCATION "cuda:0,0.0;cpu,1.0#cuda:0"

/* ---- the net ---- */

struct module {
	const char *name, *type;
};

static const struct module net[] = {
	{ "a", "Linear" }, { "b", "Linear" }, { "conv", "Conv2d" }, { "norm", "LayerNorm" }, { "free", "Linear" },
};

struct scene {
	const struct numerics_data *data;
	const char *name; /* of the case, "dyadic.1_bf16" */
	const json_t *json;
	struct tally *tally;
	struct managed managed;
	struct reference hold[3];
	struct patcher *patcher; /* the last clone */
	struct adapters adapters;
};

/* Where another case has the same bytes, the alias has them. */
static const struct safetensors_tensor *input(const struct scene *scene, const char *key)
{
	const char *name = strcmp(scene->name, "9_scaled_e4m3_low_precision") == 0 ? "dyadic.7_scaled_e4m3" : scene->name;

	return golden_find(scene->data, "%s/in/" PREFIX "%s", name, key);
}

static void describe_parameter(const struct scene *scene, const char *key, struct parameter_description *parameters,
			       size_t *count)
{
	const struct safetensors_tensor *tensor = input(scene, key);
	struct parameter_description *parameter = &parameters[*count];

	if (!tensor)
		return;
	*parameter = (struct parameter_description) {
		.name = key, .dtype = tensor->dtype, .rank = (unsigned)tensor->rank, .bytes = tensor->bytes
	};
	for (size_t i = 0; i < tensor->rank; i++)
		parameter->shape[i] = (int64_t)tensor->shape[i];
	(*count)++;
}

static struct model *make_model(const struct scene *scene, struct error *e)
{
	static const char *const parts[] = { "weight", "bias", "scale_weight" };
	struct block_description blocks[ARRAY_SIZE(net)];
	struct parameter_description parameters[3 * ARRAY_SIZE(net)];
	char keys[3 * ARRAY_SIZE(net)][32];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(net); i++) {
		size_t before = count;

		for (size_t j = 0; j < 3; j++) {
			snprintf(keys[3 * i + j], sizeof(keys[0]), "%s.%s", net[i].name, parts[j]);
			describe_parameter(scene, keys[3 * i + j], parameters, &count);
		}
		blocks[i] = (struct block_description) { .name = net[i].name,
							 .type = net[i].type,
							 .parameter_count = count - before,
							 .weight_size_bytes = 1,
							 .has_bias = true,
							 .castable = true };
	}
	return model_new(scene->managed.machine, machine_device(scene->managed.machine, 0), "net", MODEL_UNET, blocks,
			 ARRAY_SIZE(net), parameters, count, e);
}

/* ---- the manager ---- */

static bool open_scene(struct scene *scene, struct error *e)
{
	const struct manager_options options = { .policy = &policy_eject_donor };

	return managed_open(&scene->managed, fixture_machine(part_backend, "host-1gpu.json", e), &options, e);
}

static void close_scene(struct scene *scene)
{
	managed_close(&scene->managed);
	adapters_free(&scene->adapters);
}

/* The patcher with its allocation, and a clone for each LoRA. */
static bool make_patchers(struct scene *scene, struct error *e)
{
	const json_t *strengths = json_object_get(scene->json, "strengths");
	const double defaults[] = { 0.75, -0.5 };
	struct model *model = make_model(scene, e);
	char prefix[40];

	scene->patcher =
		model ? patcher_new(scene->managed.manager, model, machine_device(scene->managed.machine, 1), "net", e) : NULL;
	if (!scene->patcher)
		return false;
	reference_set(&scene->hold[0], scene->managed.root, &scene->patcher->object, "base");
	patcher_inner(scene->patcher)->low_precision_loras =
		json_is_false(json_object_get(scene->json, "high_precision_loras"));
	snprintf(prefix, sizeof(prefix), "lora.%s", strncmp(scene->name, "rand.", 5) == 0 ? "rand" : "dyadic");
	if (!place_set_allocation(patcher_inner(scene->patcher), ALLOCATION, 0, e) ||
	    !adapters_read(&scene->adapters, scene->data, prefix, e))
		return false;
	for (size_t i = 0; i < scene->adapters.count && i < 2; i++) {
		struct patcher_change change = {
			.key = "lora", .lora = scene->adapters.files[i], .lora_strength = defaults[i], .sampling_shift = NAN
		};

		if (json_is_array(strengths))
			change.lora_strength = json_number_value(json_array_get(strengths, i));
		scene->patcher = patcher_clone(scene->patcher, &change, e);
		if (!scene->patcher)
			return false;
		reference_set(&scene->hold[i + 1], scene->managed.root, &scene->patcher->object, "clone");
	}
	return true;
}

/* ---- what is compared ---- */

static bool same_bytes(const struct parameter *parameter, const struct safetensors_tensor *wanted)
{
	struct mapping place;
	size_t first;
	bool same;

	if (!wanted || parameter->dtype != wanted->dtype || parameter->size_bytes != wanted->size_bytes ||
	    !device_map(&parameter->resting, MAP_READ, &place, NULL))
		return false;
	same = numerics_differ(wanted->dtype, place.bytes, wanted->bytes, wanted->element_count, &first) == 0;
	device_unmap(&place, true, NULL);
	return same;
}

static void compare(struct scene *scene, const char *what)
{
	const struct model *model = patcher_model(scene->patcher);

	for (size_t i = 0; i < model->parameter_count; i++) {
		const struct parameter *parameter = &model->parameters[i];
		const struct safetensors_tensor *wanted =
			golden_find(scene->data, "%s/%s/" PREFIX "%s", scene->name, what, parameter->name);

		if (same_bytes(parameter, wanted))
			tally_pass(scene->tally);
		else
			tally_fail(scene->tally, scene->name, "%s of %s is not as wanted (%s)", parameter->name, what,
				   dtype_name(parameter->dtype));
	}
}

/* Every block is where the allocation wants it. */
static void check_places(struct scene *scene)
{
	const struct model *model = patcher_model(scene->patcher);

	for (size_t i = 0; i < model->block_count; i++) {
		if (model->blocks[i].device != 0) {
			tally_fail(scene->tally, scene->name, "%s is on device %u, not on the cpu", model->blocks[i].name,
				   model->blocks[i].device);
			return;
		}
	}
	tally_pass(scene->tally);
}

/* A copy of a parameter with its patches, in `dtype`. */
static bool patch_resting(const struct model *model, size_t index, const struct patch_list *list, enum dtype dtype,
			  float *values, struct error *e)
{
	struct mapping place;
	bool fine;

	if (!device_map(&model->parameters[index].resting, MAP_READ, &place, e))
		return false;
	fine = patch_copy(model, index, list, dtype, place.bytes, values, e);
	return device_unmap(&place, fine, e);
}

static bool check_copy(struct scene *scene, size_t index, const struct safetensors_tensor *wanted, struct error *e)
{
	const struct model *model = patcher_model(scene->patcher);
	const struct parameter *parameter = &model->parameters[index];
	const struct patch_list list = patcher_patches(scene->patcher);
	float *values = array_new(wanted->element_count, sizeof(*values), e);
	uint8_t *found = array_new(wanted->size_bytes, 1, e);
	size_t first;
	bool fine = values && found && patch_resting(model, index, &list, DTYPE_BF16, values, e) &&
		    convert_from_f32(DTYPE_BF16, values, found, wanted->element_count, e);

	if (fine && numerics_differ(DTYPE_BF16, found, wanted->bytes, wanted->element_count, &first))
		tally_fail(scene->tally, scene->name, "a copy of %s differs from element %zu on", parameter->name, first);
	else if (fine)
		tally_pass(scene->tally);
	free(values);
	free(found);
	return fine;
}

static bool check_copies(struct scene *scene, struct error *e)
{
	const struct model *model = patcher_model(scene->patcher);

	for (size_t i = 0; i < model->parameter_count; i++) {
		const struct safetensors_tensor *wanted =
			golden_find(scene->data, "%s/lowvram_bf16/" PREFIX "%s", scene->name, model->parameters[i].name);

		if (wanted && !check_copy(scene, i, wanted, e))
			return false;
	}
	return true;
}

static bool run_scene(struct scene *scene, struct error *e)
{
	if (!check_copies(scene, e) || !place_partially_load(scene->patcher, ALL_MEMORY, false, NULL, e))
		return false;
	check_places(scene);
	compare(scene, "out");
	if (!place_detach(scene->patcher, e))
		return false;
	compare(scene, "in");
	return true;
}

/* Upstream's exception; the engine's error. */
static void run_crash(struct scene *scene)
{
	struct error why = ERROR_INIT;

	if (!place_partially_load(scene->patcher, ALL_MEMORY, false, NULL, &why) && why.kind == ERROR_UNSUPPORTED)
		tally_pass(scene->tally);
	else
		tally_fail(scene->tally, scene->name, "loading it went well, or failed otherwise: %s", why.text);
}

static bool run_case(const struct numerics_data *data, const char *name, const json_t *json, struct tally *tally,
		     struct error *e)
{
	static const char crash[] = "{\"high_precision_loras\":false}";
	struct scene scene = { .data = data, .name = name, .json = json, .tally = tally };
	json_t *settings = json_is_string(json) ? json_loads(crash, 0, NULL) : NULL;
	bool fine;

	if (settings)
		scene.json = settings;
	fine = open_scene(&scene, e) && make_patchers(&scene, e);
	if (fine && settings)
		run_crash(&scene);
	else if (fine)
		fine = run_scene(&scene, e);
	close_scene(&scene);
	json_decref(settings);
	return fine || error_context(e, "%s", name);
}

/* ---- quantised weights ---- */

/* A model of one quantised weight. */
static struct model *model_of_blocks(struct machine *machine, const char *name, const struct safetensors_tensor *bytes,
				     const struct safetensors_tensor *out, struct error *e)
{
	const struct block_description block = { .name = "a", .type = "Linear", .parameter_count = 1, .castable = true };
	struct parameter_description parameter = {
		.name = "a.weight", .dtype = DTYPE_F16, .quantised = true, .rank = (unsigned)out->rank, .bytes = bytes->bytes
	};
	char type[16];

	snprintf(type, sizeof(type), "%.*s", (int)strcspn(strchr(name + 5, '.') + 1, "."), strchr(name + 5, '.') + 1);
	if (!quant_from_name(type, &parameter.quant)) {
		error_set(e, ERROR_FORMAT, "%s: no quantised type", name);
		return NULL;
	}
	for (size_t i = 0; i < out->rank && i < TENSOR_RANK_MAX; i++)
		parameter.shape[i] = (int64_t)out->shape[i];
	return model_new(machine, machine_device(machine, 0), name, MODEL_UNET, &block, 1, &parameter, 1, e);
}

/* As the engine does where it uses the weight. */
static bool patch_quantised(struct machine *machine, const char *name, const json_t *json,
			    const struct safetensors_tensor *const tensors[4], struct tally *tally, struct error *e)
{
	const struct safetensors_tensor *out = tensors[3];
	struct adapter adapter = { .kind = &kind_lora,
				   .file = name,
				   .key = name,
				   .parts = { tensors[1], tensors[2] },
				   .alpha = json_number_value(json_object_get(json, "alpha")) };
	struct lora_match match = { .adapters = &adapter, .count = 1 };
	const struct patch_use use = { .match = &match,
				       .strength = json_number_value(json_object_get(json, "strength")),
				       .strength_model = 1 };
	const struct patch_list list = { .uses = &use, .use_count = 1, .rules = &patch_rules_upstream };
	struct model *model = model_of_blocks(machine, name, tensors[0], out, e);
	float *values = array_new(out->element_count, sizeof(*values), e);
	uint8_t *found = array_new(out->size_bytes, 1, e);
	size_t first;
	bool fine = model && values && found && patch_resting(model, 0, &list, out->dtype, values, e) &&
		    convert_from_f32(out->dtype, values, found, out->element_count, e);

	if (fine && numerics_differ(out->dtype, found, out->bytes, out->element_count, &first))
		tally_fail(tally, name, "differs from element %zu on", first);
	else if (fine)
		tally_pass(tally);
	free(values);
	free(found);
	model_free(model);
	return fine;
}

static bool run_quantised(const struct numerics_data *data, json_t *cases, struct tally *tally, struct error *e)
{
	static const char *const names[] = { "bytes", "up", "down", "out" };
	struct machine *machine = fixture_machine(part_backend, "host-2gpu.json", e);
	bool fine = machine != NULL;
	const char *name;
	json_t *json;

	json_object_foreach(cases, name, json)
	{
		const struct safetensors_tensor *tensors[4];

		for (size_t i = 0; fine && i < 4; i++) {
			tensors[i] = golden_find(data, "%s/%s", name, names[i]);
			if (!tensors[i])
				fine = error_set(e, ERROR_FORMAT, "lpd: %s has no %s", name, names[i]);
		}
		fine = fine && patch_quantised(machine, name, json, tensors, tally, e);
	}
	machine_close(machine);
	return fine;
}

bool numerics_lpd(const char *folder, struct tally *tally, struct error *e)
{
	struct numerics_data data;
	const char *name;
	json_t *json;
	bool there;
	bool fine = true;

	if (!numerics_open(&data, folder, "lpd", &there, e) || !there)
		return !error_is_set(e);
	json_object_foreach(data.json, name, json)
	{
		if (strcmp(name, "gguf_patch_on_the_fly") == 0)
			fine = run_quantised(&data, json, tally, e);
		else if (strcmp(name, "alias") != 0)
			fine = run_case(&data, name, json, tally, e);
		if (!fine)
			break;
	}
	numerics_close(&data);
	return fine;
}
