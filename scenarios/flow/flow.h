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
#include "db/records/record.h"
#include "scenarios/matrix/matrix_workflow.h"
#include "scenarios/subject/subject.h"

/* Each waits until the worker is idle. flow_file.h says what an action takes. */
enum flow_action {
	FLOW_PROMPT, /* the workflow of the flow's models, else of the matrix's */
	FLOW_PROMPT_CHANGED, /* the same with another seed: consumers run again */
	FLOW_PROMPT_OTHER, /* another workflow: one stock unet S */
	FLOW_PROMPT_MODELS, /* the workflow of these models */
	FLOW_POST, /* POST /free */
	FLOW_SOFT_EMPTY, /* direct soft_empty_cache(force) */
	FLOW_FREE_MEMORY, /* direct free_memory of the load device, for all memory */
	FLOW_HOLD_PATCHER, /* a foreign reference to the newest object of a model's name */
	FLOW_HOLD_MODEL,
	FLOW_DROP_HOLDS,
	FLOW_SETTLE, /* time passes: by default, beyond the interval between collections */
	FLOW_QUEUE, /* prompts with seeds from 1 on, all queued before the worker runs */
	FLOW_POST_RUNNING, /* POST /free that comes while the next prompt runs */
	FLOW_POST_UNHEARD, /* POST /free whose wake-up is lost */
	FLOW_INTERRUPT, /* the next prompt, in the middle of sampling */
	FLOW_FAIL, /* the same, by an error */
	FLOW_OUT_OF_MEMORY, /* the same, out of memory */
	FLOW_FOREIGN_UNLOAD, /* a foreign patch of unload_all_models throws, or is taken away */
	FLOW_LOAD_FOREIGN, /* another pack loads a model, and holds it */
	FLOW_MOVE_FOREIGN, /* another pack's memory manager moves a model's blocks */
	FLOW_OUTSIDE, /* another pack takes memory past the manager */
	FLOW_OUTSIDE_DROP,
	FLOW_CPU_MEMORY, /* how much of main memory is in use */
	FLOW_FULL_CLEANUP, /* the prompt with a full cleanup node in it */
	FLOW_ACTION_COUNT
};

enum wanted { WANTED_ABSENT, WANTED_FALSE, WANTED_TRUE };

struct flow_step {
	enum flow_action action;
	const char *tag; /* of a prompt: tells it from others, changes nothing; NULL: none */
	enum wanted unload_models, free_memory, release_kept; /* of a post */
	uint64_t number; /* what the action counts: a seed, prompts, a step, seconds, megabytes, bytes, per cent */
	const char *word; /* of FOREIGN_UNLOAD: throw, none; of OUTSIDE: a device, or "compute" */
	const char *target; /* of a hold: a model's name, or NULL for the model number `index` */
	size_t index; /* from 0 */
	const struct matrix_model *models; /* of PROMPT_MODELS */
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

/* Whether the subject can let happen what the flow says (subject.h, can). */
bool flow_can_run(const struct flow *flow, struct subject *subject, struct error *why);

/* Runs a flow over a matrix's models, or its own, on a subject whose cell has begun; puts the RECORD_ACTIONs. Steps after the
 * worker's death are left out. The caller ends the cell. */
bool flow_run(const struct flow *flow, const struct matrix_model *models, size_t model_count, struct subject *subject,
	      const struct record_sink *sink, uint32_t cell, struct error *e);

#endif
