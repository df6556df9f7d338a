#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/tensor/safetensors/shards.h"
#include "tests/harness/harness.h"

static const uint8_t bytes[4] = { 1, 2, 3, 4 };
static const int64_t shape[1] = { 4 };

static char *folder;
static char path[512];

static void write_shard(const char *name, const char *first, const char *second)
{
	const struct safetensors_entry entries[2] = { { first, DTYPE_U8, 1, shape, bytes },
						      { second, DTYPE_U8, 1, shape, bytes } };
	struct error e = ERROR_INIT;
	char file[600];

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	ck_assert_ok(safetensors_write(file, entries, second ? 2 : 1, NULL, &e), &e);
}

static void set_up(void)
{
	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/model.safetensors.index.json", folder);
	write_shard("model-1.safetensors", "a", "b");
	write_shard("model-2.safetensors", "c", NULL);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static struct shards *open_index(const char *text, struct error *e)
{
	ck_assert_ok(file_write_whole(path, text, strlen(text), e), e);
	return shards_open(path, e);
}

static void check_refused(const char *text, enum error_kind kind, const char *words)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(open_index(text, &e));
	ck_assert_int_eq(e.kind, kind);
	ck_assert_msg(strstr(e.text, words), "\"%s\" does not say \"%s\"", e.text, words);
	ck_assert_msg(strstr(e.text, "index.json"), "\"%s\" does not name the index", e.text);
}

START_TEST(tensors_are_found_in_the_files_that_hold_them)
{
	struct error e = ERROR_INIT;
	struct shards *shards = open_index("{\"metadata\":{\"total_size\":12},\"weight_map\":{\"c\":\"model-2.safetensors\","
					   "\"a\":\"model-1.safetensors\",\"b\":\"model-1.safetensors\"}}",
					   &e);
	size_t file;

	ck_assert_ok(shards, &e);
	ck_assert_uint_eq(shards_count(shards), 3);
	ck_assert_uint_eq(shards_file_count(shards), 2);
	ck_assert_mem_eq(shards_find(shards, "c", &file)->bytes, bytes, 4);
	ck_assert_str_eq(shards_file_name(shards, file), "model-2.safetensors");
	ck_assert_str_eq(shards_tensor(shards, 0, NULL)->name, "a");
	ck_assert_ptr_null(shards_find(shards, "d", NULL));
	ck_assert_uint_eq(shards_unlisted(shards), 0);
	shards_close(shards);
}
END_TEST

START_TEST(tensors_that_the_index_does_not_list_are_counted)
{
	struct error e = ERROR_INIT;
	struct shards *shards = open_index("{\"weight_map\":{\"a\":\"model-1.safetensors\"}}", &e);

	ck_assert_ok(shards, &e);
	ck_assert_ptr_null(shards_find(shards, "b", NULL));
	ck_assert_uint_eq(shards_unlisted(shards), 1);
	shards_close(shards);
}
END_TEST

START_TEST(a_tensor_that_its_file_does_not_hold_is_refused)
{
	check_refused("{\"weight_map\":{\"a\":\"model-2.safetensors\"}}", ERROR_FORMAT, "does not hold it");
}
END_TEST

START_TEST(a_name_that_leads_elsewhere_is_refused)
{
	check_refused("{\"weight_map\":{\"a\":\"../model-1.safetensors\"}}", ERROR_FORMAT, "beside the index");
	check_refused("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", ERROR_FORMAT, "beside the index");
	check_refused("{\"weight_map\":{\"a\":\"\"}}", ERROR_FORMAT, "beside the index");
	check_refused("{\"weight_map\":{\"a\":\"..\"}}", ERROR_FORMAT, "beside the index");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_told)
{
	check_refused("{\"weight_map\":{\"a\":\"model-3.safetensors\"}}", ERROR_MISSING, "model-3.safetensors");
}
END_TEST

START_TEST(what_is_no_index_is_refused)
{
	check_refused("[]", ERROR_FORMAT, "a list");
	check_refused("{}", ERROR_FORMAT, "weight_map");
	check_refused("{\"weight_map\":{\"a\":1}}", ERROR_FORMAT, "an integer");
	check_refused("{\"weight_map\":{\"a\":\"model-1.safetensors\",\"a\":\"model-1.safetensors\"}}", ERROR_FORMAT, "line 1");
	check_refused("", ERROR_FORMAT, "0 bytes");
	check_refused("{\"weight_map\":", ERROR_FORMAT, "line 1");
}
END_TEST

HARNESS_SUITE(shards_suite)
{
	Suite *suite = suite_create("shards");
	TCase *cases = tcase_create("shards");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, tensors_are_found_in_the_files_that_hold_them);
	tcase_add_test(cases, tensors_that_the_index_does_not_list_are_counted);
	tcase_add_test(cases, a_tensor_that_its_file_does_not_hold_is_refused);
	tcase_add_test(cases, a_name_that_leads_elsewhere_is_refused);
	tcase_add_test(cases, a_file_that_is_not_there_is_told);
	tcase_add_test(cases, what_is_no_index_is_refused);
	suite_add_tcase(suite, cases);
	return suite;
}
