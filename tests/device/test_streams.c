/* Streams and events as objects, and memory that queued work still uses: on guarded, whose copies run as late as they may. */
#include <string.h>

#include "core/base/units.h"
#include "tests/device/fixture.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

static struct fixture f;
static struct error e;

static const char machine_text[] = "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':1073741824},"
				   "{'name':'cuda:0','capacity_bytes':41943040},{'name':'cuda:1','capacity_bytes':41943040}],"
				   "'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1e9},"
				   "{'from':'cuda:0','to':'cpu','bandwidth_bytes_per_s':1e9},"
				   "{'from':'cpu','to':'cuda:1','bandwidth_bytes_per_s':1e9},"
				   "{'from':'cuda:1','to':'cpu','bandwidth_bytes_per_s':1e9}]}";

static void set_up(void)
{
	e = (struct error)ERROR_INIT;
	fixture_open(&f, machine_text, &guarded_backend);
}

static void tear_down(void)
{
	fixture_close(&f);
}

static struct buffer filled(struct device *device, uint64_t size_bytes, uint8_t value)
{
	struct buffer buffer = fixture_alloc(device, size_bytes);

	ck_assert_ok(device_fill(&buffer, 0, size_bytes, value, &e), &e);
	return buffer;
}

static uint8_t byte_of(const struct buffer *buffer)
{
	uint8_t byte;

	ck_assert_ok(device_read(buffer, buffer->size_bytes - 1, 1, &byte, &e), &e);
	return byte;
}

START_TEST(each_link_has_a_stream_of_its_own)
{
	struct stream *there = stream_of_link(f.cpu, f.gpu0, &e);

	ck_assert_ptr_nonnull(there);
	ck_assert_ptr_eq(there->device, f.gpu0);
	ck_assert_ptr_eq(stream_of_link(f.cpu, f.gpu0, &e), there);
	ck_assert_ptr_ne(stream_of_link(f.gpu0, f.cpu, &e), there);
	ck_assert_ptr_ne(stream_of_link(f.cpu, f.gpu1, &e), there);
	ck_assert_ptr_ne(device_stream(f.gpu0), there);
}
END_TEST

START_TEST(an_event_stands_for_what_was_on_the_stream_when_it_was_recorded)
{
	struct buffer first = filled(f.cpu, 100, 1);
	struct buffer second = filled(f.cpu, 100, 2);
	struct buffer to = filled(f.gpu0, 100, 0);
	struct stream_event event;
	bool done;

	ck_assert_ok(stream_event_create(f.gpu0, &event, &e), &e);
	ck_assert_ok(stream_event_query(&event, &done, &e), &e);
	ck_assert(done);
	fixture_copy(&to, &first, STREAM_COPY);
	ck_assert_ok(stream_event_record(&event, stream_of_link(f.cpu, f.gpu0, &e), &e), &e);
	fixture_copy(&to, &second, STREAM_COPY);
	ck_assert_ok(stream_event_query(&event, &done, &e), &e);
	ck_assert(!done);
	ck_assert_uint_eq(byte_of(&to), 0);
	ck_assert_ok(stream_event_synchronize(&event, &e), &e);
	ck_assert_uint_eq(byte_of(&to), 1);
	ck_assert_ok(stream_event_query(&event, &done, &e), &e);
	ck_assert(done);
	ck_assert_ok(stream_synchronize(stream_of_link(f.cpu, f.gpu0, &e), &e), &e);
	ck_assert_uint_eq(byte_of(&to), 2);
	stream_event_destroy(&event);
}
END_TEST

