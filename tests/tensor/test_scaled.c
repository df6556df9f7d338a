/* Weights with scales beside them, made here: how they are told, what they stand for, and what a conversion makes of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tensor/dtype/small_float.h"
#include "core/tensor/transcode/transcode.h"
#include "tests/harness/harness.h"

#define ENTRIES_MAX 8

/* A file about to be written. */
struct made {
	struct safetensors_entry entries[ENTRIES_MAX];
	size_t count;
	const char *metadata[3];
};

static char *folder;
static char in[512];
static char out[512];

static void set_up(void)
{
	folder = harness_make_folder();
	snprintf(in, sizeof(in), "%s/in.safetensors", folder);
	snprintf(out, sizeof(out), "%s/out.safetensors", folder);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static void add(struct made *made, const char *name, enum dtype dtype, size_t rank, const int64_t *shape, const void *bytes)
{
	made->entries[made->count++] =
		(struct safetensors_entry) { .name = name, .dtype = dtype, .rank = rank, .shape = shape, .bytes = bytes };
}

static void add_mark(struct made *made, const char *name, const char *json)
{
	static int64_t lengths[4];
	static size_t used;
	int64_t *length = &lengths[used++ % 4];

	*length = (int64_t)strlen(json);
	add(made, name, DTYPE_U8, 1, length, json);
}

static void write_made(const struct made *made)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(safetensors_write(in, made->entries, made->count, made->metadata[0] ? made->metadata : NULL, &e), &e);
}

/* Two rows of two: 1, 2, -1, 0.5 in e4m3. */
static const int64_t square[2] = { 2, 2 };
static const uint8_t codes[4] = { 0x38, 0x40, 0xb8, 0x30 };
static const float half = 0.5F;

static struct made scaled_square(const char *scale_name)
{
	struct made made = { .count = 0 };

	add(&made, "a.weight", DTYPE_F8_E4M3, 2, square, codes);
	add(&made, scale_name, DTYPE_F32, 0, NULL, &half);
	return made;
}

static bool convert(enum weights_format format, const char *type_name, struct transcode_result *result, struct error *e)
{
	struct weights_type type;
	struct transcode_request request = { .from = in, .to = out, .format = format, .type = type_name ? &type : NULL };

	ck_assert(!type_name || weights_type_from_name(type_name, &type));
	return transcode(&request, result, e);
}

/* The one layer of the file written last. */
static struct scaled_layer only_layer(char fault[160])
{
	struct error e = ERROR_INIT;
	struct scaled_layer layer;
	struct weights weights;

	ck_assert_ok(weights_open(&weights, in, &e), &e);
	ck_assert_uint_eq(weights.scaled.count, 1);
	layer = weights.scaled.layers[0];
	if (fault)
		memcpy(fault, weights.scaled.fault, sizeof(weights.scaled.fault));
	weights_close(&weights);
	return layer;
}

static void check_values(const float *wanted, size_t count)
{
	struct error e = ERROR_INIT;
	struct transcode_result result;
	struct safetensors *file;
	const struct safetensors_tensor *tensor;

	ck_assert_ok(convert(WEIGHTS_SAFETENSORS, "F32", &result, &e), &e);
	ck_assert_uint_eq(result.unscaled, 1);
	file = safetensors_open(out, &e);
	ck_assert_ok(file, &e);
	tensor = safetensors_find(file, "a.weight");
	ck_assert_ptr_nonnull(tensor);
	ck_assert_uint_eq(tensor->element_count, count);
	for (size_t i = 0; i < count; i++) {
		float value;

		memcpy(&value, tensor->bytes + i * sizeof(value), sizeof(value));
		ck_assert_msg(value == wanted[i], "element %zu is %g, and should be %g", i, (double)value, (double)wanted[i]);
	}
	safetensors_close(file);
}

static const float halves[4] = { 0.5F, 1, -0.5F, 0.25F };

START_TEST(each_form_of_scaled_fp8_is_told_and_has_its_scale_multiplied_in)
{
	struct made plain = scaled_square("a.weight_scale");
	struct made marked = scaled_square("a.weight_scale");
	struct made told = scaled_square("a.weight_scale");
	struct made old = scaled_square("a.scale_weight");
	static const int64_t none = 0;

	write_made(&plain);
	ck_assert_int_eq(only_layer(NULL).mark, SCALED_UNMARKED);
	check_values(halves, 4);
	add_mark(&marked, "a.comfy_quant", "{\"format\": \"float8_e4m3fn\"}");
	write_made(&marked);
	ck_assert_int_eq(only_layer(NULL).mark, SCALED_BY_TENSOR);
	check_values(halves, 4);
	told.metadata[0] = SCALED_METADATA;
	told.metadata[1] = "{\"format_version\":\"1.0\",\"layers\":{\"a\":{\"format\":\"float8_e4m3fn\"}}}";
	write_made(&told);
	ck_assert_int_eq(only_layer(NULL).mark, SCALED_BY_METADATA);
	check_values(halves, 4);
	add(&old, "scaled_fp8", DTYPE_F8_E4M3, 1, &none, "");
	write_made(&old);
	ck_assert_int_eq(only_layer(NULL).mark, SCALED_BY_FLAG);
	check_values(halves, 4);
}
END_TEST

