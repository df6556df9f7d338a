/* engine_others.c - what happens to an engine from outside: failures in the middle of a prompt, other packs' references, memory,
 * loads and patches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/manager/view.h"
#include "core/workflow/engine_state.h"

/* ---- injected faults ---- */

void engine_inject_fault(struct engine *engine, enum injected_fault kind, unsigned step)
{
	engine->injected = (struct fault_state) { .kind = kind, .step = step };
}

bool engine_before_step(void *context, struct error *e)
{
	static const struct {
		enum error_kind kind;
		const char *text;
	} thrown[] = {
		[INJECT_INTERRUPT] = { .kind = ERROR_INTERRUPTED, .text = "InterruptProcessingException" },
		[INJECT_FAILURE] = { .kind = ERROR_NODE, .text = "RuntimeError: a node failed" },
		[INJECT_OUT_OF_MEMORY] = { .kind = ERROR_DEVICE_MEMORY,
					   .text = "OutOfMemoryError: allocation on device failed" },
	};
	struct engine *engine = context;
	struct fault_state *injected = &engine->injected;

	if (injected->kind == INJECT_NONE || injected->happened || injected->steps++ != injected->step)
		return true;
	injected->happened = true;
	return error_set(e, thrown[injected->kind].kind, "%s, at step %u", thrown[injected->kind].text, injected->step);
}

/* Upstream then unloads all models; what that throws is not caught. */
static bool out_of_memory(struct engine *engine, struct error *e)
{
	const struct observer *observer = engine->options.observer;
	struct error raised = ERROR_INIT;

	if (observer && observer->request)
		observer->request(observer->context, &(struct request_event) { true, false, "oom" });
	if (manager_unload_all(engine->manager, &raised))
		return true;
	if (raised.kind != ERROR_NODE)
		return error_set(e, raised.kind, "%s", raised.text);
	engine->died = string_copy(raised.text, e);
	return engine->died != NULL;
}

bool engine_prompt_failed(struct engine *engine, struct error *failed, struct error *e)
{
	enum error_kind kind = failed->kind;

	if (kind == ERROR_MEMORY || kind == ERROR_BUG)
		return error_set(e, kind, "%s", failed->text);
	if (kind == ERROR_INTERRUPTED)
		executor_drop_frame(&engine->executor);
	else if (!executor_keep_traceback(&engine->executor, e))
		return false;
	if (engine->injected.happened)
		error_clear(failed);
	return kind != ERROR_DEVICE_MEMORY || out_of_memory(engine, e);
}

/* ---- references ---- */

struct entry_search {
	const char *name;
	const struct patcher *found;
};

static void match_name(void *context, const struct managed_object *object)
{
	struct entry_search *search = context;
	const char *name = patcher_name(object->patcher);

	if (name && strcmp(name, search->name) == 0)
		search->found = object->patcher;
}

/* The living patcher of this name that was made last. */
static const struct patcher *newest_of(const struct engine *engine, const char *name)
{
	struct manager_view view = manager_view(engine->manager);
	struct entry_search search = { .name = name };

	manager_each_object(&view, match_name, &search);
	return search.found;
}

bool engine_hold(struct engine *engine, const char *name, enum hold what, struct error *e)
{
	const struct patcher *patcher = newest_of(engine, name);
	struct hold_reference *hold;

	if (!patcher)
		return true;
	hold = array_new(1, sizeof(*hold), e);
	if (!hold)
		return false;
	hold->next = engine->holds;
	engine->holds = hold;
	reference_set(&hold->reference, engine->foreign,
		      what == HOLD_PATCHER ? patcher_object(patcher) : patcher_model_object(patcher), "hold");
	return true;
}

void engine_drop_holds(struct engine *engine)
{
	while (engine->holds) {
		struct hold_reference *hold = engine->holds;

		engine->holds = hold->next;
		reference_drop(&hold->reference);
		free(hold);
	}
}

