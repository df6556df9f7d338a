/* residency patch of files that other programs named and cut: the same LoRA makes of the same weights the same weights, to the bit,
 * whatever tensors they are in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static char *folder;

static void set_up(void)
{
	folder = harness_make_folder();
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static void synthesise(const char *recipe, const char *dtype, const char *file)
{
	free(run_text(0, "synth %s --small --seed 5 --dtype %s --out '%s/%s'", recipe, dtype, folder, file));
}

/* What a LoRA changes: a matrix of so many rows and columns, by its name there. */
struct adapted {
	const char *module;
	int64_t rows, columns;
};

#define LARGEST 1024
#define ADAPTED_MAX 8

/* Pairs of rank 1 with numbers that no row has twice. */
static void write_lora(const char *file, const struct adapted *adapted, size_t count)
{
	static float up[LARGEST];
	static float down[LARGEST];
	static int64_t shapes[2 * ADAPTED_MAX][2];
	static char names[2 * ADAPTED_MAX][160];
	struct safetensors_entry entries[2 * ADAPTED_MAX];
	struct error e = ERROR_INIT;
	char path[300];

	for (size_t i = 0; i < LARGEST; i++) {
		up[i] = (float)(i % 37) / 64 - 0.25F + (float)i / 4096;
		down[i] = (float)(i % 29) / 32 - 0.4F;
	}
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_le(adapted[i].rows, LARGEST);
		memcpy(shapes[2 * i], (const int64_t[]) { adapted[i].rows, 1 }, sizeof(shapes[0]));
		memcpy(shapes[2 * i + 1], (const int64_t[]) { 1, adapted[i].columns }, sizeof(shapes[0]));
		snprintf(names[2 * i], sizeof(names[0]), "%s.lora_up.weight", adapted[i].module);
		snprintf(names[2 * i + 1], sizeof(names[0]), "%s.lora_down.weight", adapted[i].module);
		entries[2 * i] = (struct safetensors_entry) { names[2 * i], DTYPE_F32, 2, shapes[2 * i], up };
		entries[2 * i + 1] = (struct safetensors_entry) { names[2 * i + 1], DTYPE_F32, 2, shapes[2 * i + 1], down };
	}
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	ck_assert_ok(safetensors_write(path, entries, 2 * count, NULL, &e), &e);
}

static struct safetensors *open_file(const char *file)
{
	struct error e = ERROR_INIT;
	struct safetensors *opened;
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	opened = safetensors_open(path, &e);
	ck_assert_ok(opened, &e);
	return opened;
}

static void assert_same_files(const char *left, const char *right)
{
	struct safetensors *a = open_file(left);
	struct safetensors *b = open_file(right);

	ck_assert_uint_eq(safetensors_count(a), safetensors_count(b));
	for (size_t i = 0; i < safetensors_count(a); i++) {
		const struct safetensors_tensor *x = safetensors_tensor(a, i);
		const struct safetensors_tensor *y = safetensors_find(b, x->name);

		ck_assert_msg(y && x->dtype == y->dtype && x->size_bytes == y->size_bytes &&
				      memcmp(x->bytes, y->bytes, x->size_bytes) == 0,
			      "%s differs", x->name);
	}
	safetensors_close(a);
	safetensors_close(b);
}

static size_t patched(const char *model, const char *out, const char *more)
{
	json_t *told = run_json(0, "patch '%s/%s' --lora '%s/lora.safetensors:0.75' --out '%s/%s' --json %s", folder, model,
				folder, folder, out, more);
	size_t count = (size_t)json_integer_value(json_object_get(told, "patched"));
	const json_t *lora = json_array_get(json_object_get(told, "loras"), 0);

	ck_assert_uint_eq(json_array_size(json_object_get(lora, "unused")), 0);
	json_decref(told);
	return count;
}

/* Whole ones, thirds of one, one of three and a rest, and one whose halves change places. */
static const struct adapted of_flux[] = {
	{ "diffusion_model.double_blocks.0.img_attn.qkv", 384, 128 },
	{ "transformer.transformer_blocks.1.attn.to_k", 128, 128 },
	{ "diffusion_model.single_blocks.0.linear1", 896, 128 },
	{ "diffusion_model.final_layer.adaLN_modulation.1", 256, 128 },
	{ "diffusion_model.img_in", 128, 64 },
};

/* Thirds of a tensor, and one whose rows are columns. */
static const struct adapted of_clip_g[] = {
	{ "lora_te_text_model_encoder_layers_0_self_attn_q_proj", 32, 32 },
	{ "lora_te_text_model_encoder_layers_0_self_attn_v_proj", 32, 32 },
	{ "lora_te_text_model_encoder_layers_30_mlp_fc1", 64, 32 },
	{ "lora_te2_text_projection", 32, 32 },
};

static const struct layout_case {
	const char *recipe, *kind, *more;
	const struct adapted *adapted;
	size_t count, tensors; /* patched: of upstream's own, and of the other */
} layout_cases[] = {
	{ "flux", "flux-diffusers", "", of_flux, ARRAY_SIZE(of_flux), 3 + 3 + 4 + 1 + 1 },
	{ "flux", "flux-diffusers", "--dtype F32", of_flux, ARRAY_SIZE(of_flux), 3 + 3 + 4 + 1 + 1 },
	{ "flux", "flux-diffusers", "--dtype F8_E4M3", of_flux, ARRAY_SIZE(of_flux), 3 + 3 + 4 + 1 + 1 },
	{ "clip_g", "open-clip", "", of_clip_g, ARRAY_SIZE(of_clip_g), 3 },
};

