#include <pthread.h>
#include <string.h>

#include "core/base/clock.h"
#include "db/ring.h"
#include "tests/harness/harness.h"

#define RING_SIZE 65536 /* the least there is */

static struct ring *ring;

static void begin(void)
{
	struct error e = ERROR_INIT;

	ring = ring_new(RING_SIZE, &e);
	ck_assert_ok(ring, &e);
}

static void end(void)
{
	ring_free(ring);
}

START_TEST(what_is_put_comes_out_in_order_and_whole)
{
	struct ring_entry entry;

	ck_assert(ring_put(ring, 3, "first", 6));
	ck_assert(ring_put(ring, 4, "the second", 11));
	ck_assert(ring_peek(ring, &entry));
	ck_assert_uint_eq(entry.type, 3);
	ck_assert_str_eq(entry.bytes, "first");
	ring_advance(ring);
	ck_assert(ring_peek(ring, &entry));
	ck_assert_uint_eq(entry.size_bytes, 11);
	ck_assert_str_eq(entry.bytes, "the second");
	ring_advance(ring);
	ck_assert(!ring_peek(ring, &entry));
}
END_TEST

START_TEST(a_full_ring_takes_nothing_more_and_loses_nothing)
{
	unsigned char block[1000];
	struct ring_entry entry;
	unsigned put = 0;
	unsigned taken = 0;

	for (memset(block, 0, sizeof(block)); ring_put(ring, put, block, sizeof(block)); put++)
		memset(block, (int)put + 1, sizeof(block));
	ck_assert_uint_gt(put, RING_SIZE / 1100);
	for (; ring_peek(ring, &entry); ring_advance(ring), taken++) {
		ck_assert_uint_eq(entry.type, taken);
		ck_assert_uint_eq(*(const unsigned char *)entry.bytes, taken & 0xff);
	}
	ck_assert_uint_eq(taken, put);
}
END_TEST

START_TEST(entries_of_odd_sizes_survive_many_rounds)
{
	unsigned char bytes[3000];
	struct ring_entry entry;

	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t size = i * 37 % sizeof(bytes);

		memset(bytes, (int)i, size);
		ck_assert(ring_put(ring, i, bytes, size));
		ck_assert(ring_peek(ring, &entry));
		ck_assert_uint_eq(entry.type, i);
		ck_assert_uint_eq(entry.size_bytes, size);
		ck_assert_mem_eq(entry.bytes, bytes, size);
		ring_advance(ring);
	}
}
END_TEST

START_TEST(an_entry_larger_than_a_quarter_never_fits)
{
	static unsigned char bytes[RING_SIZE / 4 + 1];

	ck_assert(!ring_put(ring, 0, bytes, sizeof(bytes)));
}
END_TEST

START_TEST(a_wait_for_nothing_ends_in_time)
{
	uint64_t began = clock_now_ns();

	ring_wait(ring, 20 * NS_PER_MS);
	ck_assert_uint_ge(clock_now_ns() - began, 19 * NS_PER_MS);
	ck_assert_uint_le(clock_now_ns() - began, 5 * NS_PER_S);
}
END_TEST

#define TOGETHER 300000U

static void *put_many(void *context)
{
	for (uint64_t i = 0; i < TOGETHER; i++) {
		uint64_t bytes[8] = { i, i + 1, i + 2 };
		uint32_t size = 8 + (uint32_t)(i % 8) * 8;

		while (!ring_put(ring, (uint32_t)i, bytes, size))
			ring_wait_for_room(ring, size);
	}
	ring_close(ring);
	return context;
}

START_TEST(two_threads_pass_everything_in_order)
{
	struct ring_entry entry;
	pthread_t thread;
	uint64_t expected = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, put_many, NULL), 0);
	while (!ring_is_finished(ring)) {
		for (; ring_peek(ring, &entry); ring_advance(ring)) {
			ck_assert_uint_eq(entry.type, expected);
			ck_assert_uint_eq(*(const uint64_t *)entry.bytes, expected);
			expected++;
		}
		ring_wait(ring, NS_PER_S);
	}
	pthread_join(thread, NULL);
	ck_assert_uint_eq(expected, TOGETHER);
}
END_TEST

HARNESS_SUITE(ring_suite)
{
	Suite *suite = suite_create("ring");
	TCase *tests = tcase_create("ring");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_is_put_comes_out_in_order_and_whole);
	tcase_add_test(tests, a_full_ring_takes_nothing_more_and_loses_nothing);
	tcase_add_test(tests, entries_of_odd_sizes_survive_many_rounds);
	tcase_add_test(tests, an_entry_larger_than_a_quarter_never_fits);
	tcase_add_test(tests, a_wait_for_nothing_ends_in_time);
	tcase_add_test(tests, two_threads_pass_everything_in_order);
	suite_add_tcase(suite, tests);
	return suite;
}
