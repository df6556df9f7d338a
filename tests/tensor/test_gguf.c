#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/tensor/gguf/gguf.h"
#include "tests/harness/harness.h"

static const float four[4] = { 1, 2, 3, 4 };
static const uint8_t block[34] = { 0x00, 0x3c, 1, 2, 3 };
static const int64_t shape_four[2] = { 1, 4 };
static const int64_t shape_block[1] = { 32 };
static const int64_t shape_none[2] = { 0, 32 };

static const struct gguf_entry entries[] = {
	{ "four", QUANT_F32, 2, shape_four, four },
	{ "none", QUANT_Q8_0, 2, shape_none, NULL },
	{ "block", QUANT_Q8_0, 1, shape_block, block },
	{ "scalar", QUANT_F32, 0, NULL, four },
};

static char *folder;
static char path[512];

static void set_up(void)
{
	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/out.gguf", folder);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static unsigned files_in_folder(void)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void write_file(void)
{
	struct gguf_metadata metadata = { .count = 0 };
	struct error e = ERROR_INIT;
	const int32_t numbers[3] = { 1, -2, 3 };

	gguf_metadata_text(&metadata, "general.architecture", "flux");
	gguf_metadata_u32(&metadata, "answer", 42);
	gguf_metadata_i32s(&metadata, "numbers", numbers, 3);
	ck_assert_ok(gguf_write(path, entries, 4, &metadata, &e), &e);
	gguf_metadata_free(&metadata);
}

START_TEST(what_was_written_reads_back)
{
	struct error e = ERROR_INIT;
	const struct gguf_tensor *t;
	struct gguf *file;

	write_file();
	file = gguf_open(path, &e);
	ck_assert_ok(file, &e);
	ck_assert_uint_eq(gguf_version(file), 3);
	ck_assert_uint_eq(gguf_count(file), 4);
	t = gguf_find(file, "four");
	ck_assert(t && t->rank == 2 && t->shape[0] == 1 && t->shape[1] == 4);
	ck_assert_mem_eq(t->bytes, four, sizeof(four));
	t = gguf_find(file, "block");
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(gguf_element_count(t), 32);
	ck_assert_mem_eq(t->bytes, block, sizeof(block));
	ck_assert_uint_eq(gguf_file_offset(file, t) % GGUF_ALIGNMENT, 0);
	ck_assert_uint_eq(gguf_element_count(gguf_find(file, "none")), 0);
	ck_assert_uint_eq(gguf_element_count(gguf_find(file, "scalar")), 1);
	ck_assert_ptr_null(gguf_find(file, "nothing"));
	gguf_close(file);
	ck_assert_uint_eq(files_in_folder(), 1);
}
END_TEST

START_TEST(values_read_back)
{
	struct error e = ERROR_INIT;
	struct gguf_value value;
	struct gguf *file;
	size_t length;
	int64_t number;

	write_file();
	file = gguf_open(path, &e);
	ck_assert_ok(file, &e);
	ck_assert(gguf_value_find(file, "general.architecture", &value));
	ck_assert_mem_eq(gguf_value_text(&value, &length), "flux", 4);
	ck_assert_uint_eq(length, 4);
	ck_assert(gguf_value_find(file, "answer", &value) && gguf_value_integer(&value, 0, &number));
	ck_assert_int_eq(number, 42);
	ck_assert(gguf_value_find(file, "numbers", &value) && gguf_value_integer(&value, 1, &number));
	ck_assert_int_eq(number, -2);
	ck_assert(!gguf_value_integer(&value, 3, &number));
	ck_assert(!gguf_value_find(file, "absent", &value));
	gguf_close(file);
}
END_TEST

/* The other byte order, made by swapping every number of the head and of the tensor, as such a machine would write them. */
START_TEST(a_file_of_the_other_byte_order_opens)
{
	static const uint8_t bytes[] = { 'G', 'G', 'U', 'F', 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1,
					 /* key "k", U16, 258 */
					 0, 0, 0, 0, 0, 0, 0, 1, 'k', 0, 0, 0, 2, 1, 2,
					 /* tensor "w", one dimension of 2, F32, offset 0 */
					 0, 0, 0, 0, 0, 0, 0, 1, 'w', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
					 0, 0, 0, 0, 0,
					 /* padding to 96 */
					 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					 /* 1.0, 2.0 */
					 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0 };
	struct error e = ERROR_INIT;
	struct gguf *file = gguf_parse(bytes, sizeof(bytes), "swapped.gguf", &e);
	struct gguf_value value;
	int64_t number;

	ck_assert_ok(file, &e);
	ck_assert(gguf_is_swapped(file));
	ck_assert(gguf_value_find(file, "k", &value) && gguf_value_integer(&value, 0, &number));
	ck_assert_int_eq(number, 258);
	ck_assert_uint_eq(gguf_find(file, "w")->shape[0], 2);
	ck_assert_uint_eq(gguf_file_offset(file, gguf_find(file, "w")), 96);
	gguf_close(file);
}
END_TEST

START_TEST(every_cut_of_a_file_is_refused_or_loses_only_padding)
{
	size_t length;
	struct error e = ERROR_INIT;
	char *bytes;

	write_file();
	bytes = file_read_whole(path, &length, &e);
	ck_assert_ok(bytes, &e);
	for (size_t cut = 0; cut < length; cut++) {
		struct gguf *file;

		error_clear(&e);
		file = gguf_parse((const uint8_t *)bytes, cut, "cut.gguf", &e);
		ck_assert_msg(!file || length - cut < GGUF_ALIGNMENT, "cut at %zu of %zu it opens", cut, length);
		ck_assert(file || e.kind == ERROR_FORMAT);
		gguf_close(file);
	}
	free(bytes);
}
END_TEST

START_TEST(a_refusal_names_file_offset_and_reason)
{
	struct error e = ERROR_INIT;

	ck_assert(!gguf_open("tests/data/numerics/files/malformed/g36_row_not_multiple_of_block.gguf", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "g36_row_not_multiple_of_block.gguf"));
	ck_assert_ptr_nonnull(strstr(e.text, "offset 77"));
	ck_assert_ptr_nonnull(strstr(e.text, "Q8_0"));
}
END_TEST

START_TEST(rows_that_are_no_whole_blocks_are_not_written)
{
	const int64_t shape[1] = { 33 };
	struct gguf_entry entry = { "w", QUANT_Q8_0, 1, shape, block };
	struct error e = ERROR_INIT;

	ck_assert(!gguf_write(path, &entry, 1, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(two_tensors_of_one_name_are_not_written)
{
	struct gguf_entry twice[2] = { entries[0], entries[0] };
	struct error e = ERROR_INIT;

	ck_assert(!gguf_write(path, twice, 2, NULL, &e));
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(a_file_with_bytes_missing_never_appears)
{
	struct error e = ERROR_INIT;
	struct gguf_writer *writer = gguf_writer_open(path, entries, 4, NULL, &e);

	ck_assert_ok(writer, &e);
	ck_assert_ok(gguf_writer_put(writer, four, 8, &e), &e);
	ck_assert(!gguf_writer_finish(writer, &e));
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(a_full_disk_leaves_no_partial_file)
{
	struct error e = ERROR_INIT;
	char target[600];

	snprintf(target, sizeof(target), "%s.partial-%ld", path, (long)getpid());
	ck_assert_int_eq(symlink("/dev/full", target), 0);
	ck_assert(!gguf_write(path, entries, 4, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_IO);
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(an_original_shape_of_other_size_is_not_believed)
{
	struct error e = ERROR_INIT;
	struct gguf *file = gguf_open("tests/data/numerics/files/malformed/g54_orig_shape_wrong_product.gguf", &e);
	uint64_t shape[GGUF_RANK_MAX];
	unsigned rank;

	ck_assert_ok(file, &e);
	ck_assert(!gguf_original_shape(file, gguf_find(file, "w"), shape, &rank));
	gguf_close(file);
}
END_TEST

HARNESS_SUITE(gguf_suite)
{
	Suite *suite = suite_create("gguf");
	TCase *cases = tcase_create("gguf");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_was_written_reads_back);
	tcase_add_test(cases, values_read_back);
	tcase_add_test(cases, a_file_of_the_other_byte_order_opens);
	tcase_add_test(cases, every_cut_of_a_file_is_refused_or_loses_only_padding);
	tcase_add_test(cases, a_refusal_names_file_offset_and_reason);
	tcase_add_test(cases, rows_that_are_no_whole_blocks_are_not_written);
	tcase_add_test(cases, two_tensors_of_one_name_are_not_written);
	tcase_add_test(cases, a_file_with_bytes_missing_never_appears);
	tcase_add_test(cases, a_full_disk_leaves_no_partial_file);
	tcase_add_test(cases, an_original_shape_of_other_size_is_not_believed);
	suite_add_tcase(suite, cases);
	return suite;
}
