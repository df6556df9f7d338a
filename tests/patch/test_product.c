/* The products and the strips: fast ways with the bits of the plain ones. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/arith/arith.h"
#include "core/patch/apply/strips.h"
#include "core/tensor/convert/convert.h"
#include "tests/harness/harness.h"
#include "tests/patch/small.h"

static void fill(float *values, size_t count, uint32_t seed)
{
	for (size_t i = 0; i < count; i++) {
		seed = seed * 1664525 + 1013904223;
		values[i] = (float)(seed >> 8) * 0x1p-23F - 1.0F;
	}
}

#define SIDE 77 /* fills no tile of any way */

START_TEST(every_way_of_multiplying_has_the_plain_ones_bits)
{
	static const size_t depths[] = { 1, 4, 17, 64 };
	static float a[SIDE * 64];
	static float b[64 * SIDE];
	static float plain[SIDE * SIDE];
	static float wide[SIDE * SIDE];
	struct error e = ERROR_INIT;

	fill(a, ARRAY_SIZE(a), 1);
	fill(b, ARRAY_SIZE(b), 2);
	for (size_t i = 0; i < ARRAY_SIZE(depths); i++) {
		struct panels panels;

		ck_assert_ok(arith_panels_make(&panels, b, depths[i], SIDE, &e), &e);
		fill(plain, ARRAY_SIZE(plain), 3);
		product_ways[0]->add(a, &panels, plain, SIDE, 0.7F);
		for (size_t j = 1; product_ways[j]; j++) {
			if (!product_ways[j]->runs_here())
				continue;
			fill(wide, ARRAY_SIZE(wide), 3);
			product_ways[j]->add(a, &panels, wide, SIDE, 0.7F);
			ck_assert_msg(memcmp(plain, wide, sizeof(plain)) == 0, "%s differs", product_ways[j]->name);
		}
		free(panels.values);
	}
}
END_TEST

START_TEST(a_product_sums_over_ascending_depth)
{
	static const float a[3] = { 0x1p30F, 1, -0x1p30F };
	static const float b[3] = { 1, 1, 1 };
	struct error e = ERROR_INIT;
	float sum;

	ck_assert_ok(arith_product(DTYPE_F32, a, b, &sum, 1, 3, 1, &e), &e);
	ck_assert_float_eq(sum, 0); /* 1 is lost in 2^30, and only then is 2^30 taken away */
}
END_TEST

/* ---- strips ---- */

enum { ROWS = 950, COLUMNS = 300, RANK = 5 }; /* several strips, and rows that begin and end within one */

static float values[ROWS * COLUMNS];
static float up[ROWS * RANK];
static float down[RANK * COLUMNS + 1];
static float scale[ROWS];

#define WHOLE "diffusion_model.single_blocks.0.linear1."
#define SOME "transformer.single_transformer_blocks.0.attn.to_k."
#define PAIR                                                                                                                   \
	{ WHOLE "lora_up.weight", DTYPE_F32, 2, SHAPE(ROWS, RANK), up },                                                       \
	{                                                                                                                      \
		WHOLE "lora_down.weight", DTYPE_F32, 2, SHAPE(RANK, COLUMNS), down                                             \
	}
#define PAIR_OF_SOME                                                                                                           \
	{ SOME "lora_A.weight", DTYPE_F32, 2, SHAPE(RANK, COLUMNS), down },                                                    \
	{                                                                                                                      \
		SOME "lora_B.weight", DTYPE_F32, 2, SHAPE(COLUMNS, RANK), up                                                   \
	}
#define LOHA                                                                                                                   \
	{ WHOLE "hada_w1_a", DTYPE_F32, 2, SHAPE(ROWS, RANK), up },                                                            \
		{ WHOLE "hada_w1_b", DTYPE_F32, 2, SHAPE(RANK, COLUMNS), down },                                               \
		{ WHOLE "hada_w2_a", DTYPE_F32, 2, SHAPE(ROWS, RANK), up },                                                    \
	{                                                                                                                      \
		WHOLE "hada_w2_b", DTYPE_F32, 2, SHAPE(RANK, COLUMNS), down + 1                                                \
	}
#define BY_ROWS                                                                                                                \
	{                                                                                                                      \
		WHOLE "dora_scale", DTYPE_F32, 2, SHAPE(ROWS, 1), scale                                                        \
	}
#define BY_COLUMNS                                                                                                             \
	{                                                                                                                      \
		WHOLE "dora_scale", DTYPE_F32, 2, SHAPE(1, COLUMNS), scale                                                     \
	}

static const struct {
	const char *name;
	struct safetensors_entry entries[7];
	size_t adapters;
	double strength;
} cases[] = {
	{ "pairs", { PAIR, PAIR_OF_SOME }, 2, 0.3 },
	{ "LoHa", { LOHA, PAIR_OF_SOME }, 2, 0.3 },
	{ "DoRA by rows", { PAIR, BY_ROWS, PAIR_OF_SOME }, 2, 0.3 },
	{ "DoRA by rows, all the way", { PAIR, BY_ROWS }, 1, 1 },
	{ "DoRA by columns", { PAIR, BY_COLUMNS }, 1, 0.3 },
	{ "DoRA by columns, all the way", { PAIR, BY_COLUMNS }, 1, 1 },
	{ "LoHa with DoRA", { LOHA, BY_ROWS }, 1, 0.3 },
	{ "LoHa with DoRA by columns", { LOHA, BY_COLUMNS }, 1, 0.3 },
};

