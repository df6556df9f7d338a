#include <string.h>

#include "core/base/units.h"
#include "tests/device/fixture.h"
#include "tests/harness/harness.h"

static struct fixture f;

/* A card of 100 MiB. */
static void set_up(void)
{
	fixture_open(&f,
		     "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':1073741824},"
		     "{'name':'cuda:0','capacity_bytes':104857600}]}",
		     &sim_backend);
}

static void tear_down(void)
{
	fixture_close(&f);
}

START_TEST(a_small_piece_takes_a_segment_of_2_mib_and_512_bytes_of_it)
{
	struct buffer small = fixture_alloc(f.gpu0, 1);
	struct memory_use use = device_memory_use(f.gpu0);

	ck_assert_uint_eq(small.size_bytes, 1);
	ck_assert_uint_eq(use.allocated_bytes, 512);
	ck_assert_uint_eq(use.reserved_bytes, 2 * MIB);
	ck_assert_uint_eq(use.largest_free_bytes, 2 * MIB - 512);
}
END_TEST

START_TEST(a_piece_over_1_mib_takes_a_segment_of_20_mib)
{
	fixture_alloc(f.gpu0, MIB + 1);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 20 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).allocated_bytes, MIB + 512);
}
END_TEST

START_TEST(a_piece_of_10_mib_or_more_takes_what_it_needs_rounded_up_to_2_mib)
{
	fixture_alloc(f.gpu0, 11 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 12 * MIB);
}
END_TEST

START_TEST(a_large_piece_is_not_cut_for_a_rest_that_only_small_ones_could_use)
{
	fixture_alloc(f.gpu0, 11 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).allocated_bytes, 12 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).largest_free_bytes, 0);
}
END_TEST

START_TEST(freed_memory_stays_reserved_until_the_cache_is_emptied)
{
	struct buffer buffer = fixture_alloc(f.gpu0, 30 * MIB);

	device_free(&buffer);
	ck_assert_ptr_null(buffer.device);
	ck_assert_uint_eq(device_memory_use(f.gpu0).allocated_bytes, 0);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 30 * MIB);
	device_empty_cache(f.gpu0);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 0);
}
END_TEST

START_TEST(the_peak_is_the_most_that_was_ever_in_use_at_once)
{
	struct buffer first = fixture_alloc(f.gpu0, 30 * MIB);
	struct buffer second = fixture_alloc(f.gpu0, 20 * MIB);

	device_free(&first);
	device_free(&second);
	fixture_alloc(f.gpu0, 10 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).peak_bytes, 50 * MIB);
}
END_TEST

START_TEST(an_emptied_cache_keeps_segments_of_which_a_piece_is_in_use)
{
	struct buffer pieces[4];

	for (int i = 0; i < 4; i++)
		pieces[i] = fixture_alloc(f.gpu0, 5 * MIB);
	device_free(&pieces[0]);
	device_free(&pieces[2]);
	device_empty_cache(f.gpu0);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 20 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).allocated_bytes, 10 * MIB);
}
END_TEST

