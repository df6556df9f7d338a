#include <string.h>

#include "core/base/units.h"
#include "scenarios/bench/bench_links.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

static struct topology *topology;
static struct bench_links result;

static void set_up(void)
{
	struct error e = ERROR_INIT;

	topology = fixture_topology("mixed.json", &e);
	ck_assert_ok(topology, &e);
	result = (struct bench_links) { .links = NULL };
}

static void tear_down(void)
{
	bench_links_free(&result);
	topology_free(topology);
}

START_TEST(sim_measures_what_the_topology_says)
{
	const struct bench_links_options options = { .repeats = 2 };
	struct error e = ERROR_INIT;

	ck_assert_ok(bench_links(topology, &sim_backend, &options, &result, &e), &e);
	ck_assert_uint_eq(result.link_count, topology->link_count);
	for (size_t i = 0; i < result.link_count; i++) {
		const struct bench_link *link = &result.links[i];
		const struct bench_link_point *last = &link->points[link->point_count - 1];
		uint64_t said_ns = topology_link_copy_ns(topology_link(topology, link->from, link->to), last->size_bytes);

		ck_assert_uint_eq(last->size_bytes, 256 * MIB);
		ck_assert_double_eq_tol(last->seconds.median, (double)said_ns / 1e9, 1e-12);
		ck_assert_double_eq(last->seconds.least, last->seconds.most);
	}
}
END_TEST

static const struct bench_links_options small = { .smallest_bytes = 1000, .largest_bytes = 64000, .repeats = 3 };

START_TEST(host_compares_every_byte_and_finds_them_right)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(bench_links(topology, &host_backend, &small, &result, &e), &e);
	ck_assert(result.verified);
	ck_assert_uint_eq(result.links[0].point_count, 4);
	for (size_t i = 0; i < result.link_count; i++)
		ck_assert_double_gt(result.links[i].bandwidth_bytes_per_s, 0);
}
END_TEST

/* host, but the last byte of a large copy arrives wrong: a cable that is bad when it gets warm. */
static bool copy_badly(void *state, const struct transfer *transfer, struct error *e)
{
	bool fine = host_backend.copy(state, transfer, e);

	if (transfer->size_bytes == 64000)
		((uint8_t *)device_transfer_target(transfer))[63999] ^= 1;
	return fine;
}

START_TEST(a_byte_that_arrives_wrong_is_an_error_that_says_which)
{
	struct backend bad = host_backend;
	struct error e = ERROR_INIT;

	bad.copy = copy_badly;
	ck_assert(!bench_links(topology, &bad, &small, &result, &e));
	ck_assert_int_eq(e.kind, ERROR_UNTRUSTWORTHY);
	ck_assert_ptr_nonnull(strstr(e.text, "byte 63999"));
	ck_assert_ptr_nonnull(strstr(e.text, "cpu to cuda:0"));
}
END_TEST

static void count_samples(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	const struct record_sample *sample = record;
	size_t *count = context;

	ck_assert_int_eq(type, RECORD_SAMPLE);
	ck_assert_uint_eq(size_bytes, sizeof(*sample));
	ck_assert_str_eq(sample->series, "links");
	ck_assert_str_eq(sample->topology, "mixed");
	ck_assert_str_eq(sample->backend, "sim");
	ck_assert_double_gt(sample->value, 0);
	if (*count == 0)
		ck_assert_str_eq(sample->label, "cpu->cuda:0");
	++*count;
}

START_TEST(every_repeat_of_every_point_is_recorded)
{
	size_t count = 0;
	const struct record_sink sink = { .context = &count, .put = count_samples };
	struct bench_links_options options = small;
	struct error e = ERROR_INIT;

	options.sink = &sink;
	ck_assert_ok(bench_links(topology, &sim_backend, &options, &result, &e), &e);
	ck_assert_uint_eq(count, topology->link_count * 4 * 3);
}
END_TEST

START_TEST(a_largest_size_below_the_smallest_is_refused)
{
	const struct bench_links_options options = { .smallest_bytes = 2, .largest_bytes = 1 };
	struct error e = ERROR_INIT;

	ck_assert(!bench_links(topology, &sim_backend, &options, &result, &e));
	ck_assert_int_eq(e.kind, ERROR_USAGE);
}
END_TEST

START_TEST(an_interrupted_bench_stops)
{
	const bool interrupted = true;
	struct bench_links_options options = small;
	struct error e = ERROR_INIT;

	options.interrupted = &interrupted;
	ck_assert(!bench_links(topology, &sim_backend, &options, &result, &e));
	ck_assert_int_eq(e.kind, ERROR_INTERRUPTED);
}
END_TEST

HARNESS_SUITE(links_suite)
{
	Suite *suite = suite_create("bench links");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, sim_measures_what_the_topology_says);
	tcase_add_test(tests, host_compares_every_byte_and_finds_them_right);
	tcase_add_test(tests, a_byte_that_arrives_wrong_is_an_error_that_says_which);
	tcase_add_test(tests, every_repeat_of_every_point_is_recorded);
	tcase_add_test(tests, a_largest_size_below_the_smallest_is_refused);
	tcase_add_test(tests, an_interrupted_bench_stops);
	suite_add_tcase(suite, tests);
	return suite;
}
