/* explore_check.c - watches the records of a sequence for broken invariants, as they come.
 *
 * Objects that are alive, or were at the newest snapshot, are kept in an array; the dead are forgotten so that a sequence of any
 * length takes bounded memory. What the records mean is decided by probes/judge/rules.h, as in the judge; here is only when it
 * is asked: kept models and second reads when a snapshot is complete, freed, stray and anchored ones at rest, before the next
 * action.
 */
#include "scenarios/explore/explore_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/words.h"
#include "probes/judge/rules.h"

/* An object that is alive, or was at the newest snapshot. */
struct watched {
	struct record_model model;
	enum residency_state state;
	bool patcher_alive, anchored, listed;
	uint64_t bytes_on_compute;
	bool seen; /* at the newest snapshot */
	bool was_kept; /* asked to be kept, at some time */
	struct retention retention;
	bool asked; /* to go, since its last load */
	bool held[HOLDERS_LEAKING + 1]; /* by enum holder_group */
	bool read_again; /* since the newest snapshot, from disk, while a kept copy was there */
	bool copy_was_anchored;
	enum reason departure; /* the first since it was last resident */
};

/* What makes a later object of the same identity one that was read again. */
struct forgotten {
	uint64_t identity;
	bool was_kept;
};

struct check {
	struct watched *objects;
	size_t count, capacity;
	struct forgotten *forgotten; /* each pair once */
	size_t forgotten_count, forgotten_capacity;
	struct explore_failure failures[CHECK_FAILURES_MAX];
	size_t failure_count;
	size_t steps;
	bool open; /* records of the newest snapshot may still come */
	enum stage stage;
	uint32_t cycle;
	char exception[48];
	bool worker_died;
	struct ledger_reading ledger; /* of the device whose lines come */
	bool is_taken_outside; /* memory past the manager, which nothing can account for */
	struct error fault;
};

static const char *const findings[] = {
#define INVARIANT_FINDING(name, text, finding) finding,
	INVARIANTS(INVARIANT_FINDING)
#undef INVARIANT_FINDING
};

WORDS_NAME(explore_invariant_name, enum invariant, INVARIANTS)

const char *explore_invariant_finding(enum invariant invariant)
{
	return findings[invariant];
}

struct check *explore_check_new(struct error *e)
{
	struct check *check = array_new(1, sizeof(*check), e);

	if (check)
		explore_check_reset(check);
	return check;
}

void explore_check_free(struct check *check)
{
	if (!check)
		return;
	free(check->objects);
	free(check->forgotten);
	free(check);
}

void explore_check_reset(struct check *check)
{
	check->count = 0;
	check->forgotten_count = 0;
	check->failure_count = 0;
	check->steps = 0;
	check->open = false;
	check->worker_died = false;
	check->is_taken_outside = false;
	check->exception[0] = '\0';
	error_clear(&check->fault);
}

size_t explore_check_step_count(const struct check *check)
{
	return check->steps;
}

/* ---- failures ---- */

static struct explore_failure *fail(struct check *check, enum invariant invariant, const char *cause,
				    const struct watched *object)
{
	struct explore_failure *failure;

	for (size_t i = 0; i < check->failure_count; i++) {
		if (check->failures[i].invariant == invariant && strcmp(check->failures[i].cause, cause) == 0)
			return &check->failures[i];
	}
	if (check->failure_count == CHECK_FAILURES_MAX)
		return NULL;
	failure = &check->failures[check->failure_count++];
	*failure = (struct explore_failure) { .invariant = invariant, .step = check->steps ? check->steps - 1 : 0 };
	snprintf(failure->cause, sizeof(failure->cause), "%s", cause);
	if (object)
		record_object_name(failure->model, sizeof(failure->model), object->model.name, object->model.generation);
	snprintf(failure->stage, sizeof(failure->stage), "c%u.%s", check->cycle, event_stage_name(check->stage));
	return failure;
}

/* ---- objects ---- */

static struct watched *find(const struct check *check, uint32_t number)
{
	for (size_t i = check->count; i-- > 0;) {
		if (check->objects[i].model.model == number)
			return &check->objects[i];
	}
	return NULL;
}

/* ---- the view that the rules read ---- */

static struct object_view object_view(const void *context, size_t index)
{
	const struct check *check = context;
	const struct watched *object = &check->objects[index];

