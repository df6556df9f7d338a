/* The same weights as other programs name, cut, shard and quantise them: the model that is made of them is the same. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/families/family.h"
#include "core/plan/place/blocks.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/dtype/small_float.h"
#include "core/tensor/gguf/gguf.h"
#include "core/workflow/library/model_library.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

static char *folder;
static struct machine *machine;

static void make(void)
{
	struct error e = ERROR_INIT;

	machine = fixture_machine(harness_backend, "host-2gpu.json", &e);
	ck_assert_ok(machine, &e);
	folder = harness_make_folder();
}

static void unmake(void)
{
	for (size_t i = 0; i < machine_device_count(machine); i++)
		ck_assert_uint_eq(device_memory_use(machine_device(machine, i)).allocated_bytes, 0);
	machine_close(machine);
	harness_remove_folder(folder);
}

/* ---- files ---- */

/* `residency ARGUMENTS` in the folder. */
__attribute__((format(printf, 1, 2))) static void residency(const char *format, ...)
{
	char arguments[2048];
	char *errors;
	va_list list;
	int exit_code;

	va_start(list, format);
	vsnprintf(arguments, sizeof(arguments), format, list);
	va_end(list);
	exit_code = harness_residency(arguments, NULL, &errors);
	ck_assert_msg(exit_code == 0, "%s: %s", arguments, errors);
	free(errors);
}

static void synthesise(const char *family, const char *dtype, const char *file)
{
	residency("synth %s --small --seed 5 --dtype %s --out '%s/%s'", family, dtype, folder, file);
}

static struct model *open_on(struct machine *where, const struct model_source *source, struct error *e)
{
	struct model_library library = { .folder = folder };
	struct catalog catalog = model_library_catalog(&library);

	return catalog.open(catalog.context, source, where, machine_device(where, 0), e);
}

static struct model *open_one(enum model_kind kind, const char *file)
{
	struct model_source source = { .kind = kind, .files = { file }, .file_count = 1 };
	struct error e = ERROR_INIT;
	struct model *model = open_on(machine, &source, &e);

	ck_assert_ok(model, &e);
	return model;
}

static void assert_fails(const struct model_source *source, enum error_kind kind, const char *said)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(open_on(machine, source, &e));
	ck_assert_msg(e.kind == kind && strstr(e.text, said), "%s", e.text);
}

/* Blocks, parameters and every byte; frees both. */
static void assert_same(struct model *a, struct model *b)
{
	ck_assert_uint_eq(a->block_count, b->block_count);
	ck_assert_uint_eq(a->parameter_count, b->parameter_count);
	for (size_t i = 0; i < a->block_count; i++) {
		ck_assert_str_eq(a->blocks[i].name, b->blocks[i].name);
		ck_assert_uint_eq(a->blocks[i].size_bytes, b->blocks[i].size_bytes);
		ck_assert_uint_eq(a->blocks[i].weight_size_bytes, b->blocks[i].weight_size_bytes);
	}
	for (size_t i = 0; i < a->parameter_count; i++) {
		const struct parameter *x = &a->parameters[i];
		const struct parameter *y = &b->parameters[i];

		ck_assert_str_eq(x->name, y->name);
		ck_assert_int_eq(x->dtype, y->dtype);
		ck_assert_uint_eq(x->size_bytes, y->size_bytes);
		ck_assert_msg(memcmp(harness_bytes(&x->resting), harness_bytes(&y->resting), x->size_bytes) == 0, "%s differs",
			      x->name);
	}
	model_free(a);
	model_free(b);
}

/* ---- other programs' layouts ---- */

START_TEST(a_flux_of_diffusers_is_the_same_model)
{
	synthesise("flux", "bf16", "mine.safetensors");
	harness_relayout(folder, "plain", "mine.safetensors", "own.safetensors");
	harness_relayout(folder, "flux-diffusers", "mine.safetensors", "theirs.safetensors");
	assert_same(open_one(MODEL_UNET, "own.safetensors"), open_one(MODEL_UNET, "theirs.safetensors"));
}
END_TEST