START_TEST(a_stream_that_waits_for_an_event_finds_what_came_before_it)
{
	struct buffer from = filled(f.cpu, 100, 7);
	struct buffer between = filled(f.gpu0, 100, 0);
	struct buffer back = filled(f.cpu, 100, 0);
	struct stream_event event;

	ck_assert_ok(stream_event_create(f.gpu0, &event, &e), &e);
	fixture_copy(&between, &from, STREAM_COPY);
	ck_assert_ok(stream_event_record(&event, stream_of_link(f.cpu, f.gpu0, &e), &e), &e);
	ck_assert_ok(stream_event_wait(&event, stream_of_link(f.gpu0, f.cpu, &e), &e), &e);
	stream_event_destroy(&event);
	fixture_copy(&back, &between, STREAM_COPY);
	ck_assert_ok(stream_synchronize(stream_of_link(f.gpu0, f.cpu, &e), &e), &e);
	ck_assert_uint_eq(byte_of(&back), 7);
}
END_TEST

START_TEST(an_event_on_sim_is_done_at_the_time_of_the_work_before_it)
{
	static const struct kernel_cost long_one = { .flops = 1e12 };
	struct stream_event event;
	uint64_t at_event_ns;
	bool done;

	fixture_close(&f);
	fixture_open(&f, machine_text, &sim_backend);
	ck_assert_ok(stream_event_create(f.gpu0, &event, &e), &e);
	ck_assert_ok(stream_kernel(device_stream(f.gpu0), &long_one, &e), &e);
	ck_assert_ok(stream_event_record(&event, device_stream(f.gpu0), &e), &e);
	ck_assert_ok(stream_kernel(device_stream(f.gpu0), &long_one, &e), &e);
	ck_assert_ok(stream_event_query(&event, &done, &e), &e);
	ck_assert(!done);
	ck_assert_uint_eq(machine_now_ns(f.machine), 0);
	ck_assert_ok(stream_event_synchronize(&event, &e), &e);
	at_event_ns = machine_now_ns(f.machine);
	ck_assert_uint_gt(at_event_ns, 0);
	ck_assert_ok(stream_synchronize(device_stream(f.gpu0), &e), &e);
	ck_assert_uint_eq(machine_now_ns(f.machine), 2 * at_event_ns);
	stream_event_destroy(&event);
}
END_TEST

START_TEST(sim_finds_an_event_done_when_the_clock_has_passed_it)
{
	static const struct kernel_cost cost = { .flops = 1e6 };
	struct stream_event event;
	bool done;

	fixture_close(&f);
	fixture_open(&f, machine_text, &sim_backend);
	ck_assert_ok(stream_event_create(f.gpu0, &event, &e), &e);
	ck_assert_ok(stream_kernel(device_stream(f.gpu0), &cost, &e), &e);
	ck_assert_ok(stream_event_record(&event, device_stream(f.gpu0), &e), &e);
	machine_sleep(f.machine, 1000000000);
	ck_assert_ok(stream_event_query(&event, &done, &e), &e);
	ck_assert(done);
	stream_event_destroy(&event);
}
END_TEST

START_TEST(memory_that_a_copy_still_reads_is_not_given_to_others)
{
	struct buffer from = filled(f.gpu0, 5 * MIB, 1);
	struct buffer to = filled(f.cpu, 5 * MIB, 0);
	struct buffer other;

	fixture_copy(&to, &from, STREAM_COPY);
	device_free_after(&from, stream_of_link(f.gpu0, f.cpu, &e));
	ck_assert_ptr_null(from.device);
	other = filled(f.gpu0, 5 * MIB, 9);
	ck_assert_ok(stream_synchronize(stream_of_link(f.gpu0, f.cpu, &e), &e), &e);
	ck_assert_uint_eq(byte_of(&to), 1);
	ck_assert_uint_eq(byte_of(&other), 9);
}
END_TEST

