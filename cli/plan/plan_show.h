/* plan_show.h - a plan for people, and as JSON. */
#ifndef RESIDENCY_CLI_PLAN_SHOW_H
#define RESIDENCY_CLI_PLAN_SHOW_H

#include <stdio.h>

#include "core/device/topology/topology.h"
#include "core/plan/place/blocks.h"
#include "core/plan/plan.h"
#include "scenarios/placed/plan_trial.h"

/* All borrowed. */
struct plan_shown {
	const struct plan *plan;
	const struct plan_request *request;
	const struct topology *topology;
	const struct block_list *list;
	const char *source; /* the file the blocks came from */
	struct picture picture;
	const struct plan_outlook *outlook;
};

void plan_show(const struct plan_shown *shown, bool every_block, FILE *out);
bool plan_show_json(const struct plan_shown *shown, FILE *out, struct error *e);

#endif
