/* manager.c - a manager made and freed, keep flags, and what is set or injected from outside.
 *
 * Four roots of the heap stand for four holders: the loaded list, the manager itself (kept models), the anchors of a policy, and the
 * node that runs. A keep flag is the model's, so that all its patchers have the same one.
 */
#include "core/manager/manager.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/manager/departures.h"
#include "core/manager/state.h"
#include "core/manager/place/allocation.h"
#include "core/manager/policies/verbs.h"

static const struct object_class list_class = { .name = "list" };
static const struct object_class keeper_class = { .name = "manager" };
static const struct object_class anchors_class = { .name = "anchors" };
static const struct object_class running_class = { .name = "execution" };

struct manager *manager_new(const struct manager_options *options, struct error *e)
{
	struct manager *m;

	if (!policy_check(options->policy, e))
		return NULL;
	m = array_new(1, sizeof(*m), e);
	if (!m)
		return NULL;
	m->heap = options->heap;
	m->machine = options->machine;
	m->policy = options->policy;
	m->observer = options->observer;
	m->log = options->log;
	m->trace = options->trace;
	m->rules = options->rules ? *options->rules : memory_rules_default();
	if (options->view)
		m->view = *options->view;
	m->load_device = options->load_device;
	m->offload_device = options->offload_device;
	m->current_device = options->load_device;
	m->current_text_device = options->load_device;
	m->flags_context = options->flags_context;
	m->set_flags = options->set_flags;
	m->unload_reason = REASON_EVICTED_BY_PRESSURE;
	m->death_reason = REASON_DIED_BY_REFCOUNT;
	m->list_root = heap_root(m->heap, &list_class, "loaded list", e);
	m->keeper = heap_root(m->heap, &keeper_class, "manager", e);
	m->anchors = heap_root(m->heap, &anchors_class, "anchors", e);
	m->running = heap_root(m->heap, &running_class, "running node", e);
	if (m->list_root && m->keeper && m->anchors && m->running)
		return m;
	free(m);
	return NULL;
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	manager_forget_deaths(m);
	place_free_allocations(m);
	free(m->list);
	free(m);
}

double manager_cpu_percent(const struct manager *m)
{
	double most = m->cpu_memory_percent;

	for (size_t i = 0; i < machine_device_count(m->machine); i++) {
		const struct device *device = machine_device(m->machine, i);

		if (device_is_cpu(device))
			most = fmax(most, 100 * (1 - memory_free_bytes(m, device) / memory_total_bytes(m, device)));
	}
	return most;
}

void manager_set_flags(struct manager *m, bool unload_models, bool free_memory, const char *source)
{
	if (m->set_flags)
		m->set_flags(m->flags_context, unload_models, free_memory, source);
}

/* Of a model, and so of all its patchers. */
static void set_keep(struct manager *m, const struct patcher *patcher, enum keep_request keep)
{
	struct inner *inner = patcher_inner(patcher);

	if (inner->keep == keep)
		return;
	inner->keep = keep;
	for (const struct reference *in = inner->object.in; in; in = in->in_next) {
		if (in->owner->class == &patcher_class)
			manager_tell_object(m, (const struct patcher *)in->owner);
	}
}

bool manager_loader_ran(struct manager *m, struct patcher *patcher, enum keep_request keep, bool from_disk, struct error *e)
{
	if (m->observer && m->observer->load)
		m->observer->load(m->observer->context, patcher->object.id, patcher->name, from_disk);
	if (keep != KEEP_NONE)
		set_keep(m, patcher, keep);
	if (keep == KEEP_NONE || !m->policy->loader_ran)
		return true;
	return m->policy->loader_ran(m, patcher, keep == KEEP_YES, e);
}

struct device *manager_device_for(const struct manager *m, enum model_kind kind)
{
	return kind == MODEL_CLIP ? m->current_text_device : m->current_device;
}