START_TEST(free_memory_in_pieces_cannot_hold_what_its_sum_could)
{
	struct buffer pieces[20];
	struct memory_use use;
	struct buffer whole;
	struct error e = ERROR_INIT;

	for (int i = 0; i < 20; i++)
		pieces[i] = fixture_alloc(f.gpu0, 5 * MIB);
	for (int i = 0; i < 20; i += 2)
		device_free(&pieces[i]);
	use = device_memory_use(f.gpu0);
	ck_assert_uint_eq(device_free_bytes(f.gpu0), 50 * MIB);
	ck_assert_uint_eq(use.largest_free_bytes, 5 * MIB);
	ck_assert(!device_alloc(f.gpu0, 6 * MIB, &whole, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
}
END_TEST

START_TEST(free_neighbours_become_one_piece_again)
{
	struct buffer pieces[4];

	for (int i = 0; i < 4; i++)
		pieces[i] = fixture_alloc(f.gpu0, 5 * MIB);
	device_free(&pieces[1]);
	device_free(&pieces[3]);
	ck_assert_uint_eq(device_memory_use(f.gpu0).largest_free_bytes, 5 * MIB);
	device_free(&pieces[2]);
	ck_assert_uint_eq(device_memory_use(f.gpu0).largest_free_bytes, 15 * MIB);
	device_free(&pieces[0]);
	ck_assert_uint_eq(device_memory_use(f.gpu0).largest_free_bytes, 20 * MIB);
}
END_TEST

START_TEST(the_smallest_free_piece_that_is_large_enough_is_used)
{
	struct buffer large = fixture_alloc(f.gpu0, 30 * MIB);
	struct buffer fitting = fixture_alloc(f.gpu0, 14 * MIB);
	void *address = fitting.address;
	struct buffer again;

	device_free(&large);
	device_free(&fitting);
	again = fixture_alloc(f.gpu0, 13 * MIB + 512 * KIB);
	ck_assert_ptr_eq(again.address, address);
}
END_TEST

START_TEST(buffers_in_use_never_overlap)
{
	struct buffer buffers[64];

	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 64; i++)
			buffers[i] = fixture_alloc(f.gpu0, 1 + (i * 7919 + (uint64_t)round) % (2 * MIB));
		for (int i = 0; i < 64; i++) {
			for (int j = 0; j < i; j++) {
				uintptr_t a = (uintptr_t)buffers[i].address;
				uintptr_t b = (uintptr_t)buffers[j].address;

				ck_assert(a + buffers[i].size_bytes <= b || b + buffers[j].size_bytes <= a);
			}
		}
		for (int i = 0; i < 64; i++)
			device_free(&buffers[i * 37 % 64]);
	}
	ck_assert_uint_eq(device_memory_use(f.gpu0).allocated_bytes, 0);
	device_empty_cache(f.gpu0);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 0);
}
END_TEST

START_TEST(a_device_that_is_full_of_cached_pieces_gives_them_back_and_tries_again)
{
	struct buffer first = fixture_alloc(f.gpu0, 60 * MIB);

	device_free(&first);
	fixture_alloc(f.gpu0, 80 * MIB);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 80 * MIB);
}
END_TEST

START_TEST(out_of_device_memory_names_the_device_and_the_numbers)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;

	fixture_alloc(f.gpu0, 60 * MIB);
	ck_assert(!device_alloc(f.gpu0, 50 * MIB, &buffer, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_ptr_nonnull(strstr(e.text, "cuda:0"));
	ck_assert_ptr_nonnull(strstr(e.text, "52428800"));
	ck_assert_ptr_nonnull(strstr(e.text, "41943040"));
	ck_assert_ptr_nonnull(strstr(e.text, "104857600"));
	ck_assert_ptr_null(buffer.device);
}
END_TEST

START_TEST(nothing_asked_for_is_nothing_taken)
{
	struct buffer nothing = fixture_alloc(f.gpu0, 0);

	ck_assert_ptr_eq(nothing.device, f.gpu0);
	ck_assert_uint_eq(device_memory_use(f.gpu0).reserved_bytes, 0);
	device_free(&nothing);
}
END_TEST

START_TEST(more_than_any_device_has_is_refused_without_arithmetic_going_wrong)
{
	static const uint64_t sizes[] = { UINT64_MAX, UINT64_MAX - 511, UINT64_MAX / 2, INT64_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct error e = ERROR_INIT;
		struct buffer buffer;

		ck_assert(!device_alloc(f.gpu0, sizes[i], &buffer, &e));
		ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	}
}
END_TEST

START_TEST(a_cpu_keeps_nothing_of_what_is_freed)
{
	struct buffer buffer = fixture_alloc(f.cpu, 3 * MIB);

	ck_assert_uint_eq(device_memory_use(f.cpu).reserved_bytes, 3 * MIB);
	device_free(&buffer);
	ck_assert_uint_eq(device_memory_use(f.cpu).reserved_bytes, 0);
}
END_TEST

START_TEST(the_whole_capacity_can_be_used)
{
	fixture_alloc(f.gpu0, 100 * MIB);
	ck_assert_uint_eq(device_free_bytes(f.gpu0), 0);
}
END_TEST

START_TEST(one_free_piece_is_not_fragmented_and_two_halves_are_by_half)
{
	struct buffer first = fixture_alloc(f.gpu0, 20 * MIB);
	struct buffer second = fixture_alloc(f.gpu0, 20 * MIB);
	struct memory_use use;

	device_free(&first);
	use = device_memory_use(f.gpu0);
	ck_assert_double_eq(memory_use_fragmentation(&use), 0);
	device_free(&second);
	use = device_memory_use(f.gpu0);
	ck_assert_double_eq(memory_use_fragmentation(&use), 0.5);
}
END_TEST

START_TEST(pinned_memory_is_counted_until_it_is_freed)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;

	ck_assert_ok(device_alloc_pinned(f.cpu, 30 * MIB, &buffer, &e), &e);
	ck_assert(buffer.pinned);
	ck_assert_uint_eq(device_memory_use(f.cpu).pinned_bytes, 30 * MIB);
	ck_assert_uint_eq(device_memory_use(f.cpu).requested_bytes, 30 * MIB);
	device_free(&buffer);
	ck_assert_uint_eq(device_memory_use(f.cpu).pinned_bytes, 0);
	ck_assert_uint_eq(device_memory_use(f.cpu).reserved_bytes, 0);
}
END_TEST

