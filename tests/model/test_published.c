/* Families of models as ComfyUI 0.33.0 makes them: how many tensors they have and how many elements, measured on the modules that it
 * builds from the same configurations. Names, shapes and order of all of them were compared when the families were written; a
 * slip in any shape changes a sum. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/model/recipe.h"
#include "tests/harness/harness.h"

static const struct {
	const char *name;
	size_t tensors;
	uint64_t elements;
} published[] = {
	{ .name = "z_image_turbo_transformer", .tensors = 453, .elements = 6154908736 },
	{ .name = "lumina2_transformer", .tensors = 399, .elements = 2609769152 },
	{ .name = "flux2_dev_transformer", .tensors = 299, .elements = 32223281152 },
	{ .name = "flux2_klein_4b_transformer", .tensors = 149, .elements = 3875544576 },
	{ .name = "flux2_klein_9b_transformer", .tensors = 201, .elements = 9078581248 },
	{ .name = "chroma1_hd_transformer", .tensors = 643, .elements = 8899983424 },
	{ .name = "hunyuan_video15_transformer", .tensors = 1361, .elements = 8326608160 },
	/* And a table of positions, which is a buffer. */
	{ .name = "sd3.5_large_transformer", .tensors = 922 + 1, .elements = 8056627520 + 36864 * 2432 },
	{ .name = "sd3.5_medium_transformer", .tensors = 664 + 1, .elements = 2243171520 + 147456 * 1536 },
	{ .name = "sd3_medium_transformer", .tensors = 490 + 1, .elements = 2028328000 + 36864 * 1536 },
	{ .name = "ltx2_19b_transformer", .tensors = 3568, .elements = 19585115392 },
	{ .name = "wan2.1_t2v_1.3b", .tensors = 825, .elements = 1418996800 },
	{ .name = "wan2.1_t2v_14b", .tensors = 1095, .elements = 14288491584 },
	{ .name = "wan2.1_vace_1.3b", .tensors = 1264, .elements = 2153972032 },
	{ .name = "wan2.1_vace_14b", .tensors = 1331, .elements = 17337592896 },
	{ .name = "qwen3_0.6b", .tensors = 310, .elements = 596049920 },
	{ .name = "qwen3_2b", .tensors = 310, .elements = 1720574976 },
	{ .name = "qwen3_4b", .tensors = 398, .elements = 4022468096 },
	{ .name = "qwen3_8b", .tensors = 399, .elements = 8190735360 },
	{ .name = "gemma2_2b", .tensors = 288, .elements = 2614341888 },
	{ .name = "gemma3_4b", .tensors = 444, .elements = 3880263168 },
	{ .name = "gemma3_12b", .tensors = 1065, .elements = 12187325040 },
	{ .name = "mistral3_24b", .tensors = 362, .elements = 22901314560 },
	{ .name = "ministral3_3b", .tensors = 236, .elements = 3429006336 },
};

START_TEST(a_published_model_has_the_tensors_and_elements_that_comfyui_gives_it)
{
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(published); i++) {
		struct recipe recipe;
		struct architecture a;
		uint64_t elements = 0;

		ck_assert_msg(recipe_find(published[i].name, &recipe), "%s", published[i].name);
		ck_assert_ok(recipe_describe(&recipe, false, DTYPE_F8_E4M3, false, &a, &e), &e);
		for (size_t j = 0; j < a.parameter_count; j++)
			elements += architecture_parameter_size_bytes(&a.parameters[j]);
		ck_assert_msg(a.parameter_count == published[i].tensors, "%s: %zu tensors", published[i].name,
			      a.parameter_count);
		ck_assert_msg(elements == published[i].elements, "%s: %" PRIu64 " elements", published[i].name, elements);
		architecture_end(&a);
	}
}
END_TEST

/* FLUX.2's text encoder is Mistral without its last ten layers and the norm after them. */
START_TEST(flux2s_mistral_ends_after_thirty_layers)
{
	struct error e = ERROR_INIT;
	struct recipe recipe;
	struct architecture a;

	ck_assert(recipe_find("mistral3_24b_flux2", &recipe));
	ck_assert_ok(recipe_describe(&recipe, false, DTYPE_F8_E4M3, false, &a, &e), &e);
	ck_assert_uint_eq(a.parameter_count, 1 + 30 * 9);
	architecture_end(&a);
}
END_TEST

HARNESS_SUITE(published_suite)
{
	Suite *suite = suite_create("published");
	TCase *tcase = tcase_create("published");

	tcase_add_test(tcase, a_published_model_has_the_tensors_and_elements_that_comfyui_gives_it);
	tcase_add_test(tcase, flux2s_mistral_ends_after_thirty_layers);
	suite_add_tcase(suite, tcase);
	return suite;
}
