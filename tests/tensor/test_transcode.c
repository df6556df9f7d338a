#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tensor/transcode/transcode.h"
#include "tests/harness/harness.h"

#define FILES "tests/data/numerics/files/"

static char *folder;
static char in[512];
static char out[512];
static char again[512];

static void set_up(void)
{
	folder = harness_make_folder();
	snprintf(in, sizeof(in), "%s/in.safetensors", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	snprintf(again, sizeof(again), "%s/again", folder);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static bool run(const char *from, const char *to, enum weights_format format, const char *type_name, struct error *e)
{
	struct weights_type type;
	struct transcode_request request = {
		.from = from, .to = to, .format = format, .type = type_name ? &type : NULL, .drop_values = true
	};
	struct transcode_result result;

	ck_assert(!type_name || weights_type_from_name(type_name, &type));
	return transcode(&request, &result, e);
}

static void check_same(const char *a_path, const char *b_path)
{
	struct error e = ERROR_INIT;
	struct weights a;
	struct weights b;

	ck_assert_ok(weights_open(&a, a_path, &e) && weights_open(&b, b_path, &e), &e);
	ck_assert_uint_eq(a.count, b.count);
	for (size_t i = 0; i < a.count; i++) {
		const struct weights_tensor *x = &a.tensors[i];
		const struct weights_tensor *y = &b.tensors[i];

		ck_assert_str_eq(x->name, y->name);
		ck_assert_str_eq(weights_type_name(&x->type), weights_type_name(&y->type));
		ck_assert_msg(x->rank == y->rank &&
				      (x->rank == 0 || memcmp(x->shape, y->shape, x->rank * sizeof(*x->shape)) == 0),
			      "%s has another shape", x->name);
		ck_assert_uint_eq(x->size_bytes, y->size_bytes);
		ck_assert_mem_eq(x->bytes, y->bytes, x->size_bytes);
	}
	weights_close(&a);
	weights_close(&b);
}

static const float values[64] = { 1, -2, 0.5f, 448, 1e-3f };
static const int64_t shape_matrix[2] = { 2, 32 };
static const int64_t shape_five[5] = { 2, 2, 2, 2, 4 };

static void write_matrix(float first)
{
	float copy[64];
	const struct safetensors_entry entries[3] = { { "matrix", DTYPE_F32, 2, shape_matrix, copy },
						      { "five", DTYPE_F32, 5, shape_five, values },
						      { "scalar", DTYPE_F32, 0, NULL, values } };
	static const char *const metadata[] = { "format", "pt", NULL };
	struct error e = ERROR_INIT;

	memcpy(copy, values, sizeof(copy));
	copy[0] = first;
	ck_assert_ok(safetensors_write(in, entries, 3, metadata, &e), &e);
}

START_TEST(to_gguf_and_back_changes_nothing)
{
	struct error e = ERROR_INIT;
	struct safetensors *file;

	write_matrix(1);
	ck_assert_ok(run(in, out, WEIGHTS_GGUF, NULL, &e), &e);
	ck_assert_ok(run(out, again, WEIGHTS_SAFETENSORS, NULL, &e), &e);
	check_same(in, again);
	file = safetensors_open(again, &e);
	ck_assert_ok(file, &e);
	ck_assert_str_eq(safetensors_metadata(file, "format"), "pt");
	safetensors_close(file);
}
END_TEST

START_TEST(a_gguf_file_copied_keeps_every_byte_and_value)
{
	struct error e = ERROR_INIT;
	struct gguf *file;
	struct gguf_value value;

	ck_assert_ok(run(FILES "tiny_wan_align64.gguf", out, WEIGHTS_GGUF, NULL, &e), &e);
	check_same(FILES "tiny_wan_align64.gguf", out);
	file = gguf_open(out, &e);
	ck_assert_ok(file, &e);
	ck_assert_uint_eq(gguf_alignment(file), GGUF_ALIGNMENT);
	ck_assert(gguf_value_find(file, "general.architecture", &value));
	gguf_close(file);
}
END_TEST

START_TEST(only_matrices_of_whole_blocks_are_quantised)
{
	struct error e = ERROR_INIT;
	struct weights weights;

	write_matrix(1);
	ck_assert_ok(run(in, out, WEIGHTS_GGUF, "Q8_0", &e), &e);
	ck_assert_ok(weights_open(&weights, out, &e), &e);
	for (size_t i = 0; i < weights.count; i++)
		ck_assert_str_eq(weights_type_name(&weights.tensors[i].type),
				 strcmp(weights.tensors[i].name, "matrix") == 0 ? "Q8_0" : "F32");
	weights_close(&weights);
}
END_TEST

static void check_refused(const char *from, enum weights_format format, const char *type, const char *words)
{
	struct error e = ERROR_INIT;
	FILE *stream;

	ck_assert(!run(from, out, format, type, &e));
	ck_assert_int_eq(e.kind, ERROR_UNSUPPORTED);
	ck_assert_msg(strstr(e.text, words), "\"%s\" does not say \"%s\"", e.text, words);
	stream = fopen(out, "rb");
	ck_assert_ptr_null(stream);
}

START_TEST(what_would_be_lost_is_refused)
{
	check_refused(FILES "tiny_flux.gguf", WEIGHTS_SAFETENSORS, NULL, "no Q8_0");
	check_refused(FILES "v1_mixed_dtypes.safetensors", WEIGHTS_GGUF, NULL, "gguf files have no");
	write_matrix(1);
	check_refused(in, WEIGHTS_GGUF, "Q4_K", "Q4_K");
	check_refused(in, WEIGHTS_GGUF, "F8_E4M3", "no F8_E4M3");
}
END_TEST

START_TEST(a_number_that_the_type_cannot_hold_is_refused)
{
	write_matrix(70000);
	check_refused(in, WEIGHTS_SAFETENSORS, "F16", "element 0 is 70000");
	write_matrix(500);
	check_refused(in, WEIGHTS_SAFETENSORS, "F8_E4M3", "element 0 is 500");
}
END_TEST

START_TEST(values_that_are_lists_are_dropped_only_on_demand)
{
	struct weights_type type = { .dtype = DTYPE_F32 };
	struct transcode_request request = {
		.from = FILES "tiny_flux.gguf", .to = out, .format = WEIGHTS_SAFETENSORS, .type = &type
	};
	struct transcode_result result;
	struct error e = ERROR_INIT;

	ck_assert(!transcode(&request, &result, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "t.arr_i32"));
	error_clear(&e);
	request.drop_values = true;
	ck_assert_ok(transcode(&request, &result, &e), &e);
	ck_assert_uint_eq(result.tensors, 9);
}
END_TEST

START_TEST(the_command_says_what_it_did_and_what_it_refuses)
{
	char line[1600];
	char *text;
	char *errors;

	write_matrix(1);
	snprintf(line, sizeof(line), "convert '%s' --dtype BF16 --out '%s.safetensors' --json", in, out);
	ck_assert_int_eq(harness_residency(line, &text, &errors), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"changed\":3"));
	free(text);
	free(errors);
	snprintf(line, sizeof(line), "convert '%s' --to rar --out '%s'", in, out);
	ck_assert_int_eq(harness_residency(line, &text, &errors), 2);
	free(text);
	free(errors);
	snprintf(line, sizeof(line), "convert " FILES "tiny_flux.gguf --to safetensors --out '%s'", out);
	ck_assert_int_eq(harness_residency(line, &text, &errors), 4);
	ck_assert_ptr_nonnull(strstr(errors, "--dtype F32"));
	free(text);
	free(errors);
}
END_TEST

HARNESS_SUITE(transcode_suite)
{
	Suite *suite = suite_create("transcode");
	TCase *cases = tcase_create("transcode");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, to_gguf_and_back_changes_nothing);
	tcase_add_test(cases, a_gguf_file_copied_keeps_every_byte_and_value);
	tcase_add_test(cases, only_matrices_of_whole_blocks_are_quantised);
	tcase_add_test(cases, what_would_be_lost_is_refused);
	tcase_add_test(cases, a_number_that_the_type_cannot_hold_is_refused);
	tcase_add_test(cases, values_that_are_lists_are_dropped_only_on_demand);
	tcase_add_test(cases, the_command_says_what_it_did_and_what_it_refuses);
	suite_add_tcase(suite, cases);
	return suite;
}
