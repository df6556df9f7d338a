/* action.c - the table of actions, and how the engine does each.
 *
 * A row's `act` calls the engine's function of the same purpose (engine.h) with the action's parameters. Everything else in a row
 * is read by others: flow files and the explorer (scenarios), the judge (probes), records (db), live servers (scenarios/subject).
 * Numbers to choose from are sizes that fill a card or not, and main memory that is about to run short.
 */
#include "core/workflow/action.h"

#include <jansson.h>
#include <string.h>

#include "core/base/event.h"
#include "core/workflow/engine.h"

#define STEPS_MOST 1000000
#define MEGABYTES_MOST 1000000
#define BYTES_MOST (UINT64_C(1) << 50)
#define BYTES_PER_MEGABYTE 1000000
#define SECONDS_MOST 100000

#define AT(stage) (UINT32_C(1) << (stage))
#define STAGES_OF_UNLOAD (AT(STAGE_BEFORE_UNLOAD) | AT(STAGE_AFTER_UNLOAD) | AT(STAGE_AFTER_GC) | AT(STAGE_AFTER_EMPTY_CACHE))

/* ---- how the engine does it ---- */

static bool prompt(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_submit(engine, action->body, action->name, e);
}

static bool queue(struct engine *engine, const struct action *action, struct error *e)
{
	for (size_t i = 0; i < json_array_size(action->body); i++) {
		if (!engine_submit(engine, json_array_get(action->body, i), action->name, e))
			return false;
	}
	return true;
}

static bool post(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_request_free(engine, action->body, REQUEST_HEARD, e);
}

static bool post_running(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_request_free(engine, action->body, REQUEST_WHILE_RUNNING, e);
}

static bool post_without_wake(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_request_free(engine, action->body, REQUEST_WITHOUT_WAKE, e);
}

static bool soft_empty(struct engine *engine, const struct action *action, struct error *e)
{
	(void)action;
	return engine_soft_empty(engine, true, e);
}

static bool free_memory(struct engine *engine, const struct action *action, struct error *e)
{
	(void)action;
	return engine_free_memory(engine, e);
}

static bool hold_patcher(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_hold(engine, action->name, HOLD_PATCHER, e);
}

static bool hold_model(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_hold(engine, action->name, HOLD_MODEL, e);
}

static bool drop_holds(struct engine *engine, const struct action *action, struct error *e)
{
	(void)action, (void)e;
	engine_drop_holds(engine);
	return true;
}

static bool settle(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_wait(engine, (unsigned)action->number, e);
}

static bool interrupt(struct engine *engine, const struct action *action, struct error *e)
{
	(void)e;
	engine_inject_fault(engine, INJECT_INTERRUPT, (unsigned)action->number);
	return true;
}

static bool fail(struct engine *engine, const struct action *action, struct error *e)
{
	(void)e;
	engine_inject_fault(engine, INJECT_FAILURE, (unsigned)action->number);
	return true;
}

static bool out_of_memory(struct engine *engine, const struct action *action, struct error *e)
{
	(void)e;
	engine_inject_fault(engine, INJECT_OUT_OF_MEMORY, (unsigned)action->number);
	return true;
}

static bool foreign_unload(struct engine *engine, const struct action *action, struct error *e)
{
	(void)e;
	engine_patch_unload(engine, strcmp(action->name, "throw") == 0);
	return true;
}

static bool load_foreign(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_load_foreign(engine, action->number * BYTES_PER_MEGABYTE, e);
}

static bool move_foreign(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_move_foreign(engine, action->name, e);
}

static bool outside(struct engine *engine, const struct action *action, struct error *e)
{
	return engine_take_outside(engine, action->name, action->number, e);
}

static bool outside_drop(struct engine *engine, const struct action *action, struct error *e)
{
	(void)action, (void)e;
	engine_drop_outside(engine);
	return true;
}

static bool cpu_memory(struct engine *engine, const struct action *action, struct error *e)
{
	(void)e;
	engine_set_cpu_memory(engine, (double)action->number);
	return true;
}