START_TEST(the_same_stream_gets_its_memory_at_once_and_another_when_the_work_is_done)
{
	struct stream *own = stream_of_link(f.gpu0, f.cpu, &e);
	struct buffer from = filled(f.gpu0, 12 * MIB, 1);
	struct buffer to = filled(f.cpu, 12 * MIB, 0);
	const void *address = from.address;
	struct buffer other;

	fixture_copy(&to, &from, STREAM_COMPUTE);
	device_free_after(&from, device_stream(f.cpu));
	ck_assert_uint_eq(device_memory_use(f.gpu0).allocated_bytes, 12 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).requested_bytes, 0);
	ck_assert_ok(device_alloc_on(device_stream(f.gpu0), 12 * MIB, &other, &e), &e);
	ck_assert_ptr_ne(other.address, address);
	ck_assert_ok(stream_synchronize(device_stream(f.cpu), &e), &e);
	ck_assert_ok(device_alloc_on(device_stream(f.gpu0), 12 * MIB, &from, &e), &e);
	ck_assert_ptr_eq(from.address, address);

	ck_assert_ptr_nonnull(own);
	address = other.address;
	fixture_copy(&from, &other, STREAM_COMPUTE);
	device_free_after(&other, device_stream(f.gpu0));
	ck_assert_ok(device_alloc_on(device_stream(f.gpu0), 12 * MIB, &other, &e), &e);
	ck_assert_ptr_eq(other.address, address);
}
END_TEST

START_TEST(a_full_device_waits_for_a_stream_before_it_is_out_of_memory)
{
	struct buffer from = filled(f.gpu0, 40 * MIB, 5);
	struct buffer to = filled(f.cpu, 40 * MIB, 0);
	struct buffer next;

	fixture_copy(&to, &from, STREAM_COPY);
	device_free_after(&from, stream_of_link(f.gpu0, f.cpu, &e));
	ck_assert_ok(device_alloc(f.gpu0, 40 * MIB, &next, &e), &e);
	ck_assert_uint_eq(byte_of(&to), 5);
}
END_TEST

START_TEST(memory_of_the_host_that_a_card_still_reads_outlives_its_buffer)
{
	struct buffer to = filled(f.gpu0, 1000, 0);
	struct buffer staging = filled(f.cpu, 1000, 3);
	struct buffer pinned;

	ck_assert_ok(device_alloc_pinned(f.cpu, 1000, &pinned, &e), &e);
	ck_assert_ok(device_fill(&pinned, 0, 1000, 4, &e), &e);
	fixture_copy(&to, &staging, STREAM_COPY);
	device_free_after(&staging, stream_of_link(f.cpu, f.gpu0, &e));
	ck_assert_ok(stream_synchronize(stream_of_link(f.cpu, f.gpu0, &e), &e), &e);
	ck_assert_uint_eq(byte_of(&to), 3);
	fixture_copy(&to, &pinned, STREAM_COPY);
	device_free_after(&pinned, stream_of_link(f.cpu, f.gpu0, &e));
	ck_assert_uint_eq(device_memory_use(f.cpu).pinned_bytes, 0);
	ck_assert_ok(stream_synchronize(stream_of_link(f.cpu, f.gpu0, &e), &e), &e);
	ck_assert_uint_eq(byte_of(&to), 4);
	staging = fixture_alloc(f.cpu, 512);
	ck_assert_uint_eq(device_memory_use(f.cpu).allocated_bytes, 512);
}
END_TEST

START_TEST(memory_freed_too_early_fails_the_stream_that_still_reads_it)
{
	struct buffer from = filled(f.cpu, 100, 1);
	struct buffer to = filled(f.gpu0, 100, 0);

	fixture_copy(&to, &from, STREAM_COPY);
	device_free(&from);
	ck_assert(!stream_synchronize(stream_of_link(f.cpu, f.gpu0, &e), &e));
	error_clear(&e);
	ck_assert(!stream_synchronize(stream_of_link(f.cpu, f.gpu0, &e), &e));
}
END_TEST

