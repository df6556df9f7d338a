/* Who owns the tensors of a pass: operations consume what they are given, a failed pass stays failed. */
#include "core/compute/compute.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

static struct machine *machine;
static struct model *model;
static struct compute pass;
static struct error pass_error;

static void make(void)
{
	static const float one = 1;
	const struct parameter_description parameter = {
		.name = "lin.weight", .dtype = DTYPE_F32, .rank = 2, .shape = { 1, 1 }, .bytes = &one
	};
	const struct block_description block = { .name = "lin", .type = "Linear", .parameter_count = 1, .castable = true };
	struct error e = ERROR_INIT;

	machine = fixture_machine(&host_backend, "host-2gpu.json", &e);
	ck_assert_ok(machine, &e);
	model = model_new(machine, machine_device(machine, 0), "one", MODEL_UNET, &block, 1, &parameter, 1, &e);
	ck_assert_ok(model, &e);
	pass_error = (struct error)ERROR_INIT;
	compute_begin(&pass, model, machine_device(machine, 1), DTYPE_F32, &pass_error);
}

static void unmake(void)
{
	compute_end(&pass);
	model_free(model);
	machine_close(machine);
}

static struct tensor *pair(float first, float second)
{
	const float values[] = { first, second };

	return compute_upload(&pass, values, 2, (int64_t[]) { 2, 1 });
}

static size_t alive(void)
{
	size_t count = 0;

	for (const struct tensor *tensor = pass.tensors; tensor; tensor = tensor->next)
		count++;
	return count;
}

START_TEST(an_operation_frees_what_it_is_given)
{
	struct tensor *x = compute_add(&pass, pair(1, 2), pair(3, 4));
	float out[2];

	x = compute_linear(&pass, compute_unary(&pass, UNARY_SILU, x), "lin");
	x = compute_slice(&pass, compute_concatenate(&pass, x, pair(5, 6), 0), 0, 2, 2);
	ck_assert_uint_eq(alive(), 1);
	ck_assert(compute_download(&pass, x, out));
	ck_assert_float_eq(out[1], 6);
	compute_drop(&pass, x);
	ck_assert_uint_eq(alive(), 0);
}
END_TEST

START_TEST(a_kept_tensor_outlives_one_use_with_its_values)
{
	struct tensor *x = pair(1, 2);
	struct tensor *y = compute_multiply(&pass, compute_keep(x), compute_keep(x));
	float out[2];

	ck_assert_uint_eq(alive(), 2);
	ck_assert(compute_download(&pass, x, out));
	ck_assert_float_eq(out[1], 2);
	y = compute_add(&pass, x, y);
	ck_assert_uint_eq(alive(), 1);
	ck_assert(compute_download(&pass, y, out));
	ck_assert_float_eq(out[1], 6);
}
END_TEST

START_TEST(a_reshape_of_the_last_reference_is_the_same_memory_and_of_a_kept_one_a_copy)
{
	struct tensor *x = pair(1, 2);
	struct tensor *copy;

	ck_assert_ptr_eq(compute_reshape(&pass, x, 1, (int64_t[]) { 2 }), x);
	copy = compute_reshape(&pass, compute_keep(x), 2, (int64_t[]) { 1, 2 });
	ck_assert_ptr_ne(copy, x);
	ck_assert_uint_eq(x->rank, 1);
	ck_assert_int_eq(tensor_size(copy, 1), 2);
}
END_TEST

START_TEST(a_failed_pass_stays_failed_and_keeps_its_first_error)
{
	struct tensor *x = pair(1, 2);
	struct tensor *y = compute_linear(&pass, compute_keep(x), "absent");
	float out[2];

	ck_assert_ptr_null(y);
	ck_assert_int_eq(tensor_size(y, 0), 0);
	y = compute_linear(&pass, compute_add(&pass, x, y), "lin");
	y = compute_merge_heads(&pass, compute_split_heads(&pass, y, 0, 1, 1));
	ck_assert_ptr_null(y);
	ck_assert(!compute_download(&pass, y, out));
	compute_drop(&pass, x);
	compute_drop(&pass, x); /* after a failure nothing is freed before the end */
	ck_assert_uint_eq(alive(), 1);
	ck_assert_str_eq(pass_error.text, "one has no tensor called absent.weight");
	ck_assert(!compute_end(&pass));
	ck_assert_uint_eq(alive(), 0);
}
END_TEST

HARNESS_SUITE(ownership_suite)
{
	Suite *suite = suite_create("ownership");
	TCase *tests = tcase_create("ownership");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_add_test(tests, an_operation_frees_what_it_is_given);
	tcase_add_test(tests, a_kept_tensor_outlives_one_use_with_its_values);
	tcase_add_test(tests, a_reshape_of_the_last_reference_is_the_same_memory_and_of_a_kept_one_a_copy);
	tcase_add_test(tests, a_failed_pass_stays_failed_and_keeps_its_first_error);
	suite_add_tcase(suite, tests);
	return suite;
}
