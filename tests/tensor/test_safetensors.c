#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/harness/harness.h"

#define FILES "tests/data/numerics/files/"

/* A file made of a header and data, opened from memory; the header's text may hold NULs. */
static struct safetensors *parse(const char *header, size_t header_length, const char *data, size_t data_length,
				 struct error *e)
{
	static uint8_t bytes[4096];

	ck_assert(8 + header_length + data_length <= sizeof(bytes));
	memset(bytes, 0, 8);
	bytes[0] = (uint8_t)header_length;
	bytes[1] = (uint8_t)(header_length >> 8);
	memcpy(bytes + 8, header, header_length);
	memcpy(bytes + 8 + header_length, data, data_length);
	return safetensors_parse(bytes, 8 + header_length + data_length, "made.safetensors", e);
}

#define PARSE(header, data, e) parse(header, sizeof(header) - 1, data, sizeof(data) - 1, e)

/* The fourth column of malformed.tsv: what safetensors.deserialize said. */
static const char *fourth_column(char *line)
{
	for (int i = 0; i < 3 && line; i++) {
		line = strchr(line, '\t');
		if (line)
			line++;
	}
	return line ? line : "";
}

START_TEST(what_the_reference_reader_refuses_is_refused_and_what_it_accepts_opens)
{
	size_t length;
	struct error e = ERROR_INIT;
	char *text = file_read_whole(FILES "malformed.tsv", &length, &e);
	unsigned seen = 0;
	char *rest = text;

	ck_assert_ok(text, &e);
	for (char *line; (line = strsep(&rest, "\n"));) {
		char path[256];
		bool accepted = strncmp(fourth_column(line), "OK", 2) == 0;
		struct safetensors *file;

		if (line[0] != 's')
			continue;
		snprintf(path, sizeof(path), FILES "malformed/%.*s", (int)strcspn(line, "\t"), line);
		error_clear(&e);
		file = safetensors_open(path, &e);
		ck_assert_msg((file != NULL) == accepted, "%s: reference %s, ours: %s", path,
			      accepted ? "opens it" : "refuses it", file ? "opens" : e.text);
		ck_assert_msg(file || e.kind == ERROR_FORMAT, "%s: %s: %s", path, error_kind_name(e.kind), e.text);
		ck_assert_msg(file || strstr(e.text, path), "the message does not name its file: %s", e.text);
		safetensors_close(file);
		seen++;
	}
	ck_assert_uint_gt(seen, 40);
	free(text);
}
END_TEST

static void check_tensors(const struct safetensors *file, json_t *wanted)
{
	const char *name;
	json_t *tensor;

	json_object_foreach(wanted, name, tensor)
	{
		const struct safetensors_tensor *t = safetensors_find(file, name);
		const json_t *shape = json_object_get(tensor, "shape");

		ck_assert_msg(t, "%s is not found", name);
		ck_assert_str_eq(dtype_name(t->dtype), json_string_value(json_object_get(tensor, "dtype")));
		ck_assert_uint_eq(t->rank, json_array_size(shape));
		for (size_t i = 0; i < t->rank; i++)
			ck_assert_int_eq((int64_t)t->shape[i], json_integer_value(json_array_get(shape, i)));
	}
}

START_TEST(valid_files_hold_what_their_listing_says)
{
	struct error e = ERROR_INIT;
	json_t *listing = json_parse_file(FILES "valid_safetensors.json", &e);
	const char *name;
	json_t *wanted;

	ck_assert_ok(listing, &e);
	json_object_foreach(listing, name, wanted)
	{
		char path[256];
		struct safetensors *file;

		snprintf(path, sizeof(path), FILES "%s", name);
		file = safetensors_open(path, &e);
		ck_assert_ok(file, &e);
		ck_assert_int_eq((json_int_t)safetensors_count(file), json_integer_value(json_object_get(wanted, "n")));
		ck_assert_uint_eq(safetensors_metadata_count(file), json_object_size(json_object_get(wanted, "metadata")));
		if (json_is_object(json_object_get(wanted, "tensors")))
			check_tensors(file, json_object_get(wanted, "tensors"));
		safetensors_close(file);
	}
	json_decref(listing);
}
END_TEST

START_TEST(metadata_is_decoded)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = safetensors_open(FILES "v1_mixed_dtypes.safetensors", &e);

	ck_assert_ok(file, &e);
	ck_assert_str_eq(safetensors_metadata(file, "format"), "pt");
	ck_assert_str_eq(safetensors_metadata(file, "empty"), "");
	ck_assert_str_eq(safetensors_metadata(file, "modelspec.title"), "h\xc3\xa9 \"q\" \\ \xe4\xb8\x96");
	ck_assert_ptr_null(safetensors_metadata(file, "absent"));
	safetensors_close(file);
}
END_TEST