START_TEST(the_whole_host_cannot_be_pinned)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;

	ck_assert(!device_alloc_pinned(f.cpu, 1000 * MIB, &buffer, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_uint_eq(device_memory_use(f.cpu).pinned_bytes, 0);
}
END_TEST

START_TEST(memory_of_a_card_cannot_be_pinned)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;

	ck_assert(!device_alloc_pinned(f.gpu0, MIB, &buffer, &e));
	ck_assert_int_eq(e.kind, ERROR_BUG);
}
END_TEST

HARNESS_SUITE(cache_suite)
{
	Suite *suite = suite_create("caching allocator");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, one_free_piece_is_not_fragmented_and_two_halves_are_by_half);
	tcase_add_test(tests, pinned_memory_is_counted_until_it_is_freed);
	tcase_add_test(tests, the_whole_host_cannot_be_pinned);
	tcase_add_test(tests, memory_of_a_card_cannot_be_pinned);
	tcase_add_test(tests, a_small_piece_takes_a_segment_of_2_mib_and_512_bytes_of_it);
	tcase_add_test(tests, a_piece_over_1_mib_takes_a_segment_of_20_mib);
	tcase_add_test(tests, a_piece_of_10_mib_or_more_takes_what_it_needs_rounded_up_to_2_mib);
	tcase_add_test(tests, a_large_piece_is_not_cut_for_a_rest_that_only_small_ones_could_use);
	tcase_add_test(tests, freed_memory_stays_reserved_until_the_cache_is_emptied);
	tcase_add_test(tests, the_peak_is_the_most_that_was_ever_in_use_at_once);
	tcase_add_test(tests, an_emptied_cache_keeps_segments_of_which_a_piece_is_in_use);
	tcase_add_test(tests, free_memory_in_pieces_cannot_hold_what_its_sum_could);
	tcase_add_test(tests, free_neighbours_become_one_piece_again);
	tcase_add_test(tests, the_smallest_free_piece_that_is_large_enough_is_used);
	tcase_add_test(tests, buffers_in_use_never_overlap);
	tcase_add_test(tests, a_device_that_is_full_of_cached_pieces_gives_them_back_and_tries_again);
	tcase_add_test(tests, out_of_device_memory_names_the_device_and_the_numbers);
	tcase_add_test(tests, nothing_asked_for_is_nothing_taken);
	tcase_add_test(tests, more_than_any_device_has_is_refused_without_arithmetic_going_wrong);
	tcase_add_test(tests, a_cpu_keeps_nothing_of_what_is_freed);
	tcase_add_test(tests, the_whole_capacity_can_be_used);
	suite_add_tcase(suite, tests);
	return suite;
}