START_TEST(a_folder_of_shards_is_the_same_model)
{
	synthesise("flux", "f16", "mine.safetensors");
	harness_relayout(folder, "plain", "mine.safetensors", "own.safetensors");
	harness_relayout(folder, "flux-diffusers", "mine.safetensors", "theirs.safetensors");
	harness_relayout(folder, "shards", "theirs.safetensors", "transformer");
	assert_same(open_one(MODEL_UNET, "own.safetensors"), open_one(MODEL_UNET, "transformer"));
	assert_same(open_one(MODEL_UNET, "own.safetensors"),
		    open_one(MODEL_UNET, "transformer/diffusion_pytorch_model.safetensors.index.json"));
}
END_TEST

/* As one file, as its shards, and by their folder: the same blocks. */
START_TEST(the_plan_of_shards_is_that_of_the_whole_file)
{
	static const char *const places[] = { "transformer", "transformer/diffusion_pytorch_model.safetensors.index.json" };
	struct error e = ERROR_INIT;
	struct block_source source;
	struct block_list whole;
	struct block_list list;
	char path[512];

	synthesise("flux", "f16", "mine.safetensors");
	harness_relayout(folder, "flux-diffusers", "mine.safetensors", "theirs.safetensors");
	harness_relayout(folder, "shards", "theirs.safetensors", "transformer");
	snprintf(path, sizeof(path), "%s/mine.safetensors", folder);
	ck_assert_ok(block_list_from_weights(&whole, path, NULL, &e), &e);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, places[i]);
		ck_assert_ok(block_list_from_weights(&list, path, &source, &e), &e);
		ck_assert_str_eq(source.note, "flux");
		ck_assert_uint_eq(list.count, whole.count);
		for (size_t j = 0; j < list.count; j++) {
			ck_assert_str_eq(list.blocks[j].name, whole.blocks[j].name);
			ck_assert_uint_eq(list.blocks[j].size_bytes, whole.blocks[j].size_bytes);
		}
		block_list_free(&list);
	}
	block_list_free(&whole);
}
END_TEST

START_TEST(a_folder_with_nothing_in_it_says_what_it_should_hold)
{
	struct model_source source = { .kind = MODEL_UNET, .files = { "." }, .file_count = 1 };

	assert_fails(&source, ERROR_MISSING, "diffusion_pytorch_model.safetensors");
}
END_TEST

START_TEST(a_clip_g_of_open_clip_is_the_same_model)
{
	synthesise("clip_g", "f16", "mine.safetensors");
	harness_relayout(folder, "plain", "mine.safetensors", "own.safetensors");
	harness_relayout(folder, "open-clip", "mine.safetensors", "theirs.safetensors");
	assert_same(open_one(MODEL_CLIP, "own.safetensors"), open_one(MODEL_CLIP, "theirs.safetensors"));
}
END_TEST

/* Its tensors and the UNets' are made from their names, which differ: sizes and places are what can be compared. */
START_TEST(an_sdxl_checkpoint_gives_all_three_models)
{
	struct model *clip;
	struct model *unet;

	synthesise("sdxl_base_checkpoint", "f16", "sdxl.safetensors");
	clip = open_one(MODEL_CLIP, "sdxl.safetensors");
	unet = open_one(MODEL_UNET, "sdxl.safetensors");
	ck_assert_str_eq(clip->family->name, "sdxl_text");
	ck_assert_ptr_nonnull(model_parameter(clip, "clip_g.transformer.text_model.encoder.layers.30.self_attn.v_proj.weight"));
	ck_assert_ptr_nonnull(model_parameter(clip, "clip_l.transformer.text_projection.weight"));
	ck_assert_str_eq(unet->family->name, "sdxl");
	model_free(unet);
	model_free(clip);
	model_free(open_one(MODEL_VAE, "sdxl.safetensors"));
}
END_TEST

