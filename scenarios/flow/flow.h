/* flow.h - flows: sequences of actions that may free models, and how one runs.
 *
 * A flow is data: a file of scenarios/flows or of the user's (flow_file.h), or made in memory. It runs over a matrix's models, or
 * over its own where it carries some; one that says its policy and modes, too, is a whole scenario and can be replayed as it is.
 */
#ifndef RESIDENCY_SCENARIOS_FLOW_H
#define RESIDENCY_SCENARIOS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/workflow/action.h"
#include "db/records/record.h"
#include "scenarios/models/matrix_workflow.h"
#include "scenarios/subject/subject.h"

enum wanted { WANTED_ABSENT, WANTED_FALSE, WANTED_TRUE };

/* An action, said relative to the flow. flow_file.h says what each takes. */
struct flow_step {
	struct action action; /* its body is made when it runs, as is the name of model number `index` */
	const char *tag; /* of a prompt: tells it from others, changes nothing; NULL: none */
	enum wanted unload_models, free_memory, release_kept; /* of a post */
	size_t index; /* of a model, from 0, where the action has no name */
	const struct matrix_model *models; /* of a prompt that has its own */
	size_t model_count;
};

/* What a saved scenario says of where it runs; what it does not say is up to who runs it. */
struct flow_setting {
	const struct policy *policy; /* NULL: not said */
	bool has_cache, has_device_mode, has_node_flags, has_seed;
	enum cache_kind cache;
	enum device_mode device_mode;
	enum node_flags node_flags;
	uint64_t seed; /* that it was made from */
};

struct flow {
	const char *name; /* "both" */
	const char *alias; /* "F1"; "" for none */
	const char *summary; /* half a line */
	const char *help; /* what it shows; "" for none */
	const char *const *reports; /* upstream threads that report it: "CC#4655" */
	size_t report_count;
	unsigned failure_class; /* number in the list of failure classes; 0: none */
	struct flow_setting setting;
	const char *matrix; /* whose models it is meant for: a built-in matrix, or what records are to say; NULL: any */
	const struct matrix_model *models; /* its own */
	size_t model_count; /* 0: it runs over a matrix's */
	const struct flow_step *steps;
	size_t step_count;
};

/* Whether all models that the flow speaks of by number are there. */
bool flow_fits(const struct flow *flow, size_t model_count, struct error *e);

/* Whether each workflow that the flow brings has a model in common with these: a flow about K's LoRA says nothing of others. */
bool flow_is_about(const struct flow *flow, const struct matrix_model *models, size_t model_count, struct error *e);

/* Whether the subject can do what the flow says (subject.h, can). */
bool flow_can_run(const struct flow *flow, struct subject *subject, struct error *why);

/* Runs a flow over a matrix's models, or its own, on a subject whose cell has begun; puts the RECORD_ACTIONs. Each action waits until
 * the worker is idle. Steps after the
 * worker's death are left out. The caller ends the cell. */
bool flow_run(const struct flow *flow, const struct matrix_model *models, size_t model_count, struct subject *subject,
	      const struct record_sink *sink, uint32_t cell, struct error *e);

#endif
