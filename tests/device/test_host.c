#include <string.h>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "tests/device/fixture.h"
#include "tests/harness/harness.h"

static struct fixture f;

/* Cards far larger than this machine's memory: only what is used may be taken. */
static void set_up(void)
{
	fixture_open(&f,
		     "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':1099511627776},"
		     "{'name':'cuda:0','capacity_bytes':1099511627776},{'name':'cuda:1','capacity_bytes':25165824}],"
		     "'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1e9},"
		     "{'from':'cuda:0','to':'cpu','bandwidth_bytes_per_s':1e9},"
		     "{'from':'cpu','to':'cuda:1','bandwidth_bytes_per_s':1e9}]}",
		     &host_backend);
}

static void tear_down(void)
{
	fixture_close(&f);
}

START_TEST(bytes_arrive_on_another_device_and_come_back)
{
	struct buffer first = fixture_alloc(f.cpu, 100000);
	struct buffer there = fixture_alloc(f.gpu0, 100000);
	struct buffer back = fixture_alloc(f.cpu, 100000);

	for (size_t i = 0; i < 100000; i++)
		((uint8_t *)first.address)[i] = (uint8_t)(i * 31 >> 3);
	fixture_copy(&there, &first, STREAM_COMPUTE);
	fixture_copy(&back, &there, STREAM_COMPUTE);
	ck_assert_ptr_ne(there.address, first.address);
	ck_assert_int_eq(memcmp(first.address, back.address, 100000), 0);
}
END_TEST

START_TEST(a_copy_moves_the_range_asked_for_and_no_other_byte)
{
	struct buffer from = fixture_alloc(f.cpu, 100);
	struct buffer to = fixture_alloc(f.gpu0, 100);
	const uint8_t *bytes = to.address;
	const struct transfer transfer = {
		.stream = device_stream(f.gpu0),
		.to = &to,
		.to_offset_bytes = 10,
		.from = &from,
		.from_offset_bytes = 50,
		.size_bytes = 20,
	};

	memset(from.address, 1, 100);
	memset(to.address, 0, 100);
	ck_assert(device_copy(&transfer, NULL));
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(bytes[i], i >= 10 && i < 30);
}
END_TEST

START_TEST(an_arena_has_the_capacity_of_its_description)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;

	fixture_alloc(f.gpu1, 24 * MIB);
	ck_assert(!device_alloc(f.gpu1, 1, &buffer, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_ptr_nonnull(strstr(e.text, "cuda:1"));
}
END_TEST

START_TEST(buffers_are_aligned_for_the_widest_vectors)
{
	for (uint64_t size = 1; size < 3 * MIB; size = size * 3 + 1) {
		struct buffer here = fixture_alloc(f.cpu, size);
		struct buffer there = fixture_alloc(f.gpu0, size);

		ck_assert_uint_eq((uintptr_t)here.address % 64, 0);
		ck_assert_uint_eq((uintptr_t)there.address % 64, 0);
	}
}
END_TEST

START_TEST(time_is_real_plus_what_was_slept)
{
	uint64_t before = machine_now_ns(f.machine);
	uint64_t real = clock_now_ns();

	machine_sleep(f.machine, 10 * NS_PER_S);
	ck_assert_uint_ge(machine_now_ns(f.machine) - before, 10 * NS_PER_S);
	ck_assert_uint_lt(clock_now_ns() - real, NS_PER_S);
}
END_TEST

START_TEST(a_copy_is_told_with_the_time_it_took)
{
	struct buffer from = fixture_alloc(f.cpu, MIB);
	struct buffer to = fixture_alloc(f.gpu0, MIB);
	uint64_t before = machine_now_ns(f.machine);

	memset(from.address, 1, MIB);
	fixture_copy(&to, &from, STREAM_COPY);
	ck_assert_uint_eq(f.copy_count, 1);
	ck_assert_uint_eq(f.copies[0].from, 0);
	ck_assert_uint_eq(f.copies[0].to, 1);
	ck_assert_uint_eq(f.copies[0].stream, STREAM_COPY);
	ck_assert_uint_eq(f.copies[0].size_bytes, MIB);
	ck_assert_uint_ge(f.copies[0].start_ns, before);
	ck_assert_uint_ge(f.copies[0].end_ns, f.copies[0].start_ns);
}
END_TEST

START_TEST(a_backend_that_lacks_a_function_is_refused_by_name)
{
	struct backend lacking = sim_backend;
	struct error e = ERROR_INIT;

	lacking.event_wait = NULL;
	ck_assert(!backend_check(&lacking, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "sim has no event_wait"));
}
END_TEST

static bool fail_kernel(void *state, const struct stream *stream, const struct kernel_cost *cost, struct error *e)
{
	(void)state;
	(void)cost;
	return error_set(e, ERROR_DEVICE_MEMORY, "device %u lost its kernel", device_index(stream->device));
}

static bool fail_synchronize(void *state, const struct stream *stream, struct error *e)
{
	(void)state;
	return error_set(e, ERROR_DEVICE_MEMORY, "what was on a stream of %s failed", device_name(stream->device));
}

START_TEST(what_a_backend_fails_at_reaches_the_caller)
{
	const struct kernel_cost cost = { .flops = 1, .bytes = 1 };
	struct backend failing = host_backend;
	struct error e = ERROR_INIT;
	struct machine *machine;

	failing.kernel = fail_kernel;
	failing.stream_synchronize = fail_synchronize;
	machine = machine_open(machine_topology(f.machine), &failing, &e);
	ck_assert_ok(machine, &e);
	ck_assert(!stream_kernel(device_stream(machine_device(machine, 1)), &cost, &e));
	ck_assert_str_eq(e.text, "device 1 lost its kernel");
	error_clear(&e);
	ck_assert(!stream_synchronize(device_stream(machine_device(machine, 1)), &e));
	ck_assert_str_eq(e.text, "what was on a stream of cuda:0 failed");
	machine_close(machine);
}
END_TEST

START_TEST(every_backend_has_all_that_a_backend_must_have)
{
	struct error e = ERROR_INIT;

	for (size_t i = 0; backends[i]; i++) {
		ck_assert_ok(backend_check(backends[i], &e), &e);
		ck_assert_ptr_eq(backend_find(backends[i]->name), backends[i]);
	}
	ck_assert_ptr_null(backend_find("abacus"));
}
END_TEST

HARNESS_SUITE(host_suite)
{
	Suite *suite = suite_create("host");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, bytes_arrive_on_another_device_and_come_back);
	tcase_add_test(tests, a_copy_moves_the_range_asked_for_and_no_other_byte);
	tcase_add_test(tests, an_arena_has_the_capacity_of_its_description);
	tcase_add_test(tests, buffers_are_aligned_for_the_widest_vectors);
	tcase_add_test(tests, time_is_real_plus_what_was_slept);
	tcase_add_test(tests, a_copy_is_told_with_the_time_it_took);
	tcase_add_test(tests, a_backend_that_lacks_a_function_is_refused_by_name);
	tcase_add_test(tests, what_a_backend_fails_at_reaches_the_caller);
	tcase_add_test(tests, every_backend_has_all_that_a_backend_must_have);
	suite_add_tcase(suite, tests);
	return suite;
}
