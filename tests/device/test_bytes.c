/* How callers reach bytes on any backend: the slots and the map, where addresses may be followed and where they may not. */
#include <signal.h>
#include <string.h>

#include "tests/device/fixture.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

static struct fixture f;

static const char machine_text[] = "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':1073741824},"
				   "{'name':'cuda:0','capacity_bytes':1073741824}],"
				   "'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1e9},"
				   "{'from':'cuda:0','to':'cpu','bandwidth_bytes_per_s':1e9}]}";

static const struct backend *const with_bytes[] = { &host_backend, &guarded_backend };

static void tear_down(void)
{
	fixture_close(&f);
}

START_TEST(bytes_written_are_read_again_at_any_offset)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;
	uint8_t bytes[10000];
	uint8_t again[10000] = { 0 };

	fixture_open(&f, machine_text, with_bytes[_i]);
	buffer = fixture_alloc(f.gpu0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 >> 3);
	ck_assert_ok(device_fill(&buffer, 0, sizeof(bytes), 7, &e), &e);
	ck_assert_ok(device_write(&buffer, 4000, 300, bytes, &e), &e);
	ck_assert_ok(device_read(&buffer, 3999, 302, again, &e), &e);
	ck_assert_uint_eq(again[0], 7);
	ck_assert_mem_eq(again + 1, bytes, 300);
	ck_assert_uint_eq(again[301], 7);
}
END_TEST

START_TEST(what_is_changed_in_a_map_is_in_the_buffer_afterwards)
{
	struct error e = ERROR_INIT;
	struct mapping place;
	struct buffer buffer;
	const uint8_t *bytes;

	fixture_open(&f, machine_text, with_bytes[_i]);
	buffer = fixture_alloc(f.gpu0, 5000);
	ck_assert_ok(device_fill(&buffer, 0, 5000, 1, &e), &e);
	ck_assert_ok(device_map(&buffer, MAP_CHANGE, &place, &e), &e);
	ck_assert_uint_eq(((uint8_t *)place.bytes)[4999], 1);
	((uint8_t *)place.bytes)[4999] = 9;
	ck_assert_ok(device_unmap(&place, true, &e), &e);
	bytes = harness_bytes(&buffer);
	ck_assert_uint_eq(bytes[4998], 1);
	ck_assert_uint_eq(bytes[4999], 9);
}
END_TEST

START_TEST(a_copy_reaches_memory_that_cannot_be_touched)
{
	struct buffer from;
	struct buffer to;
	struct error e = ERROR_INIT;

	fixture_open(&f, machine_text, with_bytes[_i]);
	from = fixture_alloc(f.cpu, 700);
	to = fixture_alloc(f.gpu0, 700);
	ck_assert_ok(device_fill(&from, 0, 700, 3, &e), &e);
	fixture_copy(&to, &from, STREAM_COMPUTE);
	ck_assert_ok(stream_synchronize(device_stream(to.device), &e), &e);
	ck_assert_mem_eq(harness_bytes(&to), harness_bytes(&from), 700);
}
END_TEST

START_TEST(a_range_outside_the_buffer_is_refused_and_named)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;
	uint8_t bytes[20];

	fixture_open(&f, machine_text, with_bytes[_i]);
	buffer = fixture_alloc(f.gpu0, 100);
	ck_assert(!device_read(&buffer, 90, 20, bytes, &e));
	ck_assert_int_eq(e.kind, ERROR_BUG);
	ck_assert_ptr_nonnull(strstr(e.text, "a read of 20 bytes from byte 90 of a buffer of 100 on cuda:0"));
	error_clear(&e);
	ck_assert(!device_write(&buffer, UINT64_MAX, 2, bytes, &e));
	ck_assert(!device_fill(&buffer, 101, 0, 0, NULL));
}
END_TEST

START_TEST(where_no_bytes_exist_they_are_written_at_will_and_never_read)
{
	struct error e = ERROR_INIT;
	struct mapping place;
	struct buffer buffer;
	uint8_t bytes[10] = { 0 };

	fixture_open(&f, machine_text, &sim_backend);
	buffer = fixture_alloc(f.gpu0, 10);
	ck_assert_ok(device_write(&buffer, 0, 10, bytes, &e), &e);
	ck_assert_ok(device_fill(&buffer, 0, 10, 1, &e), &e);
	ck_assert(!device_read(&buffer, 0, 10, bytes, &e));
	ck_assert_int_eq(e.kind, ERROR_BUG);
	ck_assert(!device_map(&buffer, MAP_READ, &place, NULL));
}
END_TEST

/* The test of the test backend: it dies at the address. */
START_TEST(whoever_follows_a_guarded_address_dies_there)
{
	struct buffer buffer;

	fixture_open(&f, machine_text, &guarded_backend);
	buffer = fixture_alloc(f.gpu0, 100);
	signal(SIGSEGV, SIG_DFL); /* a sanitizer would turn it into an exit */
	ck_assert_uint_eq(*(volatile uint8_t *)buffer.address, 0);
}
END_TEST

START_TEST(facts_of_a_backend_that_contradict_each_other_are_refused)
{
	struct backend odd = sim_backend;
	struct error e = ERROR_INIT;

	odd.host_addressable = true;
	ck_assert(!backend_check(&odd, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "no bytes exist"));
	odd = sim_backend;
	odd.computes = true;
	ck_assert(!backend_check(&odd, NULL));
	ck_assert(backend_check(&guarded_backend, NULL));
}
END_TEST

HARNESS_SUITE(bytes_suite)
{
	Suite *suite = suite_create("bytes");
	TCase *tests = tcase_create("fine");
	TCase *facts = tcase_create("facts");

	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_loop_test(tests, bytes_written_are_read_again_at_any_offset, 0, 2);
	tcase_add_loop_test(tests, what_is_changed_in_a_map_is_in_the_buffer_afterwards, 0, 2);
	tcase_add_loop_test(tests, a_copy_reaches_memory_that_cannot_be_touched, 0, 2);
	tcase_add_loop_test(tests, a_range_outside_the_buffer_is_refused_and_named, 0, 2);
	tcase_add_test(tests, where_no_bytes_exist_they_are_written_at_will_and_never_read);
	tcase_add_test_raise_signal(facts, whoever_follows_a_guarded_address_dies_there, SIGSEGV);
	tcase_add_test(facts, facts_of_a_backend_that_contradict_each_other_are_refused);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, facts);
	return suite;
}