void manager_set_device(struct manager *m, enum model_kind kind, struct device *device)
{
	if (!policy_is(m->policy, POLICY_STICKY_DEVICE))
		return;
	if (kind == MODEL_CLIP)
		m->current_text_device = device;
	else
		m->current_device = device;
}

struct patcher *manager_adopt(struct manager *m, const char *key)
{
	struct manager_view view = manager_view(m);

	return m->policy->adopt ? m->policy->adopt(&view, key) : NULL;
}

void manager_full_cleanup(struct manager *m)
{
	if (m->policy->full_cleanup)
		m->policy->full_cleanup(m);
	manager_set_flags(m, true, true, "node");
}

void manager_release_kept(struct manager *m)
{
	for (struct patcher *patcher = m->first; patcher; patcher = patcher->next) {
		if (patcher_inner(patcher)->keep == KEEP_YES)
			set_keep(m, patcher, KEEP_NO);
	}
	object_release_all(m->keeper);
}

/* ---- verbs of policies ---- */

void manager_hold(struct manager *m, struct patcher *patcher)
{
	if (!patcher->kept.target)
		reference_set(&patcher->kept, m->keeper, &patcher->object, "kept");
}

void manager_drop(struct patcher *patcher)
{
	reference_drop(&patcher->kept);
}

void manager_drop_model(struct patcher *patcher)
{
	struct reference *in = patcher->inner.target->in;

	while (in) {
		struct patcher *sibling = (struct patcher *)in->owner;

		if (in->owner->class == &patcher_class && sibling != patcher && sibling->kept.target) {
			reference_drop(&sibling->kept);
			in = patcher->inner.target->in; /* the sibling may have died, and others with it */
			continue;
		}
		in = in->in_next;
	}
	reference_drop(&patcher->kept);
}

void manager_anchor(struct manager *m, struct patcher *patcher)
{
	if (patcher->anchor.target)
		return;
	reference_set(&patcher->anchor, m->anchors, &patcher->object, "anchor");
	m->anchor_count++;
}

void manager_clear_anchors(struct manager *m)
{
	struct reason_scope scope = manager_reason_begin(m, REASON_ANCHORS_CLEARED);

	m->anchor_count = 0;
	object_release_all(m->anchors);
	manager_reason_end(&scope);
}

void manager_mark_ejecting(struct patcher *patcher)
{
	patcher_inner(patcher)->eject = true;
}

void manager_request_reset(struct manager *m)
{
	manager_set_flags(m, false, true, "soft_empty");
	m->cpu_percent_at_reset = m->cpu_memory_percent;
}

/* ---- prompts ---- */

void manager_begin_prompt(struct manager *m)
{
	m->prompt_running = true;
}

void manager_end_prompt(struct manager *m)
{
	m->prompt_running = false;
}

struct object *manager_running_node(const struct manager *m)
{
	return m->running;
}

/* ---- what is injected ---- */

void manager_inject_throwing_unload(struct manager *m, bool throws)
{
	m->foreign_throws = throws;
}

void manager_inject_cpu_percent(struct manager *m, double percent)
{
	m->cpu_memory_percent = percent;
}

bool manager_inject_move(const struct patcher *patcher, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);

	for (size_t i = 0; i < inner->model->block_count; i++) {
		bool is_loaded = inner->model->blocks[i].device == device_index(patcher->load_device);

		if (!model_move_block(inner->model, i, is_loaded ? inner->offload_device : patcher->load_device, e))
			return false;
	}
	return true;
}

/* ---- what it was made with ---- */

struct heap *manager_heap(const struct manager *m)
{
	return m->heap;
}

struct machine *manager_machine(const struct manager *m)
{
	return m->machine;
}

struct device *manager_load_device(const struct manager *m)
{
	return m->load_device;
}

struct device *manager_offload_device(const struct manager *m)
{
	return m->offload_device;
}

const struct memory_rules *manager_rules(const struct manager *m)
{
	return &m->rules;
}

const struct policy *manager_policy(const struct manager *m)
{
	return m->policy;
}
