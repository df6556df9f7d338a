/* What adapters do to weights, and how they are found in a file. (Bits are compared in part numerics, with upstream's.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"
#include "tests/patch/small.h"

static struct small small;
static struct model *model;

static const float ones[64] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
static const float two_pairs[4] = { 1, 2, 3, 4 };

static void make(void)
{
	const struct parameter_description parameters[] = {
		{ .name = "m.weight", .dtype = DTYPE_F32, .rank = 2, .shape = { 4, 4 }, .bytes = ones },
		{ .name = "m.bias", .dtype = DTYPE_F32, .rank = 1, .shape = { 4 }, .bytes = ones },
		{ .name = "half.weight", .dtype = DTYPE_F8_E4M3, .rank = 2, .shape = { 4, 4 }, .bytes = NULL },
		{ .name = "final_layer.adaLN_modulation.1.weight",
		  .dtype = DTYPE_F32,
		  .rank = 2,
		  .shape = { 4, 1 },
		  .bytes = ones },
		{ .name = "double_blocks.0.img_attn.qkv.weight",
		  .dtype = DTYPE_F32,
		  .rank = 2,
		  .shape = { 3, 1 },
		  .bytes = ones },
	};

	small_open(&small, harness_backend);
	model = small_model(&small, parameters, ARRAY_SIZE(parameters));
}

static void unmake(void)
{
	model_free(model);
	small_close(&small);
}

static const float *values(size_t parameter)
{
	return harness_bytes(&model->parameters[parameter].resting);
}

static void apply(const struct safetensors_entry *entries, size_t count, size_t parameter, double strength)
{
	struct error e = ERROR_INIT;
	struct one one;

	one_begin(&one, model, small_lora(&small, entries, count), strength);
	ck_assert_uint_eq(one.use.match->unused_count, 0);
	ck_assert_ok(patch_parameter(model, parameter, &one.list, &e), &e);
	one_end(&one);
}

/* Its words, where it is refused. */
static void refuse(const struct safetensors_entry *entries, size_t count, size_t parameter, const char *said)
{
	struct error e = ERROR_INIT;
	struct one one;

	one_begin(&one, model, small_lora(&small, entries, count), 1);
	ck_assert(!patch_parameter(model, parameter, &one.list, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_msg(strstr(e.text, said), "%s does not say %s", e.text, said);
	one_end(&one);
}

START_TEST(a_difference_is_added_with_its_strength)
{
	const struct safetensors_entry entries[] = { { "diffusion_model.m.diff", DTYPE_F32, 2, SHAPE(4, 4), ones },
						     { "diffusion_model.m.diff_b", DTYPE_F32, 1, SHAPE(4), two_pairs } };

	apply(entries, 2, 0, 0.5);
	ck_assert_float_eq(values(0)[5], 1.5F);
	apply(entries, 2, 1, 0.5);
	ck_assert_float_eq(values(1)[3], 3.0F);
}
END_TEST

START_TEST(a_set_weight_takes_the_place_whatever_the_strength)
{
	static const float set[16] = { 7 };
	const struct safetensors_entry entry = { "lora_unet_m.set_weight", DTYPE_F32, 2, SHAPE(4, 4), set };

	apply(&entry, 1, 0, 0.25);
	ck_assert_float_eq(values(0)[0], 7);
	ck_assert_float_eq(values(0)[1], 0);
}
END_TEST

START_TEST(of_two_changes_to_one_weight_in_a_file_the_later_kind_counts)
{
	static const float set[16] = { 7 };
	const struct safetensors_entry entries[] = { { "diffusion_model.m.diff", DTYPE_F32, 2, SHAPE(4, 4), ones },
						     { "diffusion_model.m.set_weight", DTYPE_F32, 2, SHAPE(4, 4), set } };

	apply(entries, 2, 0, 1);
	ck_assert_float_eq(values(0)[0], 7);
}
END_TEST

START_TEST(a_kronecker_product_of_whole_sides_ignores_alpha)
{
	static const float alpha = 100;
	static const float side[4] = { 1, 0, 0, 1 };
	const struct safetensors_entry entries[] = { { "diffusion_model.m.lokr_w1", DTYPE_F32, 2, SHAPE(2, 2), side },
						     { "diffusion_model.m.lokr_w2", DTYPE_F32, 2, SHAPE(2, 2), two_pairs },
						     { "diffusion_model.m.alpha", DTYPE_F32, 0, NULL, &alpha } };

	apply(entries, 3, 0, 1);
	ck_assert_float_eq(values(0)[0], 2);
	ck_assert_float_eq(values(0)[5], 5);
	ck_assert_float_eq(values(0)[2], 1);
	ck_assert_float_eq(values(0)[10], 2);
}
END_TEST

START_TEST(rows_of_a_fused_product_are_changed_alone)
{
	static const float one = 1;
	const struct safetensors_entry entries[] = {
		{ "transformer.transformer_blocks.0.attn.to_k.lora_B.weight", DTYPE_F32, 2, SHAPE(1, 1), &one },
		{ "transformer.transformer_blocks.0.attn.to_k.lora_A.weight", DTYPE_F32, 2, SHAPE(1, 1), &one }
	};

	apply(entries, 2, 4, 3);
	ck_assert_float_eq(values(4)[0], 1);
	ck_assert_float_eq(values(4)[1], 4);
	ck_assert_float_eq(values(4)[2], 1);
}
END_TEST

START_TEST(swapped_halves_go_to_the_other_half)
{
	static const float one = 1;
	const struct safetensors_entry entries[] = {
		{ "transformer.norm_out.linear.lora_B.weight", DTYPE_F32, 2, SHAPE(4, 1), two_pairs },
		{ "transformer.norm_out.linear.lora_A.weight", DTYPE_F32, 2, SHAPE(1, 1), &one }
	};

	apply(entries, 2, 3, 1);
	ck_assert_float_eq(values(3)[0], 4);
	ck_assert_float_eq(values(3)[2], 2);
}
END_TEST

START_TEST(a_weight_is_padded_to_the_shape_that_a_file_asks_for_and_restored_to_its_own)
{
	static const int64_t shape[2] = { 4, 6 };
	const struct safetensors_entry entries[] = { { "lora_unet_m.reshape_weight", DTYPE_I64, 1, SHAPE(2), shape },
						     { "lora_unet_m.lora_up.weight", DTYPE_F32, 2, SHAPE(4, 1), ones },
						     { "lora_unet_m.lora_down.weight", DTYPE_F32, 2, SHAPE(1, 6), ones } };
	struct patch_backup backup;
	struct error e = ERROR_INIT;
	uint64_t size_bytes = model->size_bytes;

	ck_assert_ok(patch_keep(model, 0, &backup, &e), &e);
	apply(entries, 3, 0, 1);
	ck_assert_int_eq(model->parameters[0].shape[1], 6);
	ck_assert_float_eq(values(0)[3], 2);
	ck_assert_float_eq(values(0)[4], 1);
	ck_assert_uint_eq(model->size_bytes, size_bytes + 8 * sizeof(float));
	ck_assert_uint_eq(model->bytes_on[0], model->size_bytes);
	ck_assert_ok(patch_restore(model, 0, &backup, &e), &e);
	ck_assert_int_eq(model->parameters[0].shape[1], 4);
	ck_assert_mem_eq(values(0), ones, 16 * sizeof(float));
	ck_assert_uint_eq(model->bytes_on[0], size_bytes);
}
END_TEST

/* Each of the two sizes would pass alone; together they are a thousand times the weight. */
START_TEST(a_weight_is_not_made_so_large_that_no_file_can_mean_it)
{
	static const int64_t shape[2] = { 128, 128 };
	const struct safetensors_entry entries[] = { { "lora_unet_m.reshape_weight", DTYPE_I64, 1, SHAPE(2), shape },
						     { "lora_unet_m.lora_up.weight", DTYPE_F32, 2, SHAPE(4, 1), ones },
						     { "lora_unet_m.lora_down.weight", DTYPE_F32, 2, SHAPE(1, 4), ones } };

	refuse(entries, 3, 0, "would make diffusion_model.m.weight 128 where it is 4");
}
END_TEST

START_TEST(a_weight_is_not_made_smaller)
{
	static const int64_t shape[2] = { 4, 2 };
	const struct safetensors_entry entries[] = { { "lora_unet_m.reshape_weight", DTYPE_I64, 1, SHAPE(2), shape },
						     { "lora_unet_m.lora_up.weight", DTYPE_F32, 2, SHAPE(4, 1), ones },
						     { "lora_unet_m.lora_down.weight", DTYPE_F32, 2, SHAPE(1, 2), ones } };

	refuse(entries, 3, 0, "would make diffusion_model.m.weight 2 where it is 4");
}
END_TEST

START_TEST(what_does_not_fit_is_told_with_file_tensor_offset_and_both_shapes)
{
	const struct safetensors_entry entry = { "diffusion_model.m.diff", DTYPE_F32, 2, SHAPE(2, 4), ones };

	refuse(&entry, 1, 0, "lora.safetensors: diffusion_model.m.diff, at byte ");
	refuse(&entry, 1, 0, "is [2 x 4] and does not fit diffusion_model.m.weight [4 x 4]");
}
END_TEST

START_TEST(every_kind_refuses_tensors_that_do_not_fit)
{
	static const struct {
		const char *names[4];
		int64_t sides[4][2];
	} misfits[] = {
		{ { ".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b" }, { { 4, 1 }, { 2, 4 }, { 4, 1 }, { 1, 4 } } },
		{ { ".lokr_w1", ".lokr_w2" }, { { 2, 2 }, { 2, 3 } } },
		{ { ".lokr_w1_a", ".lokr_w2" }, { { 2, 2 }, { 2, 2 } } },
		{ { ".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight" }, { { 4, 1 }, { 1, 3 }, { 4, 1 }, { 1, 4 } } },
		{ { ".lora_up.weight", ".lora_down.weight" }, { { 4, 1 }, { 2, 4 } } },
		{ { ".set_weight" }, { { 2, 4 } } },
		{ { ".w_norm" }, { { 2, 4 } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(misfits); i++) {
		struct safetensors_entry entries[4];
		char names[4][60];
		size_t count = 0;

		for (; count < 4 && misfits[i].names[count]; count++) {
			snprintf(names[count], sizeof(names[0]), "diffusion_model.m%s", misfits[i].names[count]);
			entries[count] =
				(struct safetensors_entry) { names[count], DTYPE_F32, 2, misfits[i].sides[count], ones };
		}
		refuse(entries, count, 0, "m.weight");
	}
}
END_TEST

START_TEST(by_upstreams_rules_what_does_not_fit_is_left_out)
{
	const struct safetensors_entry entry = { "diffusion_model.m.diff", DTYPE_F32, 2, SHAPE(2, 4), ones };
	struct error e = ERROR_INIT;
	struct one one;

	one_begin(&one, model, small_lora(&small, &entry, 1), 1);
	one.list.rules = &patch_rules_upstream;
	ck_assert_ok(patch_parameter(model, 0, &one.list, &e), &e);
	ck_assert_mem_eq(values(0), ones, 16 * sizeof(float));
	one_end(&one);
}
END_TEST

START_TEST(one_factor_of_two_is_refused_when_the_file_is_matched)
{
	const struct safetensors_entry entry = { "diffusion_model.m.lora_up.weight", DTYPE_F32, 2, SHAPE(4, 1), ones };
	struct lora_file *lora = small_lora(&small, &entry, 1);
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(lora_match(lora, model, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "diffusion_model.m.lora_down.weight"));
	lora_close(lora);
}
END_TEST

START_TEST(tensors_that_mean_nothing_are_named)
{
	const struct safetensors_entry entries[] = { { "diffusion_model.m.diff", DTYPE_F32, 2, SHAPE(4, 4), ones },
						     { "diffusion_model.n.diff", DTYPE_F32, 2, SHAPE(4, 4), ones },
						     { "diffusion_model.m.strange", DTYPE_F32, 2, SHAPE(4, 4), ones } };
	struct one one;

	one_begin(&one, model, small_lora(&small, entries, 3), 1);
	ck_assert_uint_eq(one.use.match->count, 1);
	ck_assert_uint_eq(one.use.match->unused_count, 2);
	ck_assert_str_eq(one.use.match->unused[0], "diffusion_model.n.diff");
	one_end(&one);
}
END_TEST

START_TEST(an_fp8_weight_is_rounded_by_chance_to_the_same_bytes_each_time)
{
	static const float small_step[16] = { 0.01F, 0.3F, 0.7F, 1.1F, 2.3F };
	const struct safetensors_entry entry = { "diffusion_model.half.diff", DTYPE_F32, 2, SHAPE(4, 4), small_step };
	struct patch_backup backup;
	struct error e = ERROR_INIT;
	uint8_t first[16];

	ck_assert_ok(patch_keep(model, 2, &backup, &e), &e);
	apply(&entry, 1, 2, 1);
	memcpy(first, values(2), sizeof(first));
	ck_assert_ok(patch_restore(model, 2, &backup, &e), &e);
	apply(&entry, 1, 2, 1);
	ck_assert_mem_eq(values(2), first, sizeof(first));
}
END_TEST

HARNESS_SUITE(kinds_suite)
{
	const TTest *const claims[] = {
		a_difference_is_added_with_its_strength,
		a_set_weight_takes_the_place_whatever_the_strength,
		of_two_changes_to_one_weight_in_a_file_the_later_kind_counts,
		a_kronecker_product_of_whole_sides_ignores_alpha,
		rows_of_a_fused_product_are_changed_alone,
		swapped_halves_go_to_the_other_half,
		a_weight_is_not_made_so_large_that_no_file_can_mean_it,
		a_weight_is_padded_to_the_shape_that_a_file_asks_for_and_restored_to_its_own,
		a_weight_is_not_made_smaller,
		what_does_not_fit_is_told_with_file_tensor_offset_and_both_shapes,
		every_kind_refuses_tensors_that_do_not_fit,
		by_upstreams_rules_what_does_not_fit_is_left_out,
		one_factor_of_two_is_refused_when_the_file_is_matched,
		tensors_that_mean_nothing_are_named,
		an_fp8_weight_is_rounded_by_chance_to_the_same_bytes_each_time,
	};
	Suite *suite = suite_create("kinds");

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	return suite;
}
