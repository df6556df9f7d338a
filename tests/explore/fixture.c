#include <stdlib.h>

#include "core/base/embed.h"
#include "scenarios/topologies.h"
#include "tests/explore/fixture.h"
#include "tests/harness/harness.h"

struct explore explorer_open(void)
{
	const struct embedded_file *file = embed_find(scenario_topologies, "2x3090-nvlink.json");
	struct error e = ERROR_INIT;
	struct topology *topology = topology_parse(file->bytes, embed_length(file), file->name, &e);
	struct explore explore = {
		.space = { .caches = 1U << CACHE_CLASSIC | 1U << CACHE_LRU, .device_modes = 3, .node_flags = 3, .length = 12 },
		.seed = 1
	};

	ck_assert_ok(topology, &e);
	explore.subject = subject_engine_open(topology, &sim_backend, NULL, NULL, &e);
	ck_assert_ok(explore.subject, &e);
	topology_free(topology);
	return explore;
}

void explorer_close(const struct explore *explore)
{
	subject_close(explore->subject);
}

bool is_long(void)
{
	return getenv("RESIDENCY_LONG") != NULL;
}