START_TEST(what_another_program_cut_is_patched_as_upstreams_own)
{
	const struct layout_case *c = &layout_cases[_i];

	synthesise(c->recipe, "bf16", "own.safetensors");
	harness_relayout(folder, c->kind, "own.safetensors", "theirs.safetensors");
	write_lora("lora.safetensors", c->adapted, c->count);
	ck_assert_uint_eq(patched("own.safetensors", "own-patched.safetensors", c->more), c->count);
	ck_assert_uint_eq(patched("theirs.safetensors", "out.safetensors", c->more), c->tensors);
	harness_relayout(folder, c->kind, "own-patched.safetensors", "wanted.safetensors");
	assert_same_files("wanted.safetensors", "out.safetensors");
}
END_TEST

START_TEST(shards_of_diffusers_become_one_file_of_its_names)
{
	static const struct adapted adapted[] = { { "diffusion_model.double_blocks.1.txt_attn.qkv", 384, 128 } };

	synthesise("flux", "f16", "own.safetensors");
	harness_relayout(folder, "flux-diffusers", "own.safetensors", "theirs.safetensors");
	harness_relayout(folder, "shards", "theirs.safetensors", "transformer");
	write_lora("lora.safetensors", adapted, ARRAY_SIZE(adapted));
	ck_assert_uint_eq(patched("transformer", "out.safetensors", ""), 3);
	ck_assert_uint_eq(patched("theirs.safetensors", "wanted.safetensors", ""), 3);
	assert_same_files("wanted.safetensors", "out.safetensors");
}
END_TEST

/* The same modules by position: names on both sides are those of the published files. */
START_TEST(a_unet_of_diffusers_is_patched_as_upstreams_own)
{
	static const char *const names[][2] = {
		{ "time_embed.0.weight", "time_embedding.linear_1.weight" },
		{ "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight",
		  "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight" },
		{ "middle_block.1.transformer_blocks.0.attn2.to_out.0.weight",
		  "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0.weight" },
	};
	static const struct adapted adapted[] = {
		{ "diffusion_model.time_embed.0", 128, 32 },
		{ "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", 32, 32 },
		{ "diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_out.0", 64, 64 },
	};
	struct safetensors *own;
	struct safetensors *theirs;

	synthesise("sd15_unet --zeros", "f16", "own.safetensors");
	synthesise("sd15_unet_diffusers --zeros", "f16", "theirs.safetensors");
	write_lora("lora.safetensors", adapted, ARRAY_SIZE(adapted));
	ck_assert_uint_eq(patched("own.safetensors", "own-patched.safetensors", ""), 3);
	ck_assert_uint_eq(patched("theirs.safetensors", "out.safetensors", ""), 3);
	own = open_file("own-patched.safetensors");
	theirs = open_file("out.safetensors");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct safetensors_tensor *wanted = safetensors_find(own, names[i][0]);
		const struct safetensors_tensor *tensor = safetensors_find(theirs, names[i][1]);

		ck_assert_ptr_nonnull(tensor);
		ck_assert_uint_eq(tensor->size_bytes, wanted->size_bytes);
		ck_assert_mem_eq(tensor->bytes, wanted->bytes, wanted->size_bytes);
		ck_assert_uint_ne(wanted->bytes[0], 0);
	}
	safetensors_close(own);
	safetensors_close(theirs);
}
END_TEST

/* SDXL's second encoder is open_clip's in a file that has the rest as upstream has it. */
START_TEST(a_checkpoint_is_patched_in_all_its_models)
{
	static const struct adapted adapted[] = {
		{ "lora_te1_text_model_encoder_layers_0_self_attn_q_proj", 32, 32 },
		{ "lora_te2_text_model_encoder_layers_0_self_attn_k_proj", 32, 32 },
		{ "lora_unet_input_blocks_1_0_emb_layers_1", 32, 128 },
	};
	static const char in_proj[] = "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight";
	const struct safetensors_tensor *before;
	const struct safetensors_tensor *after;
	struct safetensors *from;
	struct safetensors *out;
	size_t third;

	synthesise("sdxl_base_checkpoint", "f16", "x.safetensors");
	write_lora("lora.safetensors", adapted, ARRAY_SIZE(adapted));
	ck_assert_uint_eq(patched("x.safetensors", "out.safetensors", ""), 3);
	from = open_file("x.safetensors");
	out = open_file("out.safetensors");
	before = safetensors_find(from, in_proj);
	after = safetensors_find(out, in_proj);
	third = before->size_bytes / 3;
	ck_assert_mem_eq(before->bytes, after->bytes, third);
	ck_assert_mem_ne(before->bytes + third, after->bytes + third, third);
	ck_assert_mem_eq(before->bytes + 2 * third, after->bytes + 2 * third, third);
	safetensors_close(from);
	safetensors_close(out);
}
END_TEST

HARNESS_SUITE(patch_layouts_suite)
{
	Suite *suite = suite_create("patch layouts");
	TCase *tests = tcase_create("patch layouts");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, what_another_program_cut_is_patched_as_upstreams_own, 0, ARRAY_SIZE(layout_cases));
	tcase_add_test(tests, shards_of_diffusers_become_one_file_of_its_names);
	tcase_add_test(tests, a_unet_of_diffusers_is_patched_as_upstreams_own);
	tcase_add_test(tests, a_checkpoint_is_patched_in_all_its_models);
	suite_add_tcase(suite, tests);
	return suite;
}
