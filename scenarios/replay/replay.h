/* replay.h - a workflow of the user's run on a subject, then a request to free; or a scenario, as it was saved: what was where,
 * how long steps took, what came out.
 *
 * Verifying runs the same workflow with other placements (every weight on its compute device, as many as possible waiting on cpu)
 * and compares the images' hashes: where weights wait must not change a bit.
 */
#ifndef RESIDENCY_SCENARIOS_REPLAY_H
#define RESIDENCY_SCENARIOS_REPLAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/records/record.h"
#include "probes/judge/judge.h"
#include "scenarios/flow/flow.h"
#include "scenarios/subject/subject.h"
#include "scenarios/replay/timeline.h"

/* How weights are placed: an edit of the workflow's DisTorch2 loaders. */
enum placement { PLACEMENT_AS_WRITTEN, PLACEMENT_ON_COMPUTE, PLACEMENT_WAITING, PLACEMENT_COUNT };
const char *replay_placement_name(enum placement placement);

/* A copy of the workflow with its loaders' allocations changed; the caller owns it. NULL when out of memory. */
json_t *replay_placement_apply(const json_t *workflow, enum placement placement);

struct replay {
	struct subject *subject;
	const struct subject_setup *setup; /* its cell number is this replay's */
	const struct policy *policy;
	const char *subject_name;
	const char *workflow_name; /* or the flow's */
	const char *topology_name; /* whose devices the records number */
	const json_t *workflow;
	const struct flow *flow; /* instead of a workflow, prompts and a request; NULL: none */
	const struct matrix *matrix; /* that the flow runs over where it carries no models */
	unsigned prompts; /* how often it is run, at least once */
	const json_t *free_body; /* of the request after the last prompt; NULL: none is made */
	const char *free_name; /* "both", "none": the flow in the records */
	const char *const *expected; /* hashes that the images should have, in their order; NULL: none are known */
	size_t expected_count;
	const struct record_sink *sink;
	/* Records of a cell that the sink had no room for, asked when the cell has ended; NULL where it always has. */
	uint64_t (*dropped)(void *context, uint32_t cell);
	void *context; /* of `dropped` */
};

struct replay_image {
	char path[RECORD_TEXT_MAX]; /* "" where none was written */
	char hash[80];
};

/* Zero-initialise before the first use; replay_result_free after the last. Results of a judge live as long as it is not reset. */
struct replay_result {
	struct judge_result judged;
	struct timeline timeline;
	struct replay_image *images; /* owned */
	size_t image_count, image_capacity;
	bool images_failed; /* no memory for one */
	bool differs; /* an image is not the expected one, or missing */
};
void replay_result_free(struct replay_result *result);

/* A workflow that fails (an unknown node, a device that is full) is an error; a model that is lost is a result. */
bool replay_run(const struct replay *replay, struct judge *judge, struct replay_result *result, struct error *e);

#endif
