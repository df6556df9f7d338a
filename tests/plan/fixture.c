#include "tests/plan/fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

const struct plan_device fixture_devices[FIXTURE_DEVICES] = {
	{ "cpu", UINT64_C(64) << 30 },
	{ "cuda:0", UINT64_C(24) << 30 },
	{ "cuda:1", UINT64_C(12) << 30 },
	{ "mps", UINT64_C(16) << 30 },
};

struct block_list fixture_loadlist(const char *name)
{
	struct error e = ERROR_INIT;
	struct block_list list;
	char path[200];

	snprintf(path, sizeof(path), "tests/data/loadlists/%s.tsv.gz", name);
	ck_assert_ok(block_list_read(&list, path, &e), &e);
	return list;
}

struct topology *fixture_builtin(const char *file)
{
	struct error e = ERROR_INIT;
	struct topology *topology = fixture_topology(file, &e);

	ck_assert_ok(topology, &e);
	return topology;
}

struct block_list fixture_blocks(size_t count, uint64_t size_bytes)
{
	struct block_list list = { .blocks = NULL };
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < count; i++) {
		struct plan_block block = { .size_bytes = size_bytes, .weight_size_bytes = size_bytes, .has_bias = true };
		char name[32];

		snprintf(name, sizeof(name), "b%zu", i);
		ck_assert_ok(block_list_add(&list, &block, span_of(name), "Linear", &e), &e);
	}
	return list;
}

static struct plan *make(const char *version, const char *allocation, const struct block_list *list,
			 struct plan_failure *failure, struct error *e)
{
	struct plan_request request = { .rules = plan_rules_find(version),
					.allocation = allocation,
					.blocks = list->blocks,
					.block_count = list->count,
					.devices = fixture_devices,
					.device_count = FIXTURE_DEVICES };

	return plan_make(&request, failure, e);
}

struct plan *fixture_plan(const char *version, const char *allocation, const struct block_list *list)
{
	struct error e = ERROR_INIT;
	struct plan *plan = make(version, allocation, list, NULL, &e);

	ck_assert_ok(plan, &e);
	return plan;
}

struct plan_failure fixture_refused(const char *version, const char *allocation, const struct block_list *list,
				    struct error *why)
{
	struct plan_failure failure;
	struct plan *plan = make(version, allocation, list, &failure, why);

	ck_assert_msg(!plan, "%s is planned", allocation);
	return failure;
}

const struct plan_share *fixture_share(const struct plan *plan, const char *device)
{
	for (size_t i = 0; i < plan->share_count; i++) {
		if (strcmp(plan->shares[i].name, device) == 0)
			return &plan->shares[i];
	}
	ck_abort_msg("no row for %s", device);
	return NULL;
}

size_t fixture_runs(const struct plan *plan)
{
	size_t runs = 0;
	uint32_t last = PLAN_NO_DEVICE;

	for (size_t i = 0; i < plan->block_count; i++) {
		if (plan->reason_of[i] == PLAN_REASON_UNLISTED)
			continue;
		runs += plan->share_of[i] != last;
		last = plan->share_of[i];
	}
	return runs;
}
