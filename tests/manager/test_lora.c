/* A clone with a LoRA: put into the weights where they are loaded, into copies where they are cast, and taken out to the byte. */
#include "core/base/array.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"
#include "tests/manager/flux.h"

static struct flux_scene scene;

static void make(void)
{
	flux_make(&scene, harness_backend, "flux1-small.safetensors", &policy_strict);
}

static void unmake(void)
{
	flux_unmake(&scene);
}

START_TEST(a_lora_gives_the_same_bits_loaded_whole_in_part_and_not_at_all)
{
	char whole[VALUES_HASH_MAX];
	char part[VALUES_HASH_MAX];
	char none[VALUES_HASH_MAX];
	char plain[VALUES_HASH_MAX];
	struct error e = ERROR_INIT;
	size_t cast;

	flux_load_and_sample(&scene, scene.with_lora, ALL_MEMORY, &cast, whole);
	ck_assert_uint_eq(cast, 0);
	ck_assert_ok(place_detach(scene.with_lora, &e), &e);
	flux_load_and_sample(&scene, scene.with_lora, 2e6, &cast, part);
	ck_assert_uint_gt(cast, 0);
	ck_assert_ok(place_detach(scene.with_lora, &e), &e);
	flux_load_and_sample(&scene, scene.with_lora, 0.1, &cast, none);
	ck_assert_ok(place_detach(scene.with_lora, &e), &e);
	flux_load_and_sample(&scene, scene.base, ALL_MEMORY, &cast, plain);
	ck_assert_str_eq(whole, part);
	ck_assert_str_eq(whole, none);
	ck_assert_str_ne(whole, plain);
}
END_TEST

START_TEST(upstream_patches_what_is_cast_in_the_type_of_the_pass)
{
	char whole[VALUES_HASH_MAX];
	char part[VALUES_HASH_MAX];
	struct error e = ERROR_INIT;
	size_t cast;

	scene.manager->policy = &policy_stock;
	flux_load_and_sample(&scene, scene.with_lora, ALL_MEMORY, &cast, whole);
	ck_assert_ok(place_detach(scene.with_lora, &e), &e);
	flux_load_and_sample(&scene, scene.with_lora, 2e6, &cast, part);
	ck_assert_str_ne(whole, part);
}
END_TEST

START_TEST(taking_a_lora_out_restores_every_byte)
{
	uint64_t before = flux_hash_weights(patcher_model(scene.base));
	struct error e = ERROR_INIT;
	char ignored[VALUES_HASH_MAX];
	uint64_t freed_bytes;
	size_t cast;

	flux_load_and_sample(&scene, scene.with_lora, ALL_MEMORY, &cast, ignored);
	ck_assert_uint_ne(flux_hash_weights(patcher_model(scene.base)), before);
	ck_assert_ok(place_partially_unload(scene.with_lora, 1e6, &freed_bytes, &e), &e);
	ck_assert_ok(place_detach(scene.with_lora, &e), &e);
	ck_assert_uint_eq(flux_hash_weights(patcher_model(scene.base)), before);
}
END_TEST

START_TEST(loading_the_base_takes_the_clones_lora_out)
{
	char plain[VALUES_HASH_MAX];
	char again[VALUES_HASH_MAX];
	char ignored[VALUES_HASH_MAX];
	size_t cast;

	flux_load_and_sample(&scene, scene.base, ALL_MEMORY, &cast, plain);
	flux_load_and_sample(&scene, scene.with_lora, ALL_MEMORY, &cast, ignored);
	flux_load_and_sample(&scene, scene.base, ALL_MEMORY, &cast, again);
	ck_assert_str_eq(plain, again);
}
END_TEST

START_TEST(guarded_samples_the_same_bits_as_host)
{
	static const double budgets[] = { ALL_MEMORY, 2e6, 0.1 };
	struct flux_scene guarded;
	char here[VALUES_HASH_MAX];
	char there[VALUES_HASH_MAX];
	struct error e = ERROR_INIT;
	size_t cast;

	flux_make(&guarded, &guarded_backend, "flux1-small.safetensors", &policy_strict);
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		flux_load_and_sample(&scene, scene.with_lora, budgets[i], &cast, here);
		flux_load_and_sample(&guarded, guarded.with_lora, budgets[i], &cast, there);
		ck_assert_str_eq(here, there);
		ck_assert_ok(place_detach(scene.with_lora, &e) && place_detach(guarded.with_lora, &e), &e);
	}
	flux_unmake(&guarded);
}
END_TEST

HARNESS_SUITE(lora_suite)
{
	const TTest *const claims[] = {
		a_lora_gives_the_same_bits_loaded_whole_in_part_and_not_at_all,
		upstream_patches_what_is_cast_in_the_type_of_the_pass,
		taking_a_lora_out_restores_every_byte,
		loading_the_base_takes_the_clones_lora_out,
	};
	Suite *suite = suite_create("lora");
	TCase *tests;

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	tests = tcase_create("both");
	tcase_add_checked_fixture(tests, make, unmake);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, guarded_samples_the_same_bits_as_host);
	suite_add_tcase(suite, tests);
	return suite;
}