START_TEST(a_scale_a_row_is_each_rows_own)
{
	static const float scales[2] = { 0.5F, 2 };
	static const int64_t rows[2] = { 2, 1 };
	struct made made = { .count = 0 };

	add(&made, "a.weight", DTYPE_F8_E4M3, 2, square, codes);
	add(&made, "a.weight_scale", DTYPE_F32, 2, rows, scales);
	write_made(&made);
	check_values((const float[]) { 0.5F, 1, -2, 1 }, 4);
}
END_TEST

START_TEST(int8_and_e5m2_are_stored_times_scale)
{
	static const int8_t bytes[4] = { 64, -128, 127, 1 };
	static const uint8_t fives[4] = { 0x3c, 0x40, 0xbc, 0x38 };
	static const float scale = 1.0F / 128;
	struct made made = { .count = 0 };
	struct made five = { .count = 0 };

	add(&made, "a.weight", DTYPE_I8, 2, square, bytes);
	add(&made, "a.weight_scale", DTYPE_F32, 0, NULL, &scale);
	add_mark(&made, "a.comfy_quant", "{\"format\": \"int8_tensorwise\"}");
	write_made(&made);
	check_values((const float[]) { 0.5F, -1, 127.0F / 128, 1.0F / 128 }, 4);
	add(&five, "a.weight", DTYPE_F8_E5M2, 2, square, fives);
	add(&five, "a.weight_scale", DTYPE_F32, 0, NULL, &half);
	add_mark(&five, "a.comfy_quant", "{\"format\": \"float8_e5m2\"}");
	write_made(&five);
	check_values(halves, 4);
}
END_TEST

#define ROWS 160 /* more than a tile has */
#define BLOCKS 5 /* two tiles across */

/* Where tensor cores look for the scale of a row's block, by the way that the tile is made: 32 lines of four by four. */
static size_t tiled(size_t row, size_t block)
{
	size_t tile = row / 128 * 2 + block / 4;
	size_t line = row % 32;
	size_t in_line = row % 128 / 32 * 4 + block % 4;

	return tile * 512 + line * 16 + in_line;
}

START_TEST(nvfp4_has_two_weights_a_byte_and_its_scales_in_tiles)
{
	static const int64_t packed[2] = { ROWS, BLOCKS * 8 };
	static const int64_t tiles[2] = { 256, 8 };
	static uint8_t weight[ROWS * BLOCKS * 8];
	static uint8_t scales[256 * 8];
	static float wanted[ROWS * BLOCKS * 16];
	struct made made = { .count = 0 };

	for (size_t i = 0; i < sizeof(weight); i++)
		weight[i] = 0x2f; /* 1, then -6 */
	for (size_t row = 0; row < ROWS; row++) {
		for (size_t block = 0; block < BLOCKS; block++) {
			uint8_t code = (uint8_t)(0x30 + (row * 3 + block) % 32);

			scales[tiled(row, block)] = code;
			for (size_t i = 0; i < 16; i++)
				wanted[(row * BLOCKS + block) * 16 + i] =
					(i % 2 ? -6.0F : 1.0F) * (0.5F * dtype_f8_e4m3_to_f32(code));
		}
	}
	add(&made, "a.weight", DTYPE_U8, 2, packed, weight);
	add(&made, "a.weight_scale", DTYPE_F8_E4M3, 2, tiles, scales);
	add(&made, "a.weight_scale_2", DTYPE_F32, 0, NULL, &half);
	add_mark(&made, "a.comfy_quant", "{\"format\": \"nvfp4\"}");
	write_made(&made);
	ck_assert(only_layer(NULL).in_tiles);
	ck_assert_uint_eq(only_layer(NULL).columns, BLOCKS * 16);
	check_values(wanted, ROWS * BLOCKS * 16);
}
END_TEST