	return (struct object_view) {
		.model = object->model.model,
		.inner = object->model.inner,
		.identity = object->model.identity,
		.keep = object->model.keep,
		.was_kept = object->was_kept,
		.state = object->state,
		.bytes_on_compute = object->bytes_on_compute,
		.is_seen = object->seen,
		.is_listed = object->listed,
		.patcher_alive = object->patcher_alive,
		.was_asked = object->asked,
		.departure = object->departure,
	};
}

static bool object_is_held(const void *context, size_t index, enum holder_group group)
{
	const struct check *check = context;

	return check->objects[index].held[group];
}

static struct cell_view view_of(const struct check *check)
{
	return (struct cell_view) {
		.context = check,
		.count = check->count,
		.object = object_view,
		.is_held = object_is_held,
	};
}

static size_t index_of(const struct check *check, const struct watched *object)
{
	return (size_t)(object - check->objects);
}

/* What made the model leave, through whichever patcher it was listed. */
static enum reason departure_of_model(const struct check *check, const struct watched *object)
{
	enum reason reason = object->departure;

	for (size_t i = 0; i < check->count && (reason == REASON_NONE || reason == REASON_SUPERSEDED); i++) {
		if (check->objects[i].model.inner == object->model.inner && check->objects[i].departure != REASON_NONE)
			reason = check->objects[i].departure;
	}
	return reason;
}

static const char *cause_of_loss(const struct check *check, const struct watched *object)
{
	enum reason reason = departure_of_model(check, object);

	if (reason != REASON_NONE)
		return event_reason_name(reason);
	if (check->worker_died)
		return event_reason_name(REASON_WORKER_DIED);
	return object->retention.was_resident ? record_residency_state_name(object->state)
					      : event_reason_name(REASON_NEVER_RESIDENT);
}

static bool is_judged(const struct check *check, const struct watched *object)
{
	const struct cell_view view = view_of(check);

	for (size_t i = 0; i < check->forgotten_count; i++) {
		if (check->forgotten[i].identity == object->model.identity && check->forgotten[i].was_kept == object->was_kept)
			return false;
	}
	return rule_is_judged(&view, index_of(check, object));
}

static bool was_never_loaded(const struct check *check, const struct watched *object)
{
	return !object->retention.was_resident && departure_of_model(check, object) == REASON_NONE && !check->worker_died;
}

static void check_kept(struct check *check, const struct watched *object)
{
	struct explore_failure *failure;

	if (object->model.keep != KEEP_YES || rule_retention_outcome(&object->retention) != OUTCOME_LOST ||
	    !is_judged(check, object))
		return;
	failure = fail(check, INVARIANT_KEPT_STAYS, cause_of_loss(check, object), object);
	if (failure)
		failure->was_never_loaded = was_never_loaded(check, object);
}

static void check_copy(struct check *check, const struct watched *object)
{
	if (object->read_again && object->model.keep == KEEP_YES)
		fail(check, INVARIANT_LOADED_ONCE, object->copy_was_anchored ? "copy anchored" : "copy there", object);
}

static bool is_gone(const struct watched *object)
{
	return !object->seen ||
	       (object->state == STATE_DEAD && !object->listed); /* a dead one that is listed shows what is stale, not stray */
}

/* That pressure moved the model, its other patchers know when the one that was told of it is forgotten. */
static void pass_on_departure(struct check *check, const struct watched *object)
{
	for (size_t i = 0; i < check->count; i++) {
		struct watched *other = &check->objects[i];

		if (other->model.inner == object->model.inner && !is_gone(other) && other->state != STATE_RESIDENT &&
		    (other->departure == REASON_NONE || other->departure == REASON_SUPERSEDED))
			other->departure = object->departure;
	}
}

/* What was never resident when it goes never will be. */
static void forget(struct check *check, const struct watched *object)
{
	check_kept(check, object);
	if (rule_is_pressure(object->departure))
		pass_on_departure(check, object);
	if (!is_judged(check, object) || !array_reserve(&check->forgotten, &check->forgotten_capacity,
							check->forgotten_count + 1, sizeof(*check->forgotten), &check->fault))
		return;
	check->forgotten[check->forgotten_count++] =
		(struct forgotten) { .identity = object->model.identity, .was_kept = object->was_kept };
}

