/* What becomes of a weight before it is used: a scale goes into the smaller operand, blocks become numbers. */
#include <string.h>

#include "core/base/array.h"
#include "core/compute/compute.h"
#include "core/tensor/dtype/rounding.h"
#include "core/tensor/convert/convert.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

#define OUTPUTS 4 /* of one input each, so that no order of summation plays a part */

static struct machine *machine;

static void make(void)
{
	struct error e = ERROR_INIT;

	machine = fixture_machine(harness_backend, "host-2gpu.json", &e);
	ck_assert_ok(machine, &e);
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
		ck_assert(out[i] == bf16(bf16(1.7109375F * bf16(scale)) * dtype_f8_e4m3_to_f32(codes[i])));
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
		float weight = dtype_f8_e4m3_to_f32(codes[i]);

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
	ck_assert_ok(model_parameter_to_f32(model, model->parameters, block, half, &e), &e);
	model->way = QUANT_EXACT;
	ck_assert_ok(model_parameter_to_f32(model, model->parameters, block, exact, &e), &e);
	for (size_t i = 0; i < 32; i++) {
		ck_assert(exact[i] == dtype_f16_to_f32(0x2e01) * (float)(int8_t)block[2 + i]);
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

/* ---- operands ---- */

static struct operand seen;

static bool takes_blocks(enum operation operation, const struct operand *weight, enum dtype dtype)
{
	(void)dtype;
	return operation == OPERATION_LINEAR && weight->quantised;
}

static bool see_linear(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
		       struct tensor *out)
{
	(void)c;
	(void)x;
	(void)b;
	(void)out;
	seen = *w;
	return true;
}

/* A linear of one block of Q8_0, by a pass whose operations see what they get. */
static void see_block(const struct ops *ops, const uint8_t block[34])
{
	const struct parameter_description parameter = { .name = "lin.weight",
							 .dtype = DTYPE_F16,
							 .quantised = true,
							 .quant = QUANT_Q8_0,
							 .rank = 2,
							 .shape = { 1, 32 },
							 .bytes = block };
	const struct block_description description = { .name = "lin", .type = "Linear", .parameter_count = 1 };
	const float inputs[32] = { 0 };
	struct error e = ERROR_INIT;
	struct compute c;
	struct model *model =
		model_new(machine, machine_device(machine, 1), "q", MODEL_UNET, &description, 1, &parameter, 1, &e);

	ck_assert_ok(model, &e);
	compute_begin(&c, model, machine_device(machine, 1), DTYPE_BF16, &e);
	c.ops = ops;
	ck_assert_ptr_nonnull(compute_linear(&c, compute_upload(&c, inputs, 2, (int64_t[]) { 1, 32 }), "%s", "lin"));
	ck_assert_uint_eq(seen.buffer.size_bytes, seen.quantised ? 34 : 32 * sizeof(float));
	if (seen.quantised)
		ck_assert_mem_eq(harness_bytes(&seen.buffer), block, 34);
	ck_assert_ok(compute_end(&c), &e);
	model_free(model);
}

START_TEST(an_operation_that_takes_blocks_gets_them_as_they_are_and_one_that_declines_gets_numbers)
{
	const uint8_t block[34] = { 0x01, 0x2e, 5, 6, 7 };
	struct ops seeing = ops_host;

	seeing.linear = see_linear;
	seeing.takes = takes_blocks;
	see_block(&seeing, block);
	ck_assert(seen.quantised);
	ck_assert_int_eq(seen.quant, QUANT_Q8_0);
	ck_assert_uint_eq(seen.count, 32);
	seeing.takes = ops_host.takes;
	see_block(&seeing, block);
	ck_assert(!seen.quantised);
	ck_assert_int_eq(seen.dtype, DTYPE_BF16);
}
END_TEST

START_TEST(operations_that_keep_no_float32_get_tensors_at_the_size_of_their_type)
{
	const float values[] = { 1.0F, 1.001F, -3.14159F };
	struct ops narrow = ops_host;
	struct model *model = scaled_linear();
	struct error e = ERROR_INIT;
	struct tensor *tensor;
	struct compute c;
	float out[3];

	narrow.keeps_float32 = false;
	compute_begin(&c, model, machine_device(machine, 1), DTYPE_BF16, &e);
	c.ops = &narrow;
	tensor = compute_upload(&c, values, 1, (int64_t[]) { 3 });
	ck_assert_ok(compute_download(&c, tensor, out), &e);
	ck_assert_uint_eq(tensor->buffer.size_bytes, 6);
	for (size_t i = 0; i < 3; i++)
		ck_assert(out[i] == bf16(values[i]));
	ck_assert_ok(compute_end(&c), &e);
	model_free(model);
}
END_TEST

/* Were the staging freed at once, the copy would run when its pages are gone (guarded). */
START_TEST(what_an_upload_stages_outlives_the_copy_that_is_queued)
{
	const float values[] = { 1, 2, 3 };
	struct model *model = scaled_linear();
	struct error e = ERROR_INIT;
	struct compute c;
	float out[3];

	compute_begin(&c, model, machine_device(machine, 1), DTYPE_F32, &e);
	ck_assert_ok(compute_download(&c, compute_upload(&c, values, 1, (int64_t[]) { 3 }), out), &e);
	ck_assert_mem_eq(out, values, sizeof(values));
	ck_assert_ok(compute_end(&c), &e);
	model_free(model);
	ck_assert(stream_synchronize(device_stream(machine_device(machine, 1)), NULL));
}
END_TEST

/* The name of the first empty slot; NULL if the table is whole. */
static const char *empty_slot(const struct ops *ops)
{
	const struct {
		const char *name;
		bool filled;
	} slots[] = {
		{ .name = "takes", .filled = ops->takes },
		{ .name = "convert", .filled = ops->convert },
		{ .name = "scale_weight", .filled = ops->scale_weight },
		{ .name = "linear", .filled = ops->linear },
		{ .name = "convolve", .filled = ops->convolve },
		{ .name = "attend", .filled = ops->attend },
		{ .name = "layer_norm", .filled = ops->layer_norm },
		{ .name = "rms_norm", .filled = ops->rms_norm },
		{ .name = "group_norm", .filled = ops->group_norm },
		{ .name = "unary", .filled = ops->unary },
		{ .name = "scale", .filled = ops->scale },
		{ .name = "binary", .filled = ops->binary },
		{ .name = "modulate", .filled = ops->modulate },
		{ .name = "gate", .filled = ops->gate },
		{ .name = "rotate", .filled = ops->rotate },
		{ .name = "gather", .filled = ops->gather },
		{ .name = "scatter", .filled = ops->scatter },
		{ .name = "embed", .filled = ops->embed },
	};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		if (!slots[i].filled)
			return slots[i].name;
	}
	return NULL;
}

START_TEST(every_table_of_operations_is_whole_and_every_backend_names_one)
{
	struct ops lacking = ops_sim;

	for (size_t i = 0; ops_tables[i]; i++) {
		ck_assert_ptr_null(empty_slot(ops_tables[i]));
		ck_assert_ptr_eq(ops_find(ops_tables[i]->name), ops_tables[i]);
	}
	for (size_t i = 0; backends[i]; i++)
		ck_assert_ptr_nonnull(ops_find(backends[i]->operations));
	lacking.gate = NULL;
	ck_assert_str_eq(empty_slot(&lacking), "gate");
}
END_TEST

START_TEST(a_backend_whose_operations_do_not_exist_fails_the_pass)
{
	struct backend strange = host_backend;
	struct model *model;
	struct error e = ERROR_INIT;
	struct machine *first = machine;
	struct compute c;

	strange.operations = "abacus";
	machine = machine_open(machine_topology(first), &strange, &e);
	ck_assert_ok(machine, &e);
	model = scaled_linear();
	compute_begin(&c, model, machine_device(machine, 1), DTYPE_F32, &e);
	ck_assert_ptr_null(compute_upload(&c, NULL, 1, (int64_t[]) { 3 }));
	ck_assert(!compute_end(&c));
	ck_assert_ptr_nonnull(strstr(e.text, "abacus"));
	model_free(model);
	machine_close(machine);
	machine = first;
}
END_TEST

HARNESS_SUITE(weights_suite)
{
	const TTest *const claims[] = {
		a_scale_goes_into_the_input_where_that_is_the_smaller,
		a_scale_goes_into_the_weight_where_that_is_the_smaller,
		blocks_become_numbers_in_half_precision_unless_asked_otherwise,
		elements_that_fill_no_block_are_refused,
		an_operation_that_takes_blocks_gets_them_as_they_are_and_one_that_declines_gets_numbers,
		operations_that_keep_no_float32_get_tensors_at_the_size_of_their_type,
		what_an_upload_stages_outlives_the_copy_that_is_queued,
		every_table_of_operations_is_whole_and_every_backend_names_one,
		a_backend_whose_operations_do_not_exist_fails_the_pass,
	};
	Suite *suite = suite_create("weights");

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	return suite;
}