/* The n-th tensor of one layout is the n-th of the other, and seeded by its name. */
START_TEST(a_unet_of_diffusers_has_its_tensors_under_upstreams_names)
{
	static const struct {
		const char *own, *theirs;
	} pairs[] = {
		{ "input_blocks.1.0.in_layers.2.weight", "down_blocks.0.resnets.0.conv1.weight" },
		{ "middle_block.2.out_layers.3.bias", "mid_block.resnets.1.conv2.bias" },
		{ "output_blocks.3.0.skip_connection.weight", "up_blocks.1.resnets.1.conv_shortcut.weight" },
		{ "out.2.weight", "conv_out.weight" },
	};
	struct error e = ERROR_INIT;
	struct safetensors *file;
	struct model *model;
	char path[512];

	synthesise("sd15_unet_diffusers", "f16", "theirs.safetensors");
	snprintf(path, sizeof(path), "%s/theirs.safetensors", folder);
	model = open_one(MODEL_UNET, "theirs.safetensors");
	file = safetensors_open(path, &e);
	ck_assert_ok(file, &e);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct parameter *parameter = model_parameter(model, pairs[i].own);
		const struct safetensors_tensor *tensor = safetensors_find(file, pairs[i].theirs);

		ck_assert_msg(parameter && tensor && parameter->size_bytes == tensor->size_bytes, "%s", pairs[i].own);
		ck_assert_mem_eq(harness_bytes(&parameter->resting), tensor->bytes, tensor->size_bytes);
	}
	safetensors_close(file);
	model_free(model);
}
END_TEST

/* ---- GGUF ---- */

static void make_gguf(const char *family, const char *dtype, const char *quant, const char *file)
{
	synthesise(family, dtype, "plain.safetensors");
	residency("convert '%s/plain.safetensors' --dtype %s --architecture flux --out '%s/%s'", folder, quant, folder, file);
}

START_TEST(a_gguf_model_rests_in_its_files_blocks)
{
	struct error e = ERROR_INIT;
	struct gguf *file;
	struct model *model;
	char path[512];
	size_t quantised = 0;

	make_gguf("flux", "f16", "Q4_1", "mine.gguf");
	snprintf(path, sizeof(path), "%s/mine.gguf", folder);
	model = open_one(MODEL_UNET, "mine.gguf");
	file = gguf_open(path, &e);
	ck_assert_ok(file, &e);
	for (size_t i = 0; i < model->parameter_count; i++) {
		const struct parameter *parameter = &model->parameters[i];
		const struct gguf_tensor *tensor = gguf_find(file, parameter->name);

		ck_assert_ptr_nonnull(tensor);
		ck_assert_uint_eq(parameter->size_bytes, tensor->size_bytes);
		ck_assert_uint_eq(model_parameter_element_count(parameter), gguf_element_count(tensor));
		ck_assert_mem_eq(harness_bytes(&parameter->resting), tensor->bytes, tensor->size_bytes);
		ck_assert(parameter->quantised == (tensor->type == QUANT_Q4_1));
		quantised += parameter->quantised;
	}
	ck_assert_uint_eq(quantised, 42);
	ck_assert(model->quantised);
	gguf_close(file);
	model_free(model);
}
END_TEST

/* What `residency plan` says beforehand is what the engine then has. */
START_TEST(the_plan_of_a_gguf_file_has_the_sizes_of_the_loaded_model)
{
	struct error e = ERROR_INIT;
	struct block_list list;
	struct model *model;
	char path[512];
	size_t at = 0;

	make_gguf("flux", "bf16", "Q8_0", "mine.gguf");
	snprintf(path, sizeof(path), "%s/mine.gguf", folder);
	model = open_one(MODEL_UNET, "mine.gguf");
	ck_assert_ok(block_list_from_weights(&list, path, NULL, &e), &e);
	for (size_t i = 0; i < model->block_count; i++) {
		if (model->blocks[i].of_container)
			continue;
		ck_assert_str_eq(list.blocks[at].name + strlen("diffusion_model."), model->blocks[i].name);
		ck_assert_uint_eq(list.blocks[at].size_bytes, model->blocks[i].size_bytes);
		if (model->blocks[i].weight_size_bytes != UINT64_MAX)
			ck_assert_uint_eq(list.blocks[at].weight_size_bytes, model->blocks[i].weight_size_bytes);
		at++;
	}
	ck_assert_uint_eq(at, list.count);
	block_list_free(&list);
	model_free(model);
}
END_TEST