static void forget_the_gone(struct check *check)
{
	size_t kept = 0;

	for (size_t i = 0; i < check->count; i++) {
		if (is_gone(&check->objects[i]))
			forget(check, &check->objects[i]);
	}
	for (size_t i = 0; i < check->count; i++) {
		if (!is_gone(&check->objects[i]))
			check->objects[kept++] = check->objects[i];
	}
	check->count = kept;
}

/* All records of the newest snapshot have come. A model that leaves fails at once; one that has not been resident may still be. */
static void close_snapshot(struct check *check)
{
	const struct cell_view view = view_of(check);

	if (!check->open)
		return;
	check->open = false;
	for (size_t i = 0; i < check->count; i++) {
		struct watched *object = &check->objects[i];

		rule_note_retention(&object->retention, &view, i);
		if (object->retention.was_resident)
			check_kept(check, object);
		check_copy(check, object);
	}
	for (size_t i = 0; i < check->count; i++) {
		check->objects[i].read_again = false;
		if (check->objects[i].state == STATE_RESIDENT)
			check->objects[i].departure = REASON_NONE;
	}
	forget_the_gone(check);
}

/* ---- at rest ---- */

static void check_freed(struct check *check, const struct watched *object)
{
	const struct cell_view view = view_of(check);

	if (object->model.keep == KEEP_YES || !rule_leaks(&view, index_of(check, object)))
		return;
	if (object->state == STATE_RESIDENT)
		fail(check, INVARIANT_FREED_GOES, "listed", object);
	else
		fail(check, INVARIANT_FREED_GOES, object->anchored ? "anchored" : "held", object);
}

static void check_stray(struct check *check, const struct watched *object)
{
	const struct cell_view view = view_of(check);

	if (rule_strays(&view, index_of(check, object)))
		fail(check, INVARIANT_NOTHING_STRAY, record_residency_state_name(object->state), object);
}

static void check_anchors(struct check *check, const struct watched *object)
{
	for (const struct watched *other = check->objects; other < object; other++) {
		if (object->anchored && other->anchored && strcmp(other->model.name, object->model.name) == 0)
			fail(check, INVARIANT_ANCHORS_BOUNDED, "anchored", object);
	}
}

static void check_rest(struct check *check)
{
	if (check->worker_died)
		return;
	for (size_t i = 0; i < check->count; i++) {
		check_freed(check, &check->objects[i]);
		check_stray(check, &check->objects[i]);
		check_anchors(check, &check->objects[i]);
	}
}

/* ---- records ---- */

/* A keep request is the model's: patchers that died take part, though no record tells of them. What was asked before was not asked of a
 * model with this request, and where it was before does not count. */
static void change_keep(struct check *check, uint32_t inner, enum keep_request keep)
{
	const struct cell_view view = view_of(check);

	for (size_t i = 0; i < check->count; i++) {
		struct watched *object = &check->objects[i];

		if (object->model.inner != inner || object->model.keep == keep)
			continue;
		object->asked = false;
		object->retention = (struct retention) { .was_resident = rule_is_resident(&view, i) };
		object->model.keep = keep;
		object->was_kept |= keep == KEEP_YES;
	}
}

static void take_model(struct check *check, const struct record_model *model)
{
	const struct watched *object = find(check, model->model);

	if (object) {
		change_keep(check, object->model.inner, model->keep);
		return;
	}
	if (!array_reserve(&check->objects, &check->capacity, check->count + 1, sizeof(*check->objects), &check->fault))
		return;
	check->objects[check->count++] = (struct watched) {
		.model = *model, .was_kept = model->keep == KEEP_YES, .state = STATE_UNLOADED, .patcher_alive = true
	};
}

static void take_load(struct check *check, const struct record_load *load)
{
	const struct cell_view view = view_of(check);
	struct watched *object = find(check, load->model);
	size_t copy;

	if (!object)
		return;
	object->asked = false;
	copy = load->from_disk ? rule_kept_copy(&view, index_of(check, object)) : RULE_NO_OBJECT;
	if (copy == RULE_NO_OBJECT)
		return;
	object->read_again = true; /* its keep flag comes later: the next snapshot decides */
	object->copy_was_anchored = check->objects[copy].anchored;
}

static void take_request(struct check *check)
{
	for (size_t i = 0; i < check->count; i++)
		check->objects[i].asked = true;
}

