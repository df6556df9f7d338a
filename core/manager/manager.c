#include "core/manager/manager.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/place/allocation.h"

static const struct object_class list_class = { .name = "list" };
static const struct object_class keeper_class = { .name = "manager" };
static const struct object_class anchors_class = { .name = "anchors" };
static const struct object_class running_class = { .name = "execution" };

struct manager *manager_new(const struct manager_options *options, struct error *e)
{
	struct manager *m = array_new(1, sizeof(*m), e);

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

static void free_obituary(struct obituary *obituary)
{
	weak_clear(&obituary->inner);
	free(obituary->name);
	free(obituary);
}

void manager_free(struct manager *m)
{
	if (!m)
		return;
	while (m->deaths) {
		struct obituary *told = m->deaths;

		m->deaths = told->next;
		free_obituary(told);
	}
	allocations_free(m);
	free(m->list);
	free(m);
}

static const char *const trace_names[] = {
#define TRACE_NAME(name, text) [TRACE_##name] = text,
	TRACE_KINDS(TRACE_NAME)
#undef TRACE_NAME
};

const char *trace_kind_name(enum trace_kind kind)
{
	return trace_names[kind];
}

void trace_tell(const struct manager *m, const struct trace_event *event)
{
	if (m->trace)
		m->trace->event(m->trace->context, event);
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

void manager_tell_object(struct manager *m, const struct patcher *patcher)
{
	static const char *const kinds[] = { [MODEL_UNET] = "unet", [MODEL_CLIP] = "clip", [MODEL_VAE] = "vae" };
	const struct model *model = patcher_model(patcher);

	if (!m->observer || !m->observer->object)
		return;
	m->observer->object(m->observer->context, &(struct object_event) { .object = patcher->object.id,
									   .model = patcher->inner.target->id,
									   .name = patcher->name,
									   .kind = kinds[model->kind],
									   .keep = patcher->wish,
									   .size_bytes = model->size_bytes,
									   .block_count = model->block_count });
}

static void tell(struct manager *m, const struct departure_event *event)
{
	if (m->observer && m->observer->departure)
		m->observer->departure(m->observer->context, event);
}

void manager_tell_departure(struct manager *m, const struct patcher *patcher, enum reason reason)
{
	tell(m, &(struct departure_event) { .object = patcher->object.id,
					    .name = patcher->name,
					    .reason = reason,
					    .time_ns = machine_now_ns(m->machine) });
}

void manager_note_death(struct manager *m, struct patcher *patcher)
{
	struct obituary *obituary = patcher->obituary;

	if (!obituary)
		return;
	patcher->obituary = NULL;
	*obituary = (struct obituary) { .object = patcher->object.id,
					.name = patcher->name,
					.reason = heap_is_collecting(m->heap) ? REASON_DIED_IN_GC : m->death_reason,
					.time_ns = machine_now_ns(m->machine) };
	patcher->name = NULL;
	patcher->object.name = "";
	/* In a collection weak references to garbage are empty already: none is taken to a model that dies, too. */
	if (!heap_is_collecting(m->heap) || patcher->inner.target->marked)
		weak_set(&obituary->inner, NULL, patcher->inner.target, "obituary", NULL);
	if (m->last_death)
		m->last_death->next = obituary;
	else
		m->deaths = obituary;
	m->last_death = obituary;
}

void manager_tell_departures(struct manager *m)
{
	while (m->deaths) {
		struct obituary *obituary = m->deaths;
		enum reason reason = obituary->inner.target ? REASON_DIED_BY_REFCOUNT : obituary->reason;

		m->deaths = obituary->next;
		if (!m->deaths)
			m->last_death = NULL;
		tell(m, &(struct departure_event) { .object = obituary->object,
						    .name = obituary->name,
						    .reason = reason,
						    .time_ns = obituary->time_ns });
		free_obituary(obituary);
	}
}

void manager_set_wish(struct manager *m, struct patcher *patcher, enum keep_wish wish)
{
	patcher_inner(patcher)->wish = wish;
	for (struct reference *in = patcher->inner.target->in; in; in = in->in_next) {
		struct patcher *sibling = (struct patcher *)in->owner;

		if (in->owner->class != &patcher_class || sibling->wish == wish)
			continue;
		sibling->wish = wish;
		manager_tell_object(m, sibling);
	}
}

bool manager_keeps_model(const struct inner *inner)
{
	for (const struct reference *in = inner->object.in; in; in = in->in_next) {
		if (in->owner->class == &patcher_class && ((struct patcher *)in->owner)->kept.target)
			return true;
	}
	return false;
}

bool manager_loader_ran(struct manager *m, struct patcher *patcher, enum keep_wish keep, bool from_disk, struct error *e)
{
	if (m->observer && m->observer->load)
		m->observer->load(m->observer->context, patcher->object.id, patcher->name, from_disk);
	if (keep != KEEP_NONE)
		manager_set_wish(m, patcher, keep);
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
	if (!m->policy->sticky_device)
		return;
	if (kind == MODEL_CLIP)
		m->current_text_device = device;
	else
		m->current_device = device;
}

struct patcher *manager_adopt(struct manager *m, const char *key)
{
	return m->policy->adopt ? m->policy->adopt(m, key) : NULL;
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
		if (patcher->wish == KEEP_YES)
			manager_set_wish(m, patcher, KEEP_NO);
	}
	object_let_go(m->keeper);
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
	enum reason before = m->death_reason;

	m->death_reason = REASON_ANCHORS_CLEARED;
	m->anchor_count = 0;
	object_let_go(m->anchors);
	m->death_reason = before;
}
