#include <string.h>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "tests/device/fixture.h"
#include "tests/harness/harness.h"

static struct fixture f;

/* 1 byte a nanosecond between cpu and the cards, 10 between cuda:0 and cuda:1; cuda:1 and cuda:2 share 1.6 on the way from cpu;
 * cuda:1 and cuda:2 have no link. */
static void set_up(void)
{
	fixture_open(&f,
		     "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':1073741824},"
		     "{'name':'cuda:0','capacity_bytes':104857600,'flops_per_s':1e12,'memory_bytes_per_s':1e11},"
		     "{'name':'cuda:1','capacity_bytes':104857600},{'name':'cuda:2','capacity_bytes':104857600}],"
		     "'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1e9,'latency_ns':700},"
		     "{'from':'cuda:0','to':'cpu','bandwidth_bytes_per_s':1e9,'latency_ns':700},"
		     "{'from':'cpu','to':'cuda:1','bandwidth_bytes_per_s':1e9,'group':'root'},"
		     "{'from':'cuda:1','to':'cpu','bandwidth_bytes_per_s':1e9},"
		     "{'from':'cpu','to':'cuda:2','bandwidth_bytes_per_s':1e9,'group':'root'},"
		     "{'from':'cuda:0','to':'cuda:1','bandwidth_bytes_per_s':1e10},"
		     "{'from':'cuda:1','to':'cuda:0','bandwidth_bytes_per_s':1e10}],"
		     "'groups':[{'name':'root','bandwidth_bytes_per_s':1.6e9}]}",
		     &sim_backend);
}

static void tear_down(void)
{
	fixture_close(&f);
}

static const struct kernel_cost one_us = { .flops = 1e6, .bytes = 0 };

START_TEST(a_copy_of_nothing_takes_the_latency)
{
	struct buffer from = fixture_alloc(f.cpu, 0);
	struct buffer to = fixture_alloc(f.gpu0, 0);

	fixture_copy(&to, &from, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 700);
}
END_TEST

START_TEST(a_copy_alone_takes_what_its_link_says)
{
	struct buffer from = fixture_alloc(f.cpu, 12345);
	struct buffer to = fixture_alloc(f.gpu0, 12345);

	fixture_copy(&to, &from, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine),
			  topology_link_copy_ns(topology_link(machine_topology(f.machine), 0, 1), 12345));
}
END_TEST

START_TEST(nothing_takes_time_until_somebody_waits)
{
	struct buffer from = fixture_alloc(f.cpu, 12345);
	struct buffer to = fixture_alloc(f.gpu0, 12345);

	fixture_copy(&to, &from, STREAM_COMPUTE);
	ck_assert_uint_eq(machine_now_ns(f.machine), 0);
	ck_assert(stream_synchronize(stream_of_link(f.cpu, f.gpu0, NULL), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 0);
}
END_TEST

START_TEST(two_copies_on_one_link_take_twice_as_long_each)
{
	struct buffer from = fixture_alloc(f.cpu, MIB);
	struct buffer to = fixture_alloc(f.gpu0, MIB);

	fixture_copy(&to, &from, STREAM_COMPUTE);
	fixture_copy(&to, &from, STREAM_COPY);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert(stream_synchronize(stream_of_link(f.cpu, f.gpu0, NULL), NULL));
	ck_assert_uint_eq(f.copy_count, 2);
	ck_assert_uint_eq(f.copies[0].start_ns, 0);
	ck_assert_uint_eq(f.copies[0].end_ns, 700 + 2 * MIB);
	ck_assert_uint_eq(f.copies[1].end_ns, 700 + 2 * MIB);
}
END_TEST

START_TEST(a_copy_that_comes_later_slows_the_one_under_way_only_while_both_run)
{
	struct buffer from = fixture_alloc(f.cpu, MIB);
	struct buffer to = fixture_alloc(f.gpu0, MIB);

	fixture_copy(&to, &from, STREAM_COMPUTE);
	machine_sleep(f.machine, MIB / 2);
	fixture_copy(&to, &from, STREAM_COPY);
	ck_assert(stream_synchronize(stream_of_link(f.cpu, f.gpu0, NULL), NULL));
	/* Half of the first runs alone, then both share, then half of the second runs alone. */
	ck_assert_uint_eq(f.copies[0].end_ns, 700 + MIB / 2 + MIB);
	ck_assert_uint_eq(f.copies[1].end_ns, 700 + 2 * MIB);
}
END_TEST

START_TEST(nvlink_and_pcie_do_not_contend)
{
	struct buffer from_cpu = fixture_alloc(f.cpu, MIB);
	struct buffer from_twin = fixture_alloc(f.gpu1, MIB);
	struct buffer to = fixture_alloc(f.gpu0, MIB);

	fixture_copy(&to, &from_cpu, STREAM_COMPUTE);
	fixture_copy(&to, &from_twin, STREAM_COPY);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(f.copies[0].from, 2);
	ck_assert_uint_eq(f.copies[0].end_ns, (MIB + 9) / 10);
	ck_assert_uint_eq(f.copies[1].end_ns, 700 + MIB);
}
END_TEST

START_TEST(there_and_back_do_not_contend)
{
	struct buffer here = fixture_alloc(f.cpu, MIB);
	struct buffer there = fixture_alloc(f.gpu0, MIB);

	fixture_copy(&there, &here, STREAM_COMPUTE);
	fixture_copy(&here, &there, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert(stream_synchronize(device_stream(f.cpu), NULL));
	ck_assert_uint_eq(f.copies[0].end_ns, 700 + MIB);
	ck_assert_uint_eq(f.copies[1].end_ns, 700 + MIB);
}
END_TEST

START_TEST(links_of_one_group_share_what_the_group_has)
{
	struct buffer from = fixture_alloc(f.cpu, 4 * MIB);
	struct buffer to1 = fixture_alloc(f.gpu1, 4 * MIB);
	struct buffer to2 = fixture_alloc(f.gpu2, 4 * MIB);

	fixture_copy(&to1, &from, STREAM_COMPUTE);
	fixture_copy(&to2, &from, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu1), NULL));
	ck_assert(stream_synchronize(device_stream(f.gpu2), NULL));
	ck_assert_uint_eq(f.copies[0].end_ns, 5 * MIB);
	ck_assert_uint_eq(f.copies[1].end_ns, 5 * MIB);
}
END_TEST

