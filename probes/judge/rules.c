/* rules.c - the rules of a cell, each a few lines over the view of its objects.
 *
 * Patchers of one model share its inner object, so most rules walk the view for objects of the same `inner`. Cells have tens of
 * objects at most; nothing is cached. Displaced and leaked (DESIGN.md section 1) are defined here and nowhere else.
 */
#include "probes/judge/rules.h"

#include <string.h>

static struct object_view view_of(const struct cell_view *cell, size_t index)
{
	return cell->object(cell->context, index);
}

static bool is_held(const struct cell_view *cell, size_t index, enum holder_group group)
{
	return cell->is_held(cell->context, index, group);
}

bool rule_holder_is_in(const struct record_holder *holder, enum holder_group group)
{
	if (!holder->strong)
		return false;
	switch (group) {
	case HOLDERS_MANAGER:
		return strcmp(holder->kind, HOLDER_MANAGER) == 0;
	case HOLDERS_ANCHORS:
		return strcmp(holder->kind, HOLDER_ANCHORS) == 0;
	case HOLDERS_LEAKING:
		break;
	}
	return strcmp(holder->kind, HOLDER_CACHE) != 0 && strcmp(holder->kind, HOLDER_FOREIGN) != 0 &&
	       strcmp(holder->kind, HOLDER_GARBAGE) != 0;
}

bool rule_is_pressure(enum reason reason)
{
	return reason == REASON_EVICTED_BY_PRESSURE || reason == REASON_EVICTED_BY_LOAD;
}

bool rule_is_resident(const struct cell_view *cell, size_t index)
{
	uint32_t inner = view_of(cell, index).inner;

	for (size_t i = 0; i < cell->count; i++) {
		const struct object_view other = view_of(cell, i);

		if (other.inner == inner && other.is_seen && other.state == STATE_RESIDENT)
			return true;
	}
	return false;
}

static bool went_by_pressure(const struct cell_view *cell, const struct object_view *object)
{
	if (object->departure != REASON_NONE && object->departure != REASON_SUPERSEDED)
		return rule_is_pressure(object->departure);
	for (size_t i = 0; i < cell->count; i++) {
		const struct object_view other = view_of(cell, i);

		if (other.inner == object->inner && rule_is_pressure(other.departure))
			return true;
	}
	return false;
}

/* A clone that made way for a newer one is held through its model's other patchers. */
static bool manager_holds_model(const struct cell_view *cell, uint32_t inner)
{
	for (size_t i = 0; i < cell->count; i++) {
		const struct object_view other = view_of(cell, i);

		if (other.inner == inner && other.patcher_alive && is_held(cell, i, HOLDERS_MANAGER))
			return true;
	}
	return false;
}

/* A dead patcher of a model that goes on through living ones: what becomes of the model is their matter. */
static bool is_displaced_through_another(const struct cell_view *cell, const struct object_view *dead)
{
	for (size_t i = 0; i < cell->count; i++) {
		const struct object_view other = view_of(cell, i);

		if (other.inner == dead->inner && other.is_seen && other.patcher_alive && went_by_pressure(cell, &other))
			return manager_holds_model(cell, dead->inner);
	}
	return false;
}

bool rule_is_displaced(const struct cell_view *cell, size_t index)
{
	const struct object_view object = view_of(cell, index);

	if (!object.patcher_alive && is_displaced_through_another(cell, &object))
		return true;
	return went_by_pressure(cell, &object) && manager_holds_model(cell, object.inner);
}

bool rule_leaks(const struct cell_view *cell, size_t index)
{
	const struct object_view object = view_of(cell, index);

	if (!object.was_asked || object.state == STATE_DEAD)
		return false;
	return object.state == STATE_RESIDENT || is_held(cell, index, HOLDERS_LEAKING);
}

static bool is_listed(const struct cell_view *cell, uint32_t inner)
{
	for (size_t i = 0; i < cell->count; i++) {
		const struct object_view other = view_of(cell, i);

		if (other.inner == inner && other.is_seen && other.is_listed)
			return true;
	}
	return false;
}

bool rule_strays(const struct cell_view *cell, size_t index)
{
	const struct object_view object = view_of(cell, index);

	if (object.state != STATE_LOADED_UNLISTED && !(object.state == STATE_LEAKED && object.bytes_on_compute > 0))
		return false;
	return object.is_seen && !is_listed(cell, object.inner);
}

bool rule_is_judged(const struct cell_view *cell, size_t index)
{
	const struct object_view object = view_of(cell, index);

	for (size_t i = 0; i < cell->count; i++) {
		const struct object_view other = view_of(cell, i);

		if (other.model < object.model && other.identity == object.identity && other.was_kept == object.was_kept)
			return false;
	}
	return true;
}

/* What was before it was ever resident does not count. */
void rule_note_retention(struct retention *retention, const struct cell_view *cell, size_t index)
{
	if (rule_is_resident(cell, index)) {
		if (!retention->was_resident)
			retention->left_otherwise = false;
		retention->was_resident = true;
		return;
	}
	retention->left |= retention->was_resident;
	if (rule_is_displaced(cell, index))
		retention->was_displaced = true;
	else
		retention->left_otherwise = true;
}

enum outcome rule_retention_outcome(const struct retention *retention)
{
	if (retention->was_displaced && !retention->left_otherwise)
		return OUTCOME_DISPLACED;
	return retention->was_resident && !retention->left ? OUTCOME_KEPT : OUTCOME_LOST;
}

static bool can_be_used_again(const struct cell_view *cell, size_t index, const struct object_view *copy)
{
	if (copy->keep != KEEP_YES || !copy->is_seen || !copy->patcher_alive || copy->departure == REASON_DROPPED_BY_WORKFLOW)
		return false;
	return rule_is_resident(cell, index) || is_held(cell, index, HOLDERS_MANAGER) || is_held(cell, index, HOLDERS_ANCHORS);
}

size_t rule_kept_copy(const struct cell_view *cell, size_t index)
{
	const struct object_view object = view_of(cell, index);

	for (size_t i = 0; i < cell->count; i++) {
		const struct object_view other = view_of(cell, i);

		if (other.model < object.model && other.identity == object.identity && can_be_used_again(cell, i, &other))
			return i;
	}
	return RULE_NO_OBJECT;
}

enum ledger_result rule_read_ledger(struct ledger_reading *ledger, const struct record_memory *memory)
{
	if (strcmp(memory->line, "noise") == 0) {
		ledger->noise_bytes = memory->size_bytes;
		ledger->noise_device = memory->device;
		return LEDGER_OPEN;
	}
	if (memory->size_bytes == UNKNOWN_U64)
		return LEDGER_OPEN;
	if (strcmp(memory->line, "used") == 0) {
		ledger->used_bytes = memory->size_bytes;
		ledger->told_bytes = 0;
		return LEDGER_OPEN;
	}
	ledger->told_bytes += memory->size_bytes;
	if (strcmp(memory->line, "unattributed") != 0)
		return LEDGER_OPEN;
	if (memory->size_bytes > (memory->device == ledger->noise_device ? ledger->noise_bytes : 0))
		return LEDGER_UNATTRIBUTED;
	return ledger->told_bytes != ledger->used_bytes ? LEDGER_UNBALANCED : LEDGER_BALANCED;
}

bool rule_happens_later(enum record_type type)
{
	return type == RECORD_MODEL || type == RECORD_LOAD || type == RECORD_ACTION || type == RECORD_REQUEST ||
	       type == RECORD_DEPARTURE || type == RECORD_SAMPLED;
}