START_TEST(tensors_come_in_the_order_of_their_data)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = safetensors_open(FILES "malformed/s61_keys_not_in_offset_order.safetensors", &e);

	ck_assert_ok(file, &e);
	ck_assert_str_eq(safetensors_tensor(file, 0)->name, "a");
	ck_assert_str_eq(safetensors_tensor(file, 1)->name, "b");
	ck_assert_uint_eq(safetensors_tensor(file, 1)->bytes[0], 8);
	ck_assert_uint_eq(safetensors_tensor(file, 1)->file_offset, 124);
	safetensors_close(file);
}
END_TEST

START_TEST(of_a_tensor_named_twice_the_last_counts)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = PARSE("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
					 "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
					 "1234", &e);

	ck_assert_ok(file, &e);
	ck_assert_uint_eq(safetensors_count(file), 1);
	ck_assert_int_eq(safetensors_find(file, "a")->dtype, DTYPE_U8);
	safetensors_close(file);
}
END_TEST

START_TEST(a_name_may_hold_a_nul_and_unknown_members_anything)
{
	struct error e = ERROR_INIT;
	struct safetensors *file =
		PARSE("{\"a\\u0000b\":{\"x\":[1e400,{\"y\":99999999999999999999}],\"dtype\":\"U8\",\"shape\":[1],"
		      "\"data_offsets\":[0,1]}} ",
		      "1", &e);

	ck_assert_ok(file, &e);
	ck_assert_uint_eq(safetensors_tensor(file, 0)->name_length, 3);
	ck_assert_mem_eq(safetensors_tensor(file, 0)->name, "a\0b", 4);
	ck_assert_ptr_null(safetensors_find(file, "a"));
	safetensors_close(file);
}
END_TEST

START_TEST(surrogate_pairs_become_one_character)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = PARSE("{\"__metadata__\":{\"k\":\"\\ud83d\\ude00\"}}", "", &e);

	ck_assert_ok(file, &e);
	ck_assert_str_eq(safetensors_metadata(file, "k"), "\xf0\x9f\x98\x80");
	safetensors_close(file);
}
END_TEST

START_TEST(nesting_is_limited)
{
	struct strbuf header = STRBUF_INIT;
	struct error e = ERROR_INIT;

	strbuf_append(&header, "{\"a\":{\"x\":");
	for (int i = 0; i < 1000; i++)
		strbuf_append(&header, "[");
	ck_assert_ptr_null(parse(header.text, header.length, "", 0, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "nested too deep"));
	strbuf_free(&header);
}
END_TEST

/* What a message must name besides the file. */
static const struct {
	const char *header;
	const char *wanted[3];
} messages[] = {
	{ "{\"a\":{\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]}}", { "offset 22", "f32" } },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", { "tensor a", "[4, 8]", "ends at 0" } },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[9],\"data_offsets\":[0,4]}}", { "tensor a", "span 4", "ask for 36" } },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", { "offset 37", "dimension" } },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", { "tensor a", "data_offsets" } },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", { "need 8", "has 4", "cut off" } },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", { "3 bytes", "offset 62" } },
};

START_TEST(a_message_names_offset_tensor_and_finding)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(parse(messages[_i].header, strlen(messages[_i].header), "1234", 4, &e));
	for (size_t i = 0; i < 3 && messages[_i].wanted[i]; i++)
		ck_assert_msg(strstr(e.text, messages[_i].wanted[i]), "\"%s\" is not in: %s", messages[_i].wanted[i], e.text);
}
END_TEST

START_TEST(every_truncation_of_a_valid_file_is_refused)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *bytes = file_read_whole(FILES "v1_mixed_dtypes.safetensors", &length, &e);

	ck_assert_ok(bytes, &e);
	for (size_t n = 0; n < length; n++) {
		/* A copy of exactly n bytes, so that a sanitizer sees a read past them. */
		uint8_t *part = malloc(n ? n : 1);

		ck_assert_ptr_nonnull(part);
		memcpy(part, bytes, n);
		error_clear(&e);
		ck_assert_ptr_null(safetensors_parse(part, n, "cut", &e));
		ck_assert_int_eq(e.kind, ERROR_FORMAT);
		free(part);
	}
	free(bytes);
}
END_TEST

HARNESS_SUITE(safetensors_suite)
{
	Suite *suite = suite_create("safetensors");
	TCase *cases = tcase_create("reading");

	tcase_add_test(cases, what_the_reference_reader_refuses_is_refused_and_what_it_accepts_opens);
	tcase_add_test(cases, valid_files_hold_what_their_listing_says);
	tcase_add_test(cases, metadata_is_decoded);
	tcase_add_test(cases, tensors_come_in_the_order_of_their_data);
	tcase_add_test(cases, of_a_tensor_named_twice_the_last_counts);
	tcase_add_test(cases, a_name_may_hold_a_nul_and_unknown_members_anything);
	tcase_add_test(cases, surrogate_pairs_become_one_character);
	tcase_add_test(cases, nesting_is_limited);
	tcase_add_loop_test(cases, a_message_names_offset_tensor_and_finding, 0, (int)ARRAY_SIZE(messages));
	tcase_add_test(cases, every_truncation_of_a_valid_file_is_refused);
	suite_add_tcase(suite, cases);
	return suite;
}
