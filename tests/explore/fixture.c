/* fixture.c - an explorer over two caches and all modes, with sequences of twelve actions. */
#include "tests/explore/fixture.h"

#include <stdlib.h>

#include "tests/fixtures/subject.h"
#include "tests/harness/harness.h"

struct explore explorer_open(void)
{
	struct error e = ERROR_INIT;
	struct explore explore = {
		.space = { .caches = 1U << CACHE_CLASSIC | 1U << CACHE_LRU, .device_modes = 3, .node_flags = 3, .length = 12 },
		.seed = 1
	};

	explore.subject = fixture_subject(&sim_backend, "2x3090-nvlink.json", &e);
	ck_assert_ok(explore.subject, &e);
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