/* ---- the table ---- */

static const struct action_row rows[ACTION_KIND_COUNT] = {
	[ACTION_PROMPT] = { .word = "prompt",
			    .takes = TAKES_TAG,
			    .prompts = PROMPTS_FLOW_MODELS,
			    .waits = true,
			    .weight = 20,
			    .act = prompt },
	[ACTION_PROMPT_CHANGED] = { .word = "promptseed",
				    .takes = TAKES_NUMBER,
				    .most = UINT64_MAX,
				    .unit = "a seed",
				    .record = "prompt",
				    .prompts = PROMPTS_FLOW_MODELS,
				    .waits = true,
				    .weight = 8,
				    .act = prompt },
	[ACTION_PROMPT_OTHER] = { .word = "prompt2",
				  .takes = TAKES_TAG,
				  .record = "prompt",
				  .prompts = PROMPTS_OTHER_MODEL,
				  .waits = true,
				  .weight = 4,
				  .act = prompt },
	[ACTION_PROMPT_MODELS] = { .word = "promptm",
				   .takes = TAKES_MODELS,
				   .record = "prompt",
				   .prompts = PROMPTS_OWN_MODELS,
				   .waits = true,
				   .weight = 14,
				   .act = prompt },
	[ACTION_POST] = { .word = "post",
			  .takes = TAKES_BODY,
			  .asks = ASKS_NOW,
			  .stages = STAGES_OF_UNLOAD,
			  .waits = true,
			  .weight = 20,
			  .act = post },
	[ACTION_SOFT_EMPTY] = { .word = "soft_empty",
				.stages = AT(STAGE_AFTER_DIRECT_SOFT_EMPTY),
				.waits = true,
				.wire = "soft_empty",
				.act = soft_empty },
	[ACTION_FREE_MEMORY] = { .word = "free_memory",
				 .asks = ASKS_FOR_ALL,
				 .stages = AT(STAGE_AFTER_FREE_MEMORY),
				 .waits = true,
				 .wire = "free_memory",
				 .act = free_memory },
	[ACTION_HOLD_PATCHER] = { .word = "hold_patcher",
				  .takes = TAKES_TARGET,
				  .record = "hold",
				  .wire = "hold_patcher",
				  .act = hold_patcher },
	[ACTION_HOLD_MODEL] = { .word = "hold_inner",
				.takes = TAKES_TARGET,
				.record = "hold",
				.weight = 4,
				.wire = "hold_model",
				.act = hold_model },
	[ACTION_DROP_HOLDS] = { .word = "drop_hold", .weight = 3, .wire = "drop_holds", .act = drop_holds },
	[ACTION_SETTLE] = { .word = "settle",
			    .takes = TAKES_OPTIONAL_NUMBER,
			    .least = 1,
			    .most = SECONDS_MOST,
			    .unit = "seconds",
			    .otherwise = SETTLE_SECONDS,
			    .weight = 3,
			    .numbers = { 1, 9, 11, 1200 },
			    .act = settle },
	[ACTION_QUEUE] = { .word = "queue",
			   .takes = TAKES_NUMBER,
			   .least = 1,
			   .most = 100,
			   .unit = "prompts",
			   .detail = "",
			   .prompts = PROMPTS_FLOW_MODELS,
			   .waits = true,
			   .act = queue },
	[ACTION_POST_RUNNING] = { .word = "post_running",
				  .takes = TAKES_BODY,
				  .asks = ASKS_LATER,
				  .waits = true,
				  .act = post_running },
	[ACTION_POST_WITHOUT_WAKE] = { .word = "post_unheard",
				       .takes = TAKES_BODY,
				       .asks = ASKS_LATER,
				       .waits = true,
				       .wire = "set_flags_unheard",
				       .act = post_without_wake },
	[ACTION_INTERRUPT] = { .word = "interrupt",
			       .takes = TAKES_NUMBER,
			       .most = STEPS_MOST,
			       .unit = "a step",
			       .record = "befall",
			       .detail = "interrupt at step ",
			       .wire = "interrupt",
			       .act = interrupt },
	[ACTION_FAIL] = { .word = "fail",
			  .takes = TAKES_NUMBER,
			  .most = STEPS_MOST,
			  .unit = "a step",
			  .record = "befall",
			  .detail = "fail at step ",
			  .wire = "fail",
			  .act = fail },
	[ACTION_OUT_OF_MEMORY] = { .word = "oom",
				   .takes = TAKES_NUMBER,
				   .most = STEPS_MOST,
				   .unit = "a step",
				   .record = "befall",
				   .detail = "oom at step ",
				   .wire = "oom",
				   .act = out_of_memory },
	[ACTION_FOREIGN_UNLOAD] = { .word = "foreign_unload",
				    .takes = TAKES_PATCH,
				    .wire = "foreign_unload",
				    .act = foreign_unload },
	[ACTION_LOAD_FOREIGN] = { .word = "load_foreign",
				  .takes = TAKES_NUMBER,
				  .least = 1,
				  .most = MEGABYTES_MOST,
				  .unit = "megabytes",
				  .stages = AT(STAGE_AFTER_FREE_MEMORY),
				  .waits = true,
				  .numbers = { 1000, 8000, 16000, 22000 },
				  .engine_only = "another pack's load",
				  .act = load_foreign },
	[ACTION_MOVE_FOREIGN] = { .word = "move_foreign",
				  .takes = TAKES_TARGET,
				  .engine_only = "blocks moved by another pack",
				  .act = move_foreign },
	[ACTION_OUTSIDE] = { .word = "outside",
			     .takes = TAKES_DEVICE,
			     .least = 1,
			     .most = BYTES_MOST,
			     .unit = "bytes",
			     .numbers = { 1000000000, 8000000000, 16000000000, 22000000000 },
			     .engine_only = "memory taken past the manager",
			     .act = outside },
	[ACTION_OUTSIDE_DROP] = { .word = "outside_drop", .engine_only = "memory taken past the manager", .act = outside_drop },
	[ACTION_CPU_MEMORY] = { .word = "cpu_memory",
				.takes = TAKES_NUMBER,
				.most = 100,
				.unit = "per cent",
				.numbers = { 0, 80, 88, 96 },
				.engine_only = "main memory that runs full",
				.act = cpu_memory },
	[ACTION_FULL_CLEANUP] = { .word = "full_cleanup",
				  .record = "prompt",
				  .detail = "full_cleanup",
				  .prompts = PROMPTS_FLOW_MODELS,
				  .waits = true,
				  .node = "FullCleanupMultiGPU",
				  .act = prompt },
};

const struct action_row *action_row(enum action_kind kind)
{
	return &rows[kind];
}

const char *action_word(enum action_kind kind)
{
	return rows[kind].word;
}

const char *action_record_word(enum action_kind kind)
{
	return rows[kind].record ? rows[kind].record : rows[kind].word;
}

/* ---- what an action asks ---- */

bool action_asks(const struct action *action)
{
	enum action_asks asks = rows[action->kind].asks;

	if (asks == ASKS_NOTHING || asks == ASKS_FOR_ALL)
		return asks == ASKS_FOR_ALL;
	return json_is_true(json_object_get(action->body, "unload_models")) ||
	       json_is_true(json_object_get(action->body, "free_memory"));
}

bool action_is_request_now(enum action_kind kind, bool asks)
{
	return rows[kind].asks == ASKS_FOR_ALL || (rows[kind].asks == ASKS_NOW && asks);
}

bool action_serves_requests(enum action_kind kind)
{
	return rows[kind].prompts != PROMPTS_NOTHING || rows[kind].asks == ASKS_NOW;
}

bool action_perform(struct engine *engine, const struct action *action, struct error *e)
{
	return rows[action->kind].act(engine, action, e);
}
