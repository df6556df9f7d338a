/* departures.c - reasons, and what leaves for them.
 *
 * An unload is told when it happens. A death is recorded when it happens and told before the next stage: only then is it known whether
 * the model died as well, or the patcher alone. Two reasons are current at any time, of unloads and of deaths by count; scopes set one
 * of them and restore it.
 */
#include "core/manager/departures.h"

#include <stdlib.h>

/* ---- reasons ---- */

static enum reason *current(struct manager *m, enum reason reason)
{
	switch (reason) {
	case REASON_UNLOADED_BY_POLICY:
	case REASON_UNLOADED_BY_CORE:
	case REASON_EVICTED_BY_LOAD:
	case REASON_EVICTED_BY_PRESSURE:
		return &m->unload_reason;
	default:
		return &m->death_reason;
	}
}

struct reason_scope manager_reason_begin(struct manager *m, enum reason reason)
{
	enum reason *slot = current(m, reason);
	struct reason_scope scope = { .manager = m, .reason = reason, .before = *slot };

	*slot = reason;
	return scope;
}

void manager_reason_end(const struct reason_scope *scope)
{
	*current(scope->manager, scope->reason) = scope->before;
}

/* ---- telling ---- */

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

static void free_record(struct death_record *record)
{
	weak_clear(&record->inner);
	free(record->name);
	free(record);
}

void manager_forget_deaths(struct manager *m)
{
	while (m->deaths) {
		struct death_record *record = m->deaths;

		m->deaths = record->next;
		free_record(record);
	}
}

void manager_tell_object(struct manager *m, const struct patcher *patcher)
{
	static const char *const kinds[] = { [MODEL_UNET] = "unet", [MODEL_CLIP] = "clip", [MODEL_VAE] = "vae" };
	const struct model *model = patcher_inner(patcher)->model;

	if (!m->observer || !m->observer->object)
		return;
	m->observer->object(m->observer->context, &(struct object_event) { .object = patcher->object.id,
									   .model = patcher->inner.target->id,
									   .name = patcher->name,
									   .kind = kinds[model->kind],
									   .keep = patcher_inner(patcher)->keep,
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
	struct death_record *record = patcher->death_record;

	if (!record)
		return;
	patcher->death_record = NULL;
	*record = (struct death_record) { .object = patcher->object.id,
					  .name = patcher->name,
					  .reason = heap_is_collecting(m->heap) ? REASON_DIED_IN_GC : m->death_reason,
					  .time_ns = machine_now_ns(m->machine) };
	patcher->name = NULL;
	patcher->object.name = "";
	/* In a collection weak references to garbage are empty already: none is taken to a model that dies, too. */
	if (!heap_is_collecting(m->heap) || patcher->inner.target->marked)
		weak_set(&record->inner, NULL, patcher->inner.target, "death record", NULL);
	if (m->last_death)
		m->last_death->next = record;
	else
		m->deaths = record;
	m->last_death = record;
}

void manager_tell_departures(struct manager *m)
{
	while (m->deaths) {
		struct death_record *record = m->deaths;
		enum reason reason = record->inner.target ? REASON_DIED_BY_REFCOUNT : record->reason;

		m->deaths = record->next;
		if (!m->deaths)
			m->last_death = NULL;
		tell(m, &(struct departure_event) {
				.object = record->object, .name = record->name, .reason = reason, .time_ns = record->time_ns });
		free_record(record);
	}
}
