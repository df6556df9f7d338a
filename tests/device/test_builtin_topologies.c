#include <math.h>
#include <string.h>

#include "core/device/topology/topology.h"
#include "scenarios/topologies.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

static struct topology *builtin(const char *file)
{
	struct error e = ERROR_INIT;
	struct topology *topology = fixture_topology(file, &e);

	ck_assert_ok(topology, &e);
	return topology;
}

static double bandwidth(const struct topology *topology, const char *from, const char *to)
{
	const struct link_description *link =
		topology_link(topology, (unsigned)topology_find(topology, from), (unsigned)topology_find(topology, to));

	return link ? link->bandwidth_bytes_per_s : NAN;
}

START_TEST(every_builtin_topology_is_called_as_its_file_and_is_whole)
{
	for (const struct embedded_file *file = scenario_topologies; file->name; file++) {
		struct topology *topology = builtin(file->name);
		const struct link_description *route[2];

		ck_assert_uint_eq(strlen(topology->name), strlen(file->name) - strlen(".json"));
		ck_assert_int_eq(strncmp(file->name, topology->name, strlen(topology->name)), 0);
		ck_assert_msg(*topology->title, "%s has no title", topology->name);
		for (unsigned from = 0; from < topology->device_count; from++)
			for (unsigned to = 0; to < topology->device_count; to++)
				ck_assert(from == to || topology_route(topology, from, to, route));
		topology_free(topology);
	}
}
END_TEST

static const struct {
	const char *file, *from, *to;
	double bandwidth;
} tiers[] = {
	{ "2x3090-nvlink.json", "cuda:1", "cuda:0", 50.8e9 }, { "pcie4-x16.json", "cpu", "cuda:0", 27.2e9 },
	{ "pcie3-x8.json", "cpu", "cuda:0", 6.8e9 },	      { "p2p-x8.json", "cuda:1", "cuda:0", 4.4e9 },
	{ "p2p-x4.json", "cuda:1", "cuda:0", 2.1e9 },	      { "mixed.json", "cpu", "cuda:0", 27.2e9 },
	{ "mixed.json", "cuda:1", "cuda:0", 50.8e9 },	      { "mixed.json", "cuda:2", "cuda:0", 2.1e9 },
};

START_TEST(the_tiers_have_the_bandwidths_that_upstream_measured)
{
	struct topology *topology = builtin(tiers[_i].file);

	ck_assert_double_eq(bandwidth(topology, tiers[_i].from, tiers[_i].to), tiers[_i].bandwidth);
	topology_free(topology);
}
END_TEST

HARNESS_SUITE(builtin_topologies_suite)
{
	Suite *suite = suite_create("builtin topologies");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, every_builtin_topology_is_called_as_its_file_and_is_whole);
	tcase_add_loop_test(tests, the_tiers_have_the_bandwidths_that_upstream_measured, 0,
			    (int)(sizeof(tiers) / sizeof(tiers[0])));
	suite_add_tcase(suite, tests);
	return suite;
}