START_TEST(what_a_full_link_leaves_of_its_group_goes_to_the_others)
{
	struct buffer from = fixture_alloc(f.cpu, 3 * MIB);
	struct buffer to1 = fixture_alloc(f.gpu1, 3 * MIB);
	struct buffer to2 = fixture_alloc(f.gpu2, 3 * MIB);

	/* Two on one link get half of the link each; the third gets 0.6 of the group's 1.6, more than a third of it. */
	fixture_copy(&to1, &from, STREAM_COMPUTE);
	fixture_copy(&to1, &from, STREAM_COPY);
	fixture_copy(&to2, &from, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu1), NULL));
	ck_assert(stream_synchronize(stream_of_link(f.cpu, f.gpu1, NULL), NULL));
	ck_assert(stream_synchronize(device_stream(f.gpu2), NULL));
	ck_assert_uint_eq(f.copies[0].to, 3);
	ck_assert_uint_eq(f.copies[0].end_ns, 5 * MIB);
	ck_assert_uint_eq(f.copies[1].end_ns, 6 * MIB);
	ck_assert_uint_eq(f.copies[2].end_ns, 6 * MIB);
}
END_TEST

START_TEST(a_copy_without_a_link_of_its_own_takes_both_links_through_cpu)
{
	struct buffer from = fixture_alloc(f.gpu0, MIB);
	struct buffer to = fixture_alloc(f.gpu2, MIB);

	fixture_copy(&to, &from, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu2), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 700 + MIB + MIB);
	ck_assert_uint_eq(f.copy_count, 1);
}
END_TEST

START_TEST(a_copy_that_no_way_leads_is_an_error_that_says_so)
{
	struct buffer from = fixture_alloc(f.gpu2, 1);
	struct buffer to = fixture_alloc(f.gpu1, 1);
	const struct transfer transfer = { .stream = device_stream(f.gpu1), .to = &to, .from = &from, .size_bytes = 1 };
	struct error e = ERROR_INIT;

	ck_assert(!device_copy(&transfer, &e));
	ck_assert_int_eq(e.kind, ERROR_ABSENT);
	ck_assert_ptr_nonnull(strstr(e.text, "from cuda:2 to cuda:1"));
}
END_TEST

START_TEST(a_kernel_takes_the_larger_of_its_flops_and_its_bytes)
{
	struct kernel_cost bytes = { .flops = 1e6, .bytes = 1e6 };

	ck_assert(stream_kernel(device_stream(f.gpu0), &one_us, NULL));
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 1000);
	ck_assert(stream_kernel(device_stream(f.gpu0), &bytes, NULL));
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 1000 + 10000);
}
END_TEST