START_TEST(vectors_of_bf16_in_gguf_become_floats_when_they_are_loaded)
{
	struct error e = ERROR_INIT;
	const struct parameter *bias;
	const struct safetensors_tensor *tensor;
	struct safetensors *file;
	struct model *model;
	char path[512];

	make_gguf("flux", "bf16", "Q8_0", "mine.gguf");
	snprintf(path, sizeof(path), "%s/plain.safetensors", folder);
	file = safetensors_open(path, &e);
	ck_assert_ok(file, &e);
	tensor = safetensors_find(file, "img_in.bias");
	model = open_one(MODEL_UNET, "mine.gguf");
	bias = model_parameter(model, "img_in.bias");
	ck_assert_int_eq(bias->dtype, DTYPE_F32);
	ck_assert(!bias->quantised);
	for (size_t i = 0; i < tensor->element_count; i++) {
		uint16_t code;

		memcpy(&code, tensor->bytes + 2 * i, sizeof(code));
		ck_assert(((const float *)harness_bytes(&bias->resting))[i] == dtype_bf16_to_f32(code));
	}
	safetensors_close(file);
	model_free(model);
}
END_TEST

START_TEST(blocks_that_nothing_turns_into_numbers_are_refused_when_they_are_loaded)
{
	struct model_source source = { .kind = MODEL_UNET, .files = { "strange.gguf" }, .file_count = 1 };

	make_gguf("flux", "bf16", "Q8_0", "mine.gguf");
	harness_relayout(folder, "strange-blocks", "mine.gguf", "strange.gguf");
	assert_fails(&source, ERROR_UNSUPPORTED, "double_blocks.0.img_mlp.0.weight is of type Q1_0");
}
END_TEST

/* Blocks in diffusers' layout, and vectors that become floats on the way: planned as they will be loaded, and the same model. */
START_TEST(a_quantised_file_of_diffusers_is_the_same_model)
{
	static const char *const files[] = { "own", "theirs" };
	struct error e = ERROR_INIT;
	struct block_list list;
	struct model *model;
	char path[512];

	synthesise("flux", "bf16", "mine.safetensors");
	harness_relayout(folder, "plain", "mine.safetensors", "own.safetensors");
	harness_relayout(folder, "flux-diffusers", "mine.safetensors", "theirs.safetensors");
	for (size_t i = 0; i < 2; i++)
		residency("convert '%s/%s.safetensors' --dtype Q8_0 --architecture flux --out '%s/%s.gguf'", folder, files[i],
			  folder, files[i]);
	snprintf(path, sizeof(path), "%s/theirs.gguf", folder);
	model = open_one(MODEL_UNET, "theirs.gguf");
	ck_assert_ok(block_list_from_weights(&list, path, NULL, &e), &e);
	ck_assert(model_parameter(model, "double_blocks.0.img_attn.qkv.weight")->quantised);
	for (size_t i = 0; i < model->block_count; i++)
		ck_assert_uint_eq(list.blocks[i].size_bytes, model->blocks[i].size_bytes);
	block_list_free(&list);
	assert_same(open_one(MODEL_UNET, "own.gguf"), model);
}
END_TEST

START_TEST(llama_cpps_order_of_heads_is_undone)
{
	synthesise("llama3", "f16", "mine.safetensors");
	harness_relayout(folder, "llama-cpp", "mine.safetensors", "theirs.gguf");
	assert_same(open_one(MODEL_CLIP, "mine.safetensors"), open_one(MODEL_CLIP, "theirs.gguf"));
}
END_TEST