/* A weight of a type, patched both ways. */
static void compare(const struct small *small, enum dtype dtype, size_t which)
{
	struct parameter_description parameters[] = {
		{ .name = "double_blocks.0.img_attn.qkv.weight",
		  .dtype = dtype,
		  .rank = 2,
		  .shape = { 3 * COLUMNS, COLUMNS },
		  .bytes = NULL },
		{ .name = "single_blocks.0.linear1.weight",
		  .dtype = dtype,
		  .rank = 2,
		  .shape = { ROWS, COLUMNS },
		  .bytes = NULL },
	};
	struct error e = ERROR_INIT;
	uint8_t *bytes = calloc(ROWS * COLUMNS, 4);
	uint8_t *slow = calloc(ROWS * COLUMNS, 4);
	size_t entry_count = 0;
	struct weight_values weight;
	struct model *model;
	struct one one;

	while (entry_count < ARRAY_SIZE(cases[which].entries) && cases[which].entries[entry_count].name)
		entry_count++;
	fill(values, ARRAY_SIZE(values), 4);
	fill(up, ARRAY_SIZE(up), 5);
	fill(down, ARRAY_SIZE(down), 6);
	fill(scale, ARRAY_SIZE(scale), 7);
	ck_assert_ok(convert_from_f32(dtype, values, bytes, ROWS * COLUMNS, &e), &e);
	parameters[1].bytes = bytes;
	model = small_model(small, parameters, 2);
	one_begin(&one, model, small_lora(small, cases[which].entries, entry_count), cases[which].strength);
	ck_assert_uint_eq(one.use.match->count, cases[which].adapters);
	{
		const struct stored stored = {
			.key = WHOLE "weight", .dtype = dtype, .rank = 2, .shape = parameters[1].shape, .bytes = bytes
		};

		ck_assert(strips_can(&stored, &one.list, 1));
		ck_assert_ok(stored_patch(&stored, &one.list, 1, &weight, &e) &&
				     stored_round(&stored, weight.values, ROWS * COLUMNS, slow, &e),
			     &e);
		ck_assert_ok(strips_patch(&stored, &one.list, 1, bytes, &e), &e);
	}
	ck_assert_msg(memcmp(bytes, slow, ROWS * COLUMNS * dtype_size_bytes(dtype)) == 0, "%s", cases[which].name);
	free(weight.values);
	one_end(&one);
	model_free(model);
	free(bytes);
	free(slow);
}

START_TEST(strips_have_the_bits_of_the_whole_weight)
{
	static const enum dtype dtypes[] = { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_F8_E4M3, DTYPE_F8_E5M2 };
	struct small small;

	small_open(&small, &host_backend);
	for (size_t i = 0; i < ARRAY_SIZE(dtypes); i++)
		compare(&small, dtypes[i], (size_t)_i);
	small_close(&small);
}
END_TEST

/* What is left to the whole weight: norms of columns beside another adapter, and factors that do not fit. */
START_TEST(strips_refuse_what_rows_alone_cannot_tell)
{
	const struct safetensors_entry beside[] = { PAIR, BY_COLUMNS, PAIR_OF_SOME };
	const struct safetensors_entry short_scale[] = { PAIR,
							 { WHOLE "dora_scale", DTYPE_F32, 2, SHAPE(1, COLUMNS - 1), scale } };
	const int64_t shape[] = { ROWS, COLUMNS };
	const struct stored stored = { .key = WHOLE "weight", .dtype = DTYPE_F32, .rank = 2, .shape = shape };
	struct parameter_description parameters[] = {
		{ .name = "double_blocks.0.img_attn.qkv.weight",
		  .dtype = DTYPE_F32,
		  .rank = 2,
		  .shape = { 3 * COLUMNS, COLUMNS } },
		{ .name = "single_blocks.0.linear1.weight", .dtype = DTYPE_F32, .rank = 2, .shape = { ROWS, COLUMNS } },
	};
	struct small small;
	struct model *model;
	struct one one;

	small_open(&small, &host_backend);
	model = small_model(&small, parameters, 2);
	one_begin(&one, model, small_lora(&small, beside, ARRAY_SIZE(beside)), 1);
	ck_assert(!strips_can(&stored, &one.list, 1));
	one_end(&one);
	one_begin(&one, model, small_lora(&small, short_scale, ARRAY_SIZE(short_scale)), 1);
	ck_assert(!strips_can(&stored, &one.list, 1));
	one_end(&one);
	model_free(model);
	small_close(&small);
}
END_TEST

HARNESS_SUITE(product_suite)
{
	Suite *suite = suite_create("product");
	TCase *tests = tcase_create("product");

	tcase_add_test(tests, every_way_of_multiplying_has_the_plain_ones_bits);
	tcase_add_test(tests, a_product_sums_over_ascending_depth);
	tcase_add_loop_test(tests, strips_have_the_bits_of_the_whole_weight, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tests, strips_refuse_what_rows_alone_cannot_tell);
	suite_add_tcase(suite, tests);
	return suite;
}
