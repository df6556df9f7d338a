/* What becomes of a weight before it is used: a scale goes into the smaller operand, blocks become numbers. */
#include <string.h>

#include "core/base/embed.h"
#include "core/compute/compute.h"
#include "core/tensor/dtype/rounding.h"
#include "core/tensor/dtype/convert.h"
#include "scenarios/topologies.h"
#include "tests/harness/harness.h"

#define OUTPUTS 4 /* of one input each, so that no order of summation plays a part */

static struct machine *machine;

static void make(void)
{
	const struct embedded_file *file = embedded_find(scenario_topologies, "host-2gpu.json");
	struct error e = ERROR_INIT;
	struct topology *topology = topology_parse(file->bytes, embedded_length(file), file->name, &e);

	machine = machine_open(topology, &backend_host, &e);
	ck_assert_ok(machine, &e);
	topology_free(topology);
}

static void unmake(void)
{
	machine_close(machine);
}

static const uint8_t codes[OUTPUTS] = { 0x3b, 0x45, 0xb9, 0x52 }; /* of F8_E4M3 */
static const float scale = 0.3F;

static struct model *scaled_linear(void)
{
	const struct parameter_description parameters[] = {
		{ .name = "lin.weight", .dtype = DTYPE_F8_E4M3, .rank = 2, .shape = { OUTPUTS, 1 }, .bytes = codes },
		{ .name = "lin.scale_weight", .dtype = DTYPE_F32, .rank = 0, .bytes = &scale },
	};
	const struct block_description block = { .name = "lin", .type = "Linear", .parameter_count = 2, .castable = true };
	struct error e = ERROR_INIT;
	struct model *model =
		model_new(machine, machine_device(machine, 0), "scaled", MODEL_UNET, &block, 1, parameters, 2, &e);

	ck_assert_ok(model, &e);
	return model;
}

/* The product of each of `rows` equal inputs, computed on cuda:0 in BF16. */
static void multiply(const struct model *model, float input, int64_t rows, float *out)
{
	struct error e = ERROR_INIT;
	struct compute c;
	float inputs[16];

	for (int64_t i = 0; i < rows; i++)
		inputs[i] = input;
	compute_begin(&c, model, machine_device(machine, 1), DTYPE_BF16, &e);
	ck_assert(compute_download(&c, compute_linear(&c, compute_upload(&c, inputs, 2, (int64_t[]) { rows, 1 }), "%s", "lin"),
				   out));
	ck_assert_ok(compute_end(&c), &e);
}

static float bf16(float value)
{
	return round_value(DTYPE_BF16, value);
}

START_TEST(a_scale_goes_into_the_input_where_that_is_the_smaller)
{
	struct model *model = scaled_linear();
	float out[OUTPUTS];

	multiply(model, 1.7109375F, 1, out);
	for (size_t i = 0; i < OUTPUTS; i++)
		ck_assert(out[i] == bf16(bf16(1.7109375F * bf16(scale)) * f8_e4m3_to_f32(codes[i])));
	model_free(model);
}
END_TEST

START_TEST(a_scale_goes_into_the_weight_where_that_is_the_smaller)
{
	struct model *model = scaled_linear();
	float out[OUTPUTS * 8];
	size_t differ = 0;

	multiply(model, 1.7109375F, 8, out);
	for (size_t i = 0; i < OUTPUTS; i++) {
		float weight = f8_e4m3_to_f32(codes[i]);

		ck_assert(out[i] == bf16(1.7109375F * bf16(weight * bf16(scale))));
		differ += out[i] != bf16(bf16(1.7109375F * bf16(scale)) * weight);
	}
	ck_assert_uint_gt(differ, 0);
	model_free(model);
}
END_TEST

/* One block of Q8_0: a half, then 32 codes. */
START_TEST(blocks_become_numbers_in_half_precision_unless_asked_otherwise)
{
	uint8_t block[34] = { 0x01, 0x2e }; /* 0.093811... */
	const struct parameter_description parameter = { .name = "lin.weight",
							 .dtype = DTYPE_F16,
							 .quantised = true,
							 .quant = QUANT_Q8_0,
							 .rank = 2,
							 .shape = { 32, 1 },
							 .bytes = block };
	const struct block_description description = {
		.name = "lin", .type = "Linear", .parameter_count = 1, .castable = true
	};
	struct error e = ERROR_INIT;
	struct model *model;
	float half[32];
	float exact[32];
	size_t differ = 0;

	for (int i = 0; i < 32; i++)
		block[2 + i] = (uint8_t)(3 * i + 1);
	model = model_new(machine, machine_device(machine, 0), "q", MODEL_UNET, &description, 1, &parameter, 1, &e);
	ck_assert_ok(model, &e);
	ck_assert_uint_eq(model->size_bytes, 34);
	ck_assert_ok(parameter_to_f32(model, model->parameters, block, half, &e), &e);
	model->way = QUANT_EXACT;
	ck_assert_ok(parameter_to_f32(model, model->parameters, block, exact, &e), &e);
	for (size_t i = 0; i < 32; i++) {
		ck_assert(exact[i] == f16_to_f32(0x2e01) * (float)(int8_t)block[2 + i]);
		ck_assert(half[i] == round_value(DTYPE_F16, exact[i]));
		differ += half[i] != exact[i];
	}
	ck_assert_uint_gt(differ, 0);
	model_free(model);
}
END_TEST

START_TEST(elements_that_fill_no_block_are_refused)
{
	const struct parameter_description parameter = {
		.name = "lin.weight", .dtype = DTYPE_F16, .quantised = true, .quant = QUANT_Q4_K, .rank = 2, .shape = { 3, 64 }
	};
	const struct block_description description = { .name = "lin", .type = "Linear", .parameter_count = 1 };
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(model_new(machine, machine_device(machine, 0), "q", MODEL_UNET, &description, 1, &parameter, 1, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "Q4_K"));
}
END_TEST

HARNESS_SUITE(weights_suite)
{
	Suite *suite = suite_create("weights");
	TCase *tests = tcase_create("weights");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_add_test(tests, a_scale_goes_into_the_input_where_that_is_the_smaller);
	tcase_add_test(tests, a_scale_goes_into_the_weight_where_that_is_the_smaller);
	tcase_add_test(tests, blocks_become_numbers_in_half_precision_unless_asked_otherwise);
	tcase_add_test(tests, elements_that_fill_no_block_are_refused);
	suite_add_tcase(suite, tests);
	return suite;
}