START_TEST(mxfp8_scales_that_are_not_padded_lie_row_by_row)
{
	static const int64_t shape[2] = { 2, 40 }; /* the second block of a row is short */
	static const int64_t blocks[2] = { 2, 2 };
	static const uint8_t exponents[4] = { 127, 126, 128, 0 };
	static uint8_t weight[80];
	static float wanted[80];
	struct made made = { .count = 0 };

	for (size_t i = 0; i < 80; i++) {
		weight[i] = 0x38;
		wanted[i] = i < 32 ? 1 : i < 40 ? 0.5F : i < 72 ? 2 : 0x1p-127F;
	}
	add(&made, "a.weight", DTYPE_F8_E4M3, 2, shape, weight);
	add(&made, "a.weight_scale", DTYPE_U8, 2, blocks, exponents);
	add_mark(&made, "a.comfy_quant", "{\"format\": \"mxfp8\"}");
	write_made(&made);
	ck_assert(!only_layer(NULL).in_tiles);
	check_values(wanted, 80);
}
END_TEST

START_TEST(what_nothing_here_reads_is_refused_by_name)
{
	static const struct {
		const char *mark, *says;
		bool has_scale;
	} cases[] = {
		{ .mark = "{\"format\": \"convrot_w4a4\"}", .says = "convrot_w4a4", .has_scale = true },
		{ .mark = "{\"format\": \"float8_e4m3fn\", \"convrot\": true}", .says = "rotated", .has_scale = true },
		{ .mark = "{\"format\": \"float8_e4m3fn\"}", .says = "no weight_scale" },
		{ .mark = "{\"format\": \"mxfp8\"}", .says = "block scales", .has_scale = true },
		{ .mark = "{\"format\": \"nvfp4\"}", .says = "another type", .has_scale = true },
		{ .mark = "{\"format\": 4}", .says = "names no format", .has_scale = true },
		{ .mark = "float8", .says = "not JSON", .has_scale = true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made made = scaled_square(cases[i].has_scale ? "a.weight_scale" : "b");
		struct error e = ERROR_INIT;
		struct transcode_result result;

		add_mark(&made, "a.comfy_quant", cases[i].mark);
		write_made(&made);
		ck_assert(!convert(WEIGHTS_SAFETENSORS, "F32", &result, &e));
		ck_assert_int_eq(e.kind, ERROR_UNSUPPORTED);
		ck_assert_msg(strstr(e.text, cases[i].says) != NULL, "\"%s\" does not say %s", e.text, cases[i].says);
		e = (struct error)ERROR_INIT;
		ck_assert_ok(convert(WEIGHTS_SAFETENSORS, NULL, &result, &e), &e);
	}
}
END_TEST

START_TEST(scales_of_another_shape_are_refused)
{
	static const float scales[4] = { 1, 1, 1, 1 };
	static const int64_t across[2] = { 1, 2 };
	struct made made = { .count = 0 };
	struct error e = ERROR_INIT;
	struct transcode_result result;

	add(&made, "a.weight", DTYPE_F8_E4M3, 2, square, codes);
	add(&made, "a.weight_scale", DTYPE_F32, 2, across, scales);
	write_made(&made);
	ck_assert(!convert(WEIGHTS_SAFETENSORS, "BF16", &result, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "neither one a tensor nor one a row"));
}
END_TEST

START_TEST(a_copy_keeps_scales_as_they_are_and_fp8_stays_with_its_own)
{
	static const char *const types[] = { NULL, "F8_E4M3" };

	for (size_t i = 0; i < 2; i++) {
		struct made made = scaled_square("a.weight_scale");
		struct error e = ERROR_INIT;
		struct transcode_result result;
		struct safetensors *file;

		write_made(&made);
		ck_assert_ok(convert(WEIGHTS_SAFETENSORS, types[i], &result, &e), &e);
		ck_assert_uint_eq(result.unscaled, 0);
		file = safetensors_open(out, &e);
		ck_assert_ok(file, &e);
		ck_assert_uint_eq(safetensors_count(file), 2);
		ck_assert_int_eq(safetensors_find(file, "a.weight_scale")->dtype, DTYPE_F32);
		ck_assert_mem_eq(safetensors_find(file, "a.weight")->bytes, codes, 4);
		safetensors_close(file);
	}
}
END_TEST

START_TEST(the_header_forgets_the_layers_that_lost_their_scales_and_no_other)
{
	static const int8_t bytes[4] = { 64, 64, 64, 64 };
	struct made made = scaled_square("a.weight_scale");
	struct error e = ERROR_INIT;
	struct transcode_result result;
	struct safetensors *file;
	const char *word;

	add(&made, "b.weight", DTYPE_I8, 2, square, bytes);
	add(&made, "b.weight_scale", DTYPE_F32, 0, NULL, &half);
	made.metadata[0] = SCALED_METADATA;
	made.metadata[1] = "{\"layers\":{\"a\":{\"format\":\"float8_e4m3fn\"},\"b\":{\"format\":\"int8_tensorwise\"}}}";
	write_made(&made);
	ck_assert_ok(convert(WEIGHTS_SAFETENSORS, "F8_E4M3", &result, &e), &e);
	ck_assert_uint_eq(result.unscaled, 1);
	file = safetensors_open(out, &e);
	ck_assert_ok(file, &e);
	word = safetensors_metadata(file, SCALED_METADATA);
	ck_assert_ptr_nonnull(word);
	ck_assert_ptr_nonnull(strstr(word, "\"a\""));
	ck_assert_ptr_null(strstr(word, "\"b\""));
	ck_assert_ptr_null(safetensors_find(file, "b.weight_scale"));
	safetensors_close(file);
	ck_assert_ok(convert(WEIGHTS_SAFETENSORS, "BF16", &result, &e), &e);
	file = safetensors_open(out, &e);
	ck_assert_ok(file, &e);
	ck_assert_ptr_null(safetensors_metadata(file, SCALED_METADATA));
	ck_assert_uint_eq(safetensors_count(file), 2);
	safetensors_close(file);
}
END_TEST

START_TEST(a_header_that_cannot_be_read_is_no_reason_to_guess)
{
	struct made made = scaled_square("a.weight_scale");
	struct error e = ERROR_INIT;
	struct transcode_result result;
	char fault[160];

	made.metadata[0] = SCALED_METADATA;
	made.metadata[1] = "{\"layers\":";
	write_made(&made);
	only_layer(fault);
	ck_assert(fault[0] != '\0');
	ck_assert(!convert(WEIGHTS_SAFETENSORS, "BF16", &result, &e));
	e = (struct error)ERROR_INIT;
	ck_assert_ok(convert(WEIGHTS_SAFETENSORS, NULL, &result, &e), &e);
}
END_TEST

START_TEST(gguf_has_no_place_for_scales)
{
	struct made made = scaled_square("a.weight_scale");
	static const int8_t bytes[4] = { 64, 64, 64, 64 };
	struct made whole = { .count = 0 };
	struct error e = ERROR_INIT;
	struct transcode_result result;
	struct weights weights;

	add(&whole, "a.weight", DTYPE_I8, 2, square, bytes);
	add(&whole, "a.weight_scale", DTYPE_F32, 0, NULL, &half);
	write_made(&whole);
	ck_assert(!convert(WEIGHTS_GGUF, NULL, &result, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "multiplies them in"));
	write_made(&made);
	e = (struct error)ERROR_INIT;
	ck_assert_ok(convert(WEIGHTS_GGUF, "F16", &result, &e), &e);
	ck_assert_ok(weights_open(&weights, out, &e), &e);
	ck_assert_uint_eq(weights.count, 1);
	weights_close(&weights);
}
END_TEST

START_TEST(a_plain_weight_and_something_called_weight_scale_are_left_alone)
{
	static const float values[4] = { 1, 2, 3, 4 };
	struct made made = { .count = 0 };
	struct error e = ERROR_INIT;
	struct weights weights;

	add(&made, "a.weight", DTYPE_F32, 2, square, values);
	add(&made, "a.weight_scale", DTYPE_F32, 0, NULL, &half);
	write_made(&made);
	ck_assert_ok(weights_open(&weights, in, &e), &e);
	ck_assert_uint_eq(weights.scaled.count, 0);
	ck_assert_int_eq(weights.scaled.uses[0].role, SCALED_PLAIN);
	ck_assert_int_eq(weights.scaled.uses[1].role, SCALED_PLAIN);
	weights_close(&weights);
}
END_TEST

HARNESS_SUITE(scaled_suite)
{
	Suite *suite = suite_create("scaled");
	TCase *cases = tcase_create("scaled");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, each_form_of_scaled_fp8_is_told_and_has_its_scale_multiplied_in);
	tcase_add_test(cases, a_scale_a_row_is_each_rows_own);
	tcase_add_test(cases, int8_and_e5m2_are_stored_times_scale);
	tcase_add_test(cases, nvfp4_has_two_weights_a_byte_and_its_scales_in_tiles);
	tcase_add_test(cases, mxfp8_scales_that_are_not_padded_lie_row_by_row);
	tcase_add_test(cases, what_nothing_here_reads_is_refused_by_name);
	tcase_add_test(cases, scales_of_another_shape_are_refused);
	tcase_add_test(cases, a_copy_keeps_scales_as_they_are_and_fp8_stays_with_its_own);
	tcase_add_test(cases, the_header_forgets_the_layers_that_lost_their_scales_and_no_other);
	tcase_add_test(cases, a_header_that_cannot_be_read_is_no_reason_to_guess);
	tcase_add_test(cases, gguf_has_no_place_for_scales);
	tcase_add_test(cases, a_plain_weight_and_something_called_weight_scale_are_left_alone);
	suite_add_tcase(suite, cases);
	return suite;
}