START_TEST(heads_that_cannot_have_been_interleaved_are_refused)
{
	struct model_source source = { .kind = MODEL_CLIP, .files = { "thin.gguf" }, .file_count = 1 };

	synthesise("llama3", "f16", "mine.safetensors");
	harness_relayout(folder, "llama-thin", "mine.safetensors", "thin.gguf");
	assert_fails(&source, ERROR_FORMAT, "heads of an even number of rows");
}
END_TEST

START_TEST(elements_smaller_than_a_byte_are_refused_when_they_are_loaded)
{
	struct model_source source = { .kind = MODEL_UNET, .files = { "packed.safetensors" }, .file_count = 1 };

	synthesise("flux", "f16", "mine.safetensors");
	harness_relayout(folder, "one-of-f4", "mine.safetensors", "packed.safetensors");
	assert_fails(&source, ERROR_UNSUPPORTED, "txt_in.weight has elements of type F4");
}
END_TEST

/* Everything is as it was, but the patch embedding, which ComfyUI-GGUF makes floats. */
START_TEST(a_vision_tower_of_its_own_joins_its_text_encoder)
{
	struct model *own;
	struct model *theirs;

	synthesise("qwen2.5_vl", "f16", "mine.safetensors");
	harness_relayout(folder, "qwen-gguf", "mine.safetensors", "towers");
	own = open_one(MODEL_CLIP, "mine.safetensors");
	theirs = open_one(MODEL_CLIP, "towers/Small-VL-Q8_0.gguf");
	ck_assert_uint_eq(own->parameter_count, theirs->parameter_count);
	for (size_t i = 0; i < own->parameter_count; i++) {
		const struct parameter *x = &own->parameters[i];
		const struct parameter *y = &theirs->parameters[i];
		const uint16_t *codes = harness_bytes(&x->resting);
		const float *floats = harness_bytes(&y->resting);

		ck_assert_str_eq(x->name, y->name);
		if (x->rank != 5) {
			ck_assert_uint_eq(x->size_bytes, y->size_bytes);
			ck_assert_msg(memcmp(harness_bytes(&x->resting), harness_bytes(&y->resting), x->size_bytes) == 0,
				      "%s differs", x->name);
			continue;
		}
		ck_assert_int_eq(y->dtype, DTYPE_F32);
		for (size_t j = 0; j < model_parameter_element_count(x); j++)
			ck_assert(floats[j] == dtype_f16_to_f32(codes[j]));
	}
	model_free(own);
	model_free(theirs);
}
END_TEST

START_TEST(a_text_encoder_without_its_tower_says_which_file_is_missing)
{
	struct model_source source = { .kind = MODEL_CLIP, .files = { "towers/Small-VL-Q8_0.gguf" }, .file_count = 1 };
	char path[512];

	synthesise("qwen2.5_vl", "f16", "mine.safetensors");
	harness_relayout(folder, "qwen-gguf", "mine.safetensors", "towers");
	snprintf(path, sizeof(path), "%s/towers/Small-VL.mmproj-F16.gguf", folder);
	ck_assert_int_eq(remove(path), 0);
	assert_fails(&source, ERROR_MISSING, "mmproj");
}
END_TEST

/* A name alone makes a synthetic model: of any type on the simulator, elsewhere of those that can be written. */
START_TEST(a_synthetic_gguf_model_has_the_size_that_its_name_says)
{
	struct model_source source = { .kind = MODEL_UNET, .files = { "flux1-dev-Q4_K_S.gguf" }, .file_count = 1 };
	struct error e = ERROR_INIT;
	struct machine *simulator = fixture_machine(&sim_backend, "2x3090-nvlink.json", &e);
	struct model *model = open_on(simulator, &source, &e);
	const struct parameter *weight;

	ck_assert_ok(model, &e);
	weight = model_parameter(model, "double_blocks.0.img_attn.qkv.weight");
	ck_assert_uint_eq(weight->size_bytes, UINT64_C(9216) * 3072 / 256 * 144);
	ck_assert_uint_eq(model_parameter(model, "img_in.bias")->size_bytes, 3072 * 4);
	model_free(model);
	machine_close(simulator);
	source.files[0] = "flux1-small-Q4_K_S.gguf";
	assert_fails(&source, ERROR_UNSUPPORTED, "Q8_0");
}
END_TEST

