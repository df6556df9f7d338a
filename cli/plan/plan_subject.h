/* plan_subject.h - what the plan command was asked about: blocks, devices, what is free on them, and a version's rules. */
#ifndef RESIDENCY_CLI_PLAN_SUBJECT_H
#define RESIDENCY_CLI_PLAN_SUBJECT_H

#include "core/device/topology/topology.h"
#include "core/plan/place/blocks.h"
#include "core/plan/plan.h"

/* As on the command line; NULL where nothing was said. */
struct plan_words {
	const char *model, *loadlist; /* one of them, or neither where no model is needed */
	const char *topology, *planner;
	const char *free; /* "cuda:0=20GiB,cpu=64GB" */
	bool is_clip;
};

struct plan_subject {
	const struct plan_rules *rules;
	struct topology *topology;
	struct block_list list;
	bool has_blocks;
	bool is_clip;
	char source[1024]; /* the file the blocks came from, and what it was taken for; "" without blocks */
	struct plan_device devices[DEVICE_MAX];
	uint64_t free_bytes[DEVICE_MAX]; /* what --free says, else all of the device */
};

/* Opens what the words name. The caller closes with plan_subject_close(), also after an error. */
bool plan_subject_open(struct plan_subject *subject, const struct plan_words *words, bool needs_blocks, struct error *e);
void plan_subject_close(struct plan_subject *subject);

#endif