START_TEST(a_kernel_on_a_device_of_unknown_rates_takes_time_too)
{
	ck_assert(stream_kernel(device_stream(f.gpu1), &one_us, NULL));
	ck_assert(stream_synchronize(device_stream(f.gpu1), NULL));
	ck_assert_uint_gt(machine_now_ns(f.machine), 0);
}
END_TEST

START_TEST(streams_of_a_device_run_beside_each_other)
{
	struct buffer from = fixture_alloc(f.cpu, 300);
	struct buffer to = fixture_alloc(f.gpu0, 300);

	ck_assert(stream_kernel(device_stream(f.gpu0), &one_us, NULL));
	fixture_copy(&to, &from, STREAM_COPY);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert(stream_synchronize(stream_of_link(f.cpu, f.gpu0, NULL), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 1000);
}
END_TEST

START_TEST(one_stream_runs_in_order)
{
	struct buffer from = fixture_alloc(f.cpu, 300);
	struct buffer to = fixture_alloc(f.gpu0, 300);

	ck_assert(stream_kernel(device_stream(f.gpu0), &one_us, NULL));
	fixture_copy(&to, &from, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(f.copies[0].start_ns, 1000);
	ck_assert_uint_eq(machine_now_ns(f.machine), 2000);
}
END_TEST

START_TEST(a_stream_that_waits_for_another_starts_when_that_is_done_with_what_it_had)
{
	struct buffer from = fixture_alloc(f.cpu, 300);
	struct buffer to = fixture_alloc(f.gpu0, 300);

	fixture_copy(&to, &from, STREAM_COPY);
	ck_assert(stream_follow(device_stream(f.gpu0), stream_of_link(f.cpu, f.gpu0, NULL), NULL));
	fixture_copy(&to, &from, STREAM_COPY);
	ck_assert(stream_kernel(device_stream(f.gpu0), &one_us, NULL));
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 2000);
}
END_TEST

START_TEST(a_long_queue_runs_as_a_short_one_does)
{
	for (int i = 0; i < 1000; i++)
		ck_assert(stream_kernel(device_stream(f.gpu0), &one_us, NULL));
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), 1000 * 1000);
}
END_TEST

START_TEST(what_nobody_waited_for_is_told_when_the_machine_closes)
{
	struct buffer from = fixture_alloc(f.cpu, 300);
	struct buffer to = fixture_alloc(f.gpu0, 300);

	fixture_copy(&to, &from, STREAM_COPY);
	ck_assert_uint_eq(f.copy_count, 0);
	fixture_close(&f);
	ck_assert_uint_eq(f.copy_count, 1);
	ck_assert_uint_eq(f.copies[0].end_ns, 1000);
	ck_assert_uint_eq(f.copies[0].stream, STREAM_COPY);
}
END_TEST

START_TEST(sleep_passes_time_without_waiting)
{
	machine_sleep(f.machine, 10 * NS_PER_S);
	ck_assert_uint_eq(machine_now_ns(f.machine), 10 * NS_PER_S);
}
END_TEST

START_TEST(a_copy_within_a_device_reads_and_writes_its_memory)
{
	struct buffer from = fixture_alloc(f.gpu0, MIB);
	struct buffer to = fixture_alloc(f.gpu0, MIB);

	fixture_copy(&to, &from, STREAM_COMPUTE);
	ck_assert(stream_synchronize(device_stream(f.gpu0), NULL));
	ck_assert_uint_eq(machine_now_ns(f.machine), (2 * MIB + 99) / 100);
}
END_TEST

START_TEST(a_copy_past_the_end_of_a_buffer_is_refused)
{
	struct buffer from = fixture_alloc(f.cpu, 100);
	struct buffer to = fixture_alloc(f.gpu0, 100);
	static const uint64_t ranges[][3] = { { 0, 1, 100 },	    { 1, 0, 100 },	  { 101, 0, 0 },
					      { UINT64_MAX, 0, 2 }, { 0, UINT64_MAX, 2 }, { 0, 0, UINT64_MAX } };

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct transfer transfer = {
			.stream = device_stream(f.gpu0),
			.to = &to,
			.to_offset_bytes = ranges[i][0],
			.from = &from,
			.from_offset_bytes = ranges[i][1],
			.size_bytes = ranges[i][2],
		};
		struct error e = ERROR_INIT;

		ck_assert(!device_copy(&transfer, &e));
		ck_assert_int_eq(e.kind, ERROR_BUG);
	}
}
END_TEST

