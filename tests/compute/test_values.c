#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compute/inference.h"
#include "core/compute/text/tokenizer.h"
#include "tests/harness/harness.h"

static float pixels[2 * 2 * 3] = { 0, 0.5F, 1, 1, 0, 0, 0.25F, 0.25F, 0.25F, 2, -1, 0.999F };

START_TEST(a_png_holds_the_pixels_rounded_down)
{
	struct values image = { .rank = 4, .shape = { 1, 2, 2, 3 }, .values = pixels };
	png_image png = { .version = PNG_IMAGE_VERSION };
	struct error e = ERROR_INIT;
	char *folder = harness_make_folder();
	char path[256];
	unsigned char read[12];
	static const unsigned char expected[12] = { 0, 127, 255, 255, 0, 0, 63, 63, 63, 255, 0, 254 };

	snprintf(path, sizeof(path), "%s/a.png", folder);
	ck_assert_ok(values_write_png(&image, path, &e), &e);
	ck_assert(png_image_begin_read_from_file(&png, path));
	png.format = PNG_FORMAT_RGB;
	ck_assert(png_image_finish_read(&png, NULL, read, 0, NULL));
	ck_assert_mem_eq(read, expected, sizeof(expected));
	harness_remove_folder(folder);
}
END_TEST

START_TEST(a_hash_knows_the_shape_too)
{
	struct values wide = { .rank = 2, .shape = { 2, 6 }, .values = pixels };
	struct values tall = { .rank = 2, .shape = { 6, 2 }, .values = pixels };
	char a[VALUES_HASH_MAX];
	char b[VALUES_HASH_MAX];

	values_hash(&wide, a);
	values_hash(&tall, b);
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(words_are_the_same_whatever_their_case_and_distance)
{
	int64_t a[8];
	int64_t b[8];

	ck_assert_uint_eq(tokenizer_split("A Lighthouse,  at dusk", 3, 500, a, 8), 5);
	ck_assert_uint_eq(tokenizer_split("a lighthouse , at\ndusk", 3, 500, b, 8), 5);
	ck_assert_mem_eq(a, b, 5 * sizeof(*a));
	for (int i = 0; i < 5; i++)
		ck_assert(a[i] >= 3 && a[i] < 503);
}
END_TEST

START_TEST(no_more_words_than_there_is_room)
{
	int64_t ids[2];

	ck_assert_uint_eq(tokenizer_split("one two three", 0, 10, ids, 2), 2);
	ck_assert_uint_eq(tokenizer_split("", 0, 10, ids, 2), 0);
}
END_TEST

HARNESS_SUITE(values_suite)
{
	Suite *suite = suite_create("values");
	TCase *tests = tcase_create("values");

	tcase_add_test(tests, a_png_holds_the_pixels_rounded_down);
	tcase_add_test(tests, a_hash_knows_the_shape_too);
	tcase_add_test(tests, words_are_the_same_whatever_their_case_and_distance);
	tcase_add_test(tests, no_more_words_than_there_is_room);
	suite_add_tcase(suite, tests);
	return suite;
}