/* ---- fp8 with scales ---- */

START_TEST(a_scale_that_a_file_lacks_is_one)
{
	const struct parameter *scale;
	struct model *model;

	synthesise("flux", "fp8_scaled", "scaled.safetensors");
	harness_relayout(folder, "no-scales", "scaled.safetensors", "bare.safetensors");
	model = open_one(MODEL_UNET, "bare.safetensors");
	scale = model_parameter(model, "double_blocks.1.txt_mlp.2.scale_weight");
	ck_assert_ptr_nonnull(scale);
	ck_assert(*(const float *)harness_bytes(&scale->resting) == 1.0F);
	model_free(model);
}
END_TEST

START_TEST(of_two_text_encoders_only_the_one_with_scales_has_them)
{
	struct model_source source = {
		.kind = MODEL_CLIP, .files = { "clip_l.safetensors", "t5.safetensors" }, .file_count = 2, .type = "flux"
	};
	struct error e = ERROR_INIT;
	struct model *model;

	synthesise("clip_l", "f16", "clip_l.safetensors");
	synthesise("t5", "fp8_scaled", "t5.safetensors");
	model = open_on(machine, &source, &e);
	ck_assert_ok(model, &e);
	ck_assert_ptr_nonnull(model_parameter(model, "t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.scale_weight"));
	ck_assert_ptr_null(
		model_parameter(model, "clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj.scale_weight"));
	model_free(model);
	source.through_gguf = true;
	assert_fails(&source, ERROR_UNSUPPORTED, "scales");
}
END_TEST

START_TEST(parts_of_one_weight_must_be_of_one_type)
{
	struct model_source source = { .kind = MODEL_UNET, .files = { "mixed.safetensors" }, .file_count = 1 };

	synthesise("flux", "f16", "mine.safetensors");
	harness_relayout(folder, "flux-diffusers", "mine.safetensors", "theirs.safetensors");
	harness_relayout(folder, "one-of-f32", "theirs.safetensors", "mixed.safetensors");
	assert_fails(&source, ERROR_UNSUPPORTED, "of different types");
}
END_TEST

HARNESS_SUITE(layouts_suite)
{
	const TTest *const claims[] = {
		a_flux_of_diffusers_is_the_same_model,
		a_folder_of_shards_is_the_same_model,
		the_plan_of_shards_is_that_of_the_whole_file,
		a_folder_with_nothing_in_it_says_what_it_should_hold,
		a_clip_g_of_open_clip_is_the_same_model,
		an_sdxl_checkpoint_gives_all_three_models,
		a_unet_of_diffusers_has_its_tensors_under_upstreams_names,
		a_gguf_model_rests_in_its_files_blocks,
		the_plan_of_a_gguf_file_has_the_sizes_of_the_loaded_model,
		vectors_of_bf16_in_gguf_become_floats_when_they_are_loaded,
		blocks_that_nothing_turns_into_numbers_are_refused_when_they_are_loaded,
		a_quantised_file_of_diffusers_is_the_same_model,
		llama_cpps_order_of_heads_is_undone,
		heads_that_cannot_have_been_interleaved_are_refused,
		elements_smaller_than_a_byte_are_refused_when_they_are_loaded,
		a_vision_tower_of_its_own_joins_its_text_encoder,
		a_text_encoder_without_its_tower_says_which_file_is_missing,
		a_synthetic_gguf_model_has_the_size_that_its_name_says,
		a_scale_that_a_file_lacks_is_one,
		of_two_text_encoders_only_the_one_with_scales_has_them,
		parts_of_one_weight_must_be_of_one_type,
	};
	Suite *suite = suite_create("layouts");

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	return suite;
}
