/* What a file is by its name: real names that people have, their kinds, families, forms and sizes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/model/known/known.h"
#include "tests/harness/harness.h"

static struct known_file find(const char *name, enum known_kind kind)
{
	struct known_file found;
	struct error e = ERROR_INIT;

	ck_assert_ok(known_find(name, kind, &found, &e), &e);
	return found;
}

/* Sizes of the public files in GB, or in GiB where that is how they are published. */
static const struct {
	const char *name;
	enum known_kind kind;
	const char *title;
	double gb;
} published[] = {
	{ .name = "z_image_turbo_bf16.safetensors", .kind = KNOWN_DIFFUSION, .title = "Z-Image Turbo", .gb = 12.31 },
	{ .name = "flux1-schnell.safetensors", .kind = KNOWN_DIFFUSION, .title = "FLUX.1 schnell", .gb = 23.78 },
	{ .name = "FLUX\\flux1-dev.safetensors", .kind = KNOWN_DIFFUSION, .title = "FLUX.1", .gb = 23.80 },
	{ .name = "flux1-dev-fp8.safetensors", .kind = KNOWN_DIFFUSION, .title = "FLUX.1", .gb = 11.90 },
	{ .name = "qwen_image_edit_2511_bf16.safetensors", .kind = KNOWN_DIFFUSION, .title = "Qwen-Image-Edit", .gb = 40.86 },
	{ .name = "flux-2-klein-4b.safetensors", .kind = KNOWN_DIFFUSION, .title = "FLUX.2 Klein", .gb = 7.75 },
	{ .name = "Wan2.1\\wan2.1_vace_1.3B_fp16.safetensors",
	  .kind = KNOWN_DIFFUSION,
	  .title = "Wan 2.1 VACE 1.3B",
	  .gb = 4.31 },
	{ .name = "qwen_3_4b.safetensors", .kind = KNOWN_TEXT_ENCODER, .title = "Qwen3 4B", .gb = 8.04 },
	{ .name = "umt5_xxl_fp8_e4m3fn_scaled.safetensors", .kind = KNOWN_TEXT_ENCODER, .title = "UMT5 XXL", .gb = 6.70 },
	{ .name = "ae.safetensors", .kind = KNOWN_VAE, .title = "FLUX.1's autoencoder", .gb = 0.335 },
	{ .name = "sd_xl_base_1.0.safetensors", .kind = KNOWN_CHECKPOINT, .title = "SDXL", .gb = 6.94 },
	{ .name = "flux1-schnell-fp8.safetensors", .kind = KNOWN_CHECKPOINT, .title = "FLUX.1 schnell", .gb = 17.24 },
};

START_TEST(a_public_file_has_its_title_and_its_size_within_five_percent)
{
	for (size_t i = 0; i < ARRAY_SIZE(published); i++) {
		struct known_file found = find(published[i].name, published[i].kind);
		double gb = (double)found.size_bytes / 1e9;

		ck_assert_str_eq(found.title, published[i].title);
		ck_assert_int_eq(found.source, KNOWN_BY_TABLE);
		ck_assert_msg(fabs(gb - published[i].gb) < 0.05 * published[i].gb, "%s: %.2f GB", published[i].name, gb);
	}
}
END_TEST

START_TEST(the_form_is_what_the_name_states)
{
	ck_assert_str_eq(known_form_of("Wan2.2-T2V-A14B-LowNoise-Q4_K_M.gguf", DTYPE_BF16).name, "Q4_K");
	ck_assert(known_form_of("flux-2-klein-9b-Q8_0.gguf", DTYPE_BF16).in_blocks);
	ck_assert_str_eq(known_form_of("t5xxl_fp8_e4m3fn_scaled.safetensors", DTYPE_F16).name, "fp8");
	ck_assert(!known_form_of("Chroma1-HD.safetensors", DTYPE_BF16).stated);
	ck_assert_str_eq(known_form_of("Chroma1-HD.safetensors", DTYPE_BF16).name, "BF16");
}
END_TEST