START_TEST(where_no_bytes_exist_memory_is_free_at_once)
{
	struct buffer from, to;

	fixture_close(&f);
	fixture_open(&f, machine_text, &sim_backend);
	from = fixture_alloc(f.gpu0, 12 * MIB);
	to = fixture_alloc(f.cpu, 12 * MIB);
	fixture_copy(&to, &from, STREAM_COPY);
	device_free_after(&from, stream_of_link(f.gpu0, f.cpu, &e));
	ck_assert_uint_eq(device_memory_use(f.gpu0).allocated_bytes, 0);
}
END_TEST

static bool no_event(void *state, unsigned d, void **handle, struct error *error)
{
	(void)state;
	(void)d;
	(void)handle;
	return error_no_memory(error);
}

START_TEST(without_events_giving_back_waits_for_the_stream)
{
	struct backend poor = guarded_backend;
	struct buffer from, to, other;

	poor.event_create = no_event;
	fixture_close(&f);
	fixture_open(&f, machine_text, &poor);
	from = filled(f.gpu0, 5 * MIB, 1);
	to = filled(f.cpu, 5 * MIB, 0);
	fixture_copy(&to, &from, STREAM_COPY);
	device_free_after(&from, stream_of_link(f.gpu0, f.cpu, &e));
	other = filled(f.gpu0, 5 * MIB, 9);
	ck_assert_uint_eq(byte_of(&to), 1);
	ck_assert_uint_eq(byte_of(&other), 9);
	fixture_close(&f);
	set_up();
}
END_TEST

static uint64_t pinned_now;

static bool take_pinned(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *error)
{
	pinned_now += size_bytes;
	return host_backend.memory_take(state, d, size_bytes, address, error);
}

static void give_pinned(void *state, unsigned d, void *address, uint64_t size_bytes)
{
	pinned_now -= size_bytes;
	host_backend.memory_give(state, d, address, size_bytes);
}

START_TEST(pinned_memory_comes_from_the_backend_and_goes_back_to_it)
{
	struct backend counting = host_backend;
	struct buffer pinned[2];

	counting.pinned_take = take_pinned;
	counting.pinned_give = give_pinned;
	fixture_close(&f);
	fixture_open(&f, machine_text, &counting);
	fixture_alloc(f.cpu, MIB);
	ck_assert_uint_eq(pinned_now, 0);
	for (size_t i = 0; i < 2; i++)
		ck_assert_ok(device_alloc_pinned(f.cpu, MIB, &pinned[i], &e), &e);
	ck_assert_uint_eq(pinned_now, 2 * MIB);
	device_free(&pinned[0]);
	ck_assert_uint_eq(pinned_now, MIB);
	fixture_close(&f);
	ck_assert_uint_eq(pinned_now, 0);
	set_up();
}
END_TEST

HARNESS_SUITE(streams_suite)
{
	Suite *suite = suite_create("streams");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, each_link_has_a_stream_of_its_own);
	tcase_add_test(tests, an_event_stands_for_what_was_on_the_stream_when_it_was_recorded);
	tcase_add_test(tests, a_stream_that_waits_for_an_event_finds_what_came_before_it);
	tcase_add_test(tests, an_event_on_sim_is_done_at_the_time_of_the_work_before_it);
	tcase_add_test(tests, sim_finds_an_event_done_when_the_clock_has_passed_it);
	tcase_add_test(tests, memory_that_a_copy_still_reads_is_not_given_to_others);
	tcase_add_test(tests, the_same_stream_gets_its_memory_at_once_and_another_when_the_work_is_done);
	tcase_add_test(tests, a_full_device_waits_for_a_stream_before_it_is_out_of_memory);
	tcase_add_test(tests, memory_of_the_host_that_a_card_still_reads_outlives_its_buffer);
	tcase_add_test(tests, memory_freed_too_early_fails_the_stream_that_still_reads_it);
	tcase_add_test(tests, where_no_bytes_exist_memory_is_free_at_once);
	tcase_add_test(tests, without_events_giving_back_waits_for_the_stream);
	tcase_add_test(tests, pinned_memory_comes_from_the_backend_and_goes_back_to_it);
	suite_add_tcase(suite, tests);
	return suite;
}
