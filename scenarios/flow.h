/* flow.h - flows: sequences of actions that may free models. */
#ifndef RESIDENCY_SCENARIOS_FLOW_H
#define RESIDENCY_SCENARIOS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/record.h"
#include "scenarios/matrix_workflow.h"
#include "scenarios/subject.h"

enum flow_action {
	FLOW_PROMPT, /* the matrix's workflow */
	FLOW_PROMPT_CHANGED, /* the same with another seed: consumers run again */
	FLOW_PROMPT_OTHER, /* another workflow: one stock unet S */
	FLOW_PROMPT_MODELS, /* the workflow of these models */
	FLOW_POST,
	FLOW_SOFT_EMPTY,
	FLOW_FREE_MEMORY,
	FLOW_HOLD_PATCHER,
	FLOW_HOLD_MODEL,
	FLOW_DROP_HOLDS,
	FLOW_SETTLE
};

enum wanted { WANTED_ABSENT, WANTED_FALSE, WANTED_TRUE };

struct flow_step {
	enum flow_action action;
	enum wanted unload_models, free_memory; /* of a post */
	unsigned seed; /* of PROMPT_CHANGED */
	const char *target; /* of a hold: a model's name, or NULL for the matrix's model number `index` */
	size_t index;
	const struct matrix_model *models; /* of PROMPT_MODELS */
	size_t model_count;
};

struct flow {
	const char *name; /* "both" */
	const char *alias; /* "F1" */
	const char *summary;
	const struct flow_step *steps;
	size_t step_count;
};

extern const struct flow *const flows[]; /* NULL-terminated; the first FLOWS_DEFAULT run by default */
#define FLOWS_DEFAULT 3
const struct flow *flow_find(const char *name_or_alias);

/* Runs a flow over a matrix's models on a subject whose cell has begun; puts the RECORD_ACTIONs. Steps after the worker's death
 * are left out. The caller ends the cell. */
bool flow_run(const struct flow *flow, const struct matrix_model *models, size_t model_count, struct subject *subject,
	      const struct record_sink *sink, uint32_t cell, struct error *e);

#endif