START_TEST(a_name_that_no_row_has_is_a_guess_of_its_kind)
{
	struct known_file found = find("my_finetune_v3.safetensors", KNOWN_DIFFUSION);

	ck_assert_int_eq(found.source, KNOWN_BY_GUESS);
	ck_assert_str_eq(found.title, "diffusion model");
	ck_assert_uint_gt(found.size_bytes, GIB);
	/* Its parameters, where the name states them. */
	found = find("some-7b-model_bf16.safetensors", KNOWN_DIFFUSION);
	ck_assert_uint_eq(found.size_bytes, UINT64_C(14000000000));
}
END_TEST

START_TEST(a_checkpoint_of_no_known_name_is_of_the_commonest_two)
{
	struct known_file small = find("mix/someMix_v2.safetensors", KNOWN_CHECKPOINT);
	struct known_file large = find("someMixXL_v2.safetensors", KNOWN_CHECKPOINT);

	ck_assert_int_eq(small.source, KNOWN_BY_GUESS);
	ck_assert_uint_lt(small.size_bytes, large.size_bytes);
}
END_TEST

/* The kind of the loader decides: both are called so. */
START_TEST(a_name_means_what_its_loader_takes)
{
	ck_assert_str_eq(find("flux2-vae.safetensors", KNOWN_VAE).title, "FLUX.2's autoencoder");
	ck_assert_int_eq(find("flux1-dev-fp8.safetensors", KNOWN_CHECKPOINT).kind, KNOWN_CHECKPOINT);
	ck_assert_int_eq(known_kind_of_input("CLIPVisionLoader", "clip_name"), KNOWN_CLIP_VISION);
	ck_assert_int_eq(known_kind_of_input("CLIPLoaderMultiGPU", "clip_name"), KNOWN_TEXT_ENCODER);
	ck_assert_int_eq(known_kind_of_folder("unet"), KNOWN_DIFFUSION);
}
END_TEST

START_TEST(a_checkpoint_holds_models_of_three_kinds)
{
	struct known_file file = find("sd_xl_base_1.0.safetensors", KNOWN_CHECKPOINT);
	struct known_part part;
	struct error e = ERROR_INIT;
	uint64_t sum = 0;

	for (int kind = MODEL_UNET; kind <= MODEL_VAE; kind++) {
		ck_assert_ok(known_part_of(&file, (enum model_kind)kind, &part, &e), &e);
		ck_assert_int_eq(part.family->kind, kind);
		sum += part.size_bytes;
	}
	ck_assert_uint_eq(sum, file.size_bytes);
}
END_TEST

START_TEST(a_model_of_known_size_has_all_its_bytes_in_blocks)
{
	struct error e = ERROR_INIT;
	struct architecture a;
	void *config = family_config_new(&family_sized_diffusion, "{\"elements\":123456789,\"num_layers\":40}", &e);

	ck_assert_ok(config != NULL, &e);
	architecture_begin(&a, DTYPE_F8_E4M3, &e);
	family_sized_diffusion.describe(config, &a);
	ck_assert(architecture_ok(&a));
	ck_assert_uint_eq(architecture_size_bytes(&a), 123456789);
	ck_assert_uint_eq(a.block_count, 41);
	architecture_end(&a);
	free(config);
}
END_TEST

HARNESS_SUITE(known_suite)
{
	Suite *suite = suite_create("known");
	TCase *tcase = tcase_create("known");

	tcase_add_test(tcase, a_public_file_has_its_title_and_its_size_within_five_percent);
	tcase_add_test(tcase, the_form_is_what_the_name_states);
	tcase_add_test(tcase, a_name_that_no_row_has_is_a_guess_of_its_kind);
	tcase_add_test(tcase, a_checkpoint_of_no_known_name_is_of_the_commonest_two);
	tcase_add_test(tcase, a_name_means_what_its_loader_takes);
	tcase_add_test(tcase, a_checkpoint_holds_models_of_three_kinds);
	tcase_add_test(tcase, a_model_of_known_size_has_all_its_bytes_in_blocks);
	suite_add_tcase(suite, tcase);
	return suite;
}