/* ---- memory outside the manager ---- */

bool engine_take_outside(struct engine *engine, const char *device, uint64_t size_bytes, struct error *e)
{
	struct device *where = machine_find(engine->options.machine, device);
	struct outside_buffer *outside;
	struct error refused = ERROR_INIT;

	if (!where)
		return error_set(e, ERROR_ABSENT, "the topology has no device %s", device);
	outside = array_new(1, sizeof(*outside), e);
	if (!outside)
		return false;
	if (!device_alloc(where, size_bytes, &outside->buffer, &refused)) {
		free(outside);
		return refused.kind == ERROR_DEVICE_MEMORY || error_set(e, refused.kind, "%s", refused.text);
	}
	outside->next = engine->outside;
	engine->outside = outside;
	return true;
}

void engine_drop_outside(struct engine *engine)
{
	while (engine->outside) {
		struct outside_buffer *outside = engine->outside;

		engine->outside = outside->next;
		device_free(&outside->buffer);
		free(outside);
	}
}

void engine_forget_others(struct engine *engine)
{
	engine_drop_outside(engine);
	while (engine->holds) {
		struct hold_reference *hold = engine->holds;

		engine->holds = hold->next;
		free(hold);
	}
}

/* ---- loads, patches, pressure ---- */

bool engine_move_foreign(struct engine *engine, const char *name, struct error *e)
{
	const struct patcher *patcher = newest_of(engine, name);
	struct error refused = ERROR_INIT;

	return !patcher || manager_inject_move(patcher, &refused) || refused.kind == ERROR_DEVICE_MEMORY ||
	       error_set(e, refused.kind, "%s", refused.text);
}

static struct patcher *open_foreign(struct engine *engine, uint64_t size_bytes, struct error *e)
{
	const struct catalog *catalog = engine->options.catalog;
	struct manager *m = engine->manager;
	struct model_source source = { .kind = MODEL_UNET,
				       .files = { "foreign" },
				       .file_count = 1,
				       .type = "",
				       .size_bytes = size_bytes,
				       .weight_dtype = "default" };
	struct model *model = catalog->open(catalog->context, &source, manager_machine(m), manager_offload_device(m), e);

	return model ? patcher_new(m, model, manager_load_device(m), "foreign", e) : NULL;
}

/* Takes a hold of the patcher and loads it. */
static bool hold_and_load(struct engine *engine, struct patcher *patcher, struct hold_reference *hold, struct error *e)
{
	struct load_request request = { .minimum_bytes = NAN };

	hold->next = engine->holds;
	engine->holds = hold;
	reference_set(&hold->reference, engine->foreign, patcher_object(patcher), "foreign load");
	return manager_loader_ran(engine->manager, patcher, KEEP_NONE, true, e) &&
	       manager_load(engine->manager, &patcher, 1, &request, e);
}

bool engine_load_foreign(struct engine *engine, uint64_t size_bytes, struct error *e)
{
	struct hold_reference *hold = array_new(1, sizeof(*hold), e);
	struct error refused = ERROR_INIT;
	struct patcher *patcher;
	bool fine;

	if (!hold)
		return false;
	engine_begin_action(engine);
	patcher = open_foreign(engine, size_bytes, &refused);
	if (!patcher)
		free(hold);
	fine = patcher && hold_and_load(engine, patcher, hold, &refused);
	if (!fine && refused.kind != ERROR_DEVICE_MEMORY)
		return error_set(e, refused.kind, "%s", refused.text);
	engine_tell_stage(engine, STAGE_AFTER_FREE_MEMORY, refused.text);
	return true;
}

void engine_patch_unload(struct engine *engine, bool throws)
{
	manager_inject_throwing_unload(engine->manager, throws);
}

void engine_set_cpu_memory(struct engine *engine, double percent)
{
	manager_inject_cpu_percent(engine->manager, percent);
}
