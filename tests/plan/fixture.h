/* fixture.h - models of blocks and devices to plan, for the tests of this folder. */
#ifndef RESIDENCY_TESTS_PLAN_FIXTURE_H
#define RESIDENCY_TESTS_PLAN_FIXTURE_H

#include "core/device/topology/topology.h"
#include "core/plan/place/blocks.h"
#include "core/plan/plan.h"

#define BLOCKS_MAX 16384

/* A load list of tests/data, without its ending. The caller frees with block_list_free(). */
struct block_list fixture_loadlist(const char *name);

/* A topology that is built in, by its file's name. The caller frees with topology_free(). */
struct topology *fixture_builtin(const char *file);

/* `count` blocks of one size, named b0, b1, ... */
struct block_list fixture_blocks(size_t count, uint64_t size_bytes);

/* A machine of cpu (64 GiB), cuda:0 (24 GiB), cuda:1 (12 GiB) and mps (16 GiB). */
#define FIXTURE_DEVICES 4
extern const struct plan_device fixture_devices[FIXTURE_DEVICES];

/* Plans on those devices; fails the test where there is no plan. The caller frees. */
struct plan *fixture_plan(const char *version, const char *allocation, const struct block_list *list);

/* The same for a plan that must fail: the failure, and why. */
struct plan_failure fixture_refused(const char *version, const char *allocation, const struct block_list *list,
				    struct error *why);

/* The row of a device; fails the test where there is none. */
const struct plan_share *fixture_share(const struct plan *plan, const char *device);

/* Runs of blocks in one place, in the order of the load list. */
size_t fixture_runs(const struct plan *plan);

#endif