START_TEST(a_copy_that_lacks_its_stream_or_a_buffer_is_refused)
{
	struct buffer from = fixture_alloc(f.cpu, 100);
	struct buffer to = fixture_alloc(f.gpu0, 100);
	struct buffer empty = { .device = NULL };
	const struct transfer transfers[] = {
		{ .to = &to, .from = &from, .size_bytes = 1 },
		{ .stream = device_stream(f.gpu0), .from = &from, .size_bytes = 1 },
		{ .stream = device_stream(f.gpu0), .to = &to, .size_bytes = 1 },
		{ .stream = device_stream(f.gpu0), .to = &empty, .from = &from, .size_bytes = 1 },
	};

	for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
		struct error e = ERROR_INIT;

		ck_assert(!device_copy(&transfers[i], &e));
		ck_assert_int_eq(e.kind, ERROR_BUG);
	}
	ck_assert_uint_eq(f.copy_count, 0);
}
END_TEST

START_TEST(the_same_work_takes_the_same_time_again)
{
	uint64_t first[8];

	for (int round = 0; round < 2; round++) {
		struct buffer from = fixture_alloc(f.cpu, 3 * MIB);
		struct buffer to1 = fixture_alloc(f.gpu1, 3 * MIB);
		struct buffer to2 = fixture_alloc(f.gpu2, 2 * MIB + 17);

		for (unsigned i = 0; i < 4; i++) {
			const struct transfer transfer = {
				.stream = i & 1u ? stream_of_link(f.cpu, f.gpu2, NULL) : device_stream(f.gpu2),
				.to = &to2,
				.from = &from,
				.size_bytes = 777777 + i * 31,
			};

			fixture_copy(&to1, &from, i & 1u ? STREAM_COPY : STREAM_COMPUTE);
			ck_assert(device_copy(&transfer, NULL));
		}
		ck_assert(stream_synchronize(device_stream(f.gpu1), NULL));
		ck_assert(stream_synchronize(device_stream(f.gpu2), NULL));
		ck_assert(stream_synchronize(stream_of_link(f.cpu, f.gpu1, NULL), NULL));
		ck_assert(stream_synchronize(stream_of_link(f.cpu, f.gpu2, NULL), NULL));
		ck_assert_uint_eq(f.copy_count, 8);
		for (int i = 0; i < 8; i++) {
			if (round)
				ck_assert_uint_eq(f.copies[i].end_ns, first[i]);
			first[i] = f.copies[i].end_ns;
		}
		tear_down();
		set_up();
	}
}
END_TEST

HARNESS_SUITE(sim_suite)
{
	Suite *suite = suite_create("sim");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_copy_of_nothing_takes_the_latency);
	tcase_add_test(tests, a_copy_alone_takes_what_its_link_says);
	tcase_add_test(tests, nothing_takes_time_until_somebody_waits);
	tcase_add_test(tests, two_copies_on_one_link_take_twice_as_long_each);
	tcase_add_test(tests, a_copy_that_comes_later_slows_the_one_under_way_only_while_both_run);
	tcase_add_test(tests, nvlink_and_pcie_do_not_contend);
	tcase_add_test(tests, there_and_back_do_not_contend);
	tcase_add_test(tests, links_of_one_group_share_what_the_group_has);
	tcase_add_test(tests, what_a_full_link_leaves_of_its_group_goes_to_the_others);
	tcase_add_test(tests, a_copy_without_a_link_of_its_own_takes_both_links_through_cpu);
	tcase_add_test(tests, a_copy_that_no_way_leads_is_an_error_that_says_so);
	tcase_add_test(tests, a_kernel_takes_the_larger_of_its_flops_and_its_bytes);
	tcase_add_test(tests, a_kernel_on_a_device_of_unknown_rates_takes_time_too);
	tcase_add_test(tests, streams_of_a_device_run_beside_each_other);
	tcase_add_test(tests, one_stream_runs_in_order);
	tcase_add_test(tests, a_stream_that_waits_for_another_starts_when_that_is_done_with_what_it_had);
	tcase_add_test(tests, a_long_queue_runs_as_a_short_one_does);
	tcase_add_test(tests, what_nobody_waited_for_is_told_when_the_machine_closes);
	tcase_add_test(tests, sleep_passes_time_without_waiting);
	tcase_add_test(tests, a_copy_within_a_device_reads_and_writes_its_memory);
	tcase_add_test(tests, a_copy_past_the_end_of_a_buffer_is_refused);
	tcase_add_test(tests, a_copy_that_lacks_its_stream_or_a_buffer_is_refused);
	tcase_add_test(tests, the_same_work_takes_the_same_time_again);
	suite_add_tcase(suite, tests);
	return suite;
}