static void take_snapshot(struct check *check, const struct record_snapshot *snapshot)
{
	close_snapshot(check);
	check->open = true;
	check->stage = snapshot->stage;
	check->cycle = snapshot->cycle;
	check->ledger = (struct ledger_reading) { 0 };
	for (size_t i = 0; i < check->count; i++) {
		struct watched *object = &check->objects[i];

		object->seen = false;
		object->patcher_alive = false;
		memset(object->held, 0, sizeof(object->held));
	}
	if (snapshot->exception[0])
		snprintf(check->exception, sizeof(check->exception), "%.*s", (int)strcspn(snapshot->exception, ":"),
			 snapshot->exception);
	if (snapshot->stage == STAGE_WORKER_DIED) {
		check->worker_died = true;
		fail(check, INVARIANT_WORKER_LIVES, check->exception, NULL);
	}
}

static void take_residency(struct check *check, const struct record_residency *residency)
{
	struct watched *object = find(check, residency->model);

	if (!object)
		return;
	if (residency->state == STATE_RESIDENT && object->state != STATE_RESIDENT)
		object->asked = false;
	object->seen = true;
	object->state = residency->state;
	object->patcher_alive = residency->patcher_alive;
	object->listed = residency->listed >= 0;
	object->anchored = residency->anchored == 1;
	object->bytes_on_compute = residency->bytes_on_compute;
}

static void take_holder(struct check *check, const struct record_holder *holder)
{
	struct watched *object = find(check, holder->model);

	if (!object)
		return;
	for (unsigned group = 0; group <= HOLDERS_LEAKING; group++)
		object->held[group] |= rule_holder_is_in(holder, (enum holder_group)group);
}

static void take_departure(struct check *check, const struct record_departure *departure)
{
	struct watched *object = find(check, departure->model);

	if (object && (object->departure == REASON_NONE || object->departure == REASON_SUPERSEDED))
		object->departure = departure->reason;
}

static void take_sampled(struct check *check, const struct record_sampled *sampled)
{
	if (sampled->differs)
		fail(check, INVARIANT_OUTPUT_SAME, sampled->found[0] ? "other patches" : "no patches",
		     find(check, sampled->model));
}

static void take_memory(struct check *check, const struct record_memory *memory)
{
	enum ledger_result result = rule_read_ledger(&check->ledger, memory);

	if (check->is_taken_outside)
		return;
	if (result == LEDGER_UNATTRIBUTED)
		fail(check, INVARIANT_LEDGER_BALANCES, "unattributed", NULL);
	else if (result == LEDGER_UNBALANCED)
		fail(check, INVARIANT_LEDGER_BALANCES, "more told than used", NULL);
}

static void take_action(struct check *check, const struct record_action *action)
{
	check_rest(check);
	check->steps++;
	if (action_is_request_now(action->kind, action->asks))
		take_request(check);
	if (action->kind == ACTION_OUTSIDE)
		check->is_taken_outside = true;
	if (action->kind == ACTION_OUTSIDE_DROP)
		check->is_taken_outside = false;
}

static void put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct check *check = context;

	(void)size_bytes;
	if (rule_happens_later(type))
		close_snapshot(check);
	switch (type) {
	case RECORD_MODEL:
		take_model(check, record);
		break;
	case RECORD_LOAD:
		take_load(check, record);
		break;
	case RECORD_ACTION:
		take_action(check, record);
		break;
	case RECORD_REQUEST:
		take_request(check);
		break;
	case RECORD_SNAPSHOT:
		take_snapshot(check, record);
		break;
	case RECORD_RESIDENCY:
		take_residency(check, record);
		break;
	case RECORD_HOLDER:
		take_holder(check, record);
		break;
	case RECORD_SAMPLED:
		take_sampled(check, record);
		break;
	case RECORD_MEMORY:
		take_memory(check, record);
		break;
	case RECORD_DEPARTURE:
		take_departure(check, record);
		break;
	default:
		break;
	}
}

struct record_sink explore_check_sink(struct check *check)
{
	return (struct record_sink) { .context = check, .put = put };
}

bool explore_check_finish(struct check *check, const struct explore_failure **failures, size_t *count, struct error *e)
{
	close_snapshot(check);
	for (size_t i = 0; i < check->count; i++)
		check_kept(check, &check->objects[i]);
	check_rest(check);
	*failures = check->failures;
	*count = check->failure_count;
	return !error_is_set(&check->fault) || error_set(e, check->fault.kind, "%s", check->fault.text);
}
