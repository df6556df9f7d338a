/* A model of GGUF's blocks: its bytes never change, patches go into what they become, and DisTorch V1 deals its layers out. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/convert/quantise.h"
#include "core/tensor/dtype/rounding.h"
#include "core/plan/place/plan_model.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"
#include "tests/manager/flux.h"

static struct flux_scene scene;

static void make(void)
{
	flux_make(&scene, harness_backend, "flux1-small-Q5_0.gguf", &policy_strict);
}

static void unmake(void)
{
	flux_unmake(&scene);
}

START_TEST(a_lora_gives_the_same_bits_wherever_blocks_wait_and_whoevers_rules_it_is)
{
	static const struct policy *const policies_tried[] = { &policy_strict, &policy_stock, &policy_eject_donor };
	static const double budgets[] = { ALL_MEMORY, 1e6, 0.1 };
	struct error e = ERROR_INIT;
	char plain[VALUES_HASH_MAX];
	char first[VALUES_HASH_MAX];
	char other[VALUES_HASH_MAX];
	size_t cast;

	flux_load_and_sample(&scene, scene.base, ALL_MEMORY, &cast, plain);
	flux_load_and_sample(&scene, scene.with_lora, ALL_MEMORY, &cast, first);
	ck_assert_str_ne(first, plain);
	for (size_t i = 0; i < ARRAY_SIZE(policies_tried); i++) {
		scene.manager->policy = policies_tried[i];
		for (size_t j = 0; j < ARRAY_SIZE(budgets); j++) {
			ck_assert_ok(place_detach(scene.with_lora, &e), &e);
			flux_load_and_sample(&scene, scene.with_lora, budgets[j], &cast, other);
			ck_assert(j == 0 || cast > 0);
			ck_assert_str_eq(first, other);
		}
	}
}
END_TEST

START_TEST(no_patch_changes_a_byte_of_a_block)
{
	const struct model *model = patcher_model(scene.base);
	uint64_t before = flux_hash_weights(model);
	char ignored[VALUES_HASH_MAX];
	size_t cast;

	flux_load_and_sample(&scene, scene.with_lora, ALL_MEMORY, &cast, ignored);
	ck_assert_uint_eq(flux_hash_weights(model), before);
	ck_assert_uint_eq(patcher_inner(scene.base)->backup_count, 0);
}
END_TEST

/* w + change, where w is what the blocks become in the pass's type, and the change is formed in float32 and rounded to it. */
START_TEST(the_change_is_formed_in_single_precision_and_added_in_the_type_of_the_pass)
{
	const struct model *model = patcher_model(scene.base);
	const struct patch_list list = patcher_patches(scene.with_lora);
	size_t index = (size_t)(model_parameter(model, "double_blocks.1.img_mlp.2.weight") - model->parameters);
	const struct parameter *parameter = &model->parameters[index];
	size_t count = model_parameter_element_count(parameter);
	float *values = array_new(count, sizeof(float), NULL);
	float *patched = array_new(count, sizeof(float), NULL);
	struct weight_values zeros = { .values = array_new(count, sizeof(float), NULL),
				       .dtype = DTYPE_F32,
				       .rank = 2,
				       .shape = { parameter->shape[0], parameter->shape[1] } };
	struct error e = ERROR_INIT;
	size_t changed = 0;

	ck_assert(parameter->quantised);
	ck_assert_ok(convert_dequantise(QUANT_Q5_0, QUANT_HALF, harness_bytes(&parameter->resting), values, count, &e), &e);
	ck_assert_ok(patch_weight(&list, index, &zeros, DTYPE_F32, &e), &e);
	ck_assert_ok(patch_copy(model, index, &list, DTYPE_BF16, harness_bytes(&parameter->resting), patched, &e), &e);
	for (size_t i = 0; i < count; i++) {
		float weight = round_value(DTYPE_BF16, values[i]);

		ck_assert(patched[i] == round_value(DTYPE_BF16, weight + round_value(DTYPE_BF16, zeros.values[i])));
		changed += patched[i] != weight;
	}
	ck_assert_uint_gt(changed, count / 2);
	free(values);
	free(patched);
	free(zeros.values);
}
END_TEST

/* ---- DisTorch V1 ---- */

#define DEALT "cuda:0,0.5;cuda:1,0.5"

/* Where the V1 planner puts each block of the load list. */
static unsigned *plan_by_v1(const struct model *model, const char *allocation)
{
	unsigned *device_of = array_new(model->block_count, sizeof(*device_of), NULL);
	struct error e = ERROR_INIT;

	ck_assert_ok(plan_model(model, scene.topology, allocation, plan_rules_find("V1"), 1, device_of, &e), &e);
	return device_of;
}

static size_t count_misplaced(const struct model *model, const unsigned *device_of)
{
	size_t count = 0;

	for (size_t i = 0; i < model->block_count; i++)
		count += !model->blocks[i].of_container && model->blocks[i].device != device_of[i];
	return count;
}

START_TEST(layers_are_dealt_out_after_a_load_and_count_as_loaded)
{
	struct inner *inner = patcher_inner(scene.base);
	const struct model *model = inner->model;
	struct error e = ERROR_INIT;
	char plain[VALUES_HASH_MAX];
	char dealt[VALUES_HASH_MAX];
	unsigned *device_of;
	size_t cast;

	scene.manager->policy = &policy_delegate;
	flux_load_and_sample(&scene, scene.base, ALL_MEMORY, &cast, plain);
	ck_assert_ok(place_detach(scene.base, &e), &e);
	ck_assert_ok(place_set_legacy_allocation(inner, DEALT, &e), &e);
	ck_assert_ptr_null(place_allocation(inner));
	flux_load_and_sample(&scene, scene.base, ALL_MEMORY, &cast, dealt);
	device_of = plan_by_v1(model, DEALT);
	ck_assert_uint_eq(count_misplaced(model, device_of), 0);
	ck_assert_uint_gt(model->bytes_on[2], model->size_bytes / 4);
	ck_assert_uint_eq(inner->loaded_bytes, model->size_bytes);
	ck_assert_str_eq(plain, dealt);
	ck_assert_ok(place_detach(scene.base, &e), &e);
	ck_assert_uint_eq(model->bytes_on[0], model->size_bytes);
	free(device_of);
}
END_TEST

START_TEST(a_string_of_each_generation_is_its_own)
{
	struct inner *inner = patcher_inner(scene.base);
	struct error e = ERROR_INIT;

	scene.manager->policy = &policy_delegate;
	ck_assert_ok(place_set_legacy_allocation(inner, DEALT, &e), &e);
	ck_assert_ok(place_set_allocation(inner, "#cuda:0;0.001;cpu", 0, &e), &e);
	ck_assert_str_eq(place_legacy_allocation(inner), DEALT);
	ck_assert_ok(place_set_allocation(inner, "", 0, &e), &e);
	ck_assert_ptr_null(place_allocation(inner));
	ck_assert_str_eq(place_legacy_allocation(inner), DEALT);
}
END_TEST

HARNESS_SUITE(quantised_suite)
{
	const TTest *const claims[] = {
		a_lora_gives_the_same_bits_wherever_blocks_wait_and_whoevers_rules_it_is,
		no_patch_changes_a_byte_of_a_block,
		the_change_is_formed_in_single_precision_and_added_in_the_type_of_the_pass,
		layers_are_dealt_out_after_a_load_and_count_as_loaded,
		a_string_of_each_generation_is_its_own,
	};
	Suite *suite = suite_create("quantised");

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	return suite;
}
