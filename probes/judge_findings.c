/* The findings of a cell: one thing wrong each, with what shows it. */
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "probes/judge_state.h"

/* Rounding of allocators and what a driver takes by the way stay below this. */
#define UNATTRIBUTED_FLOOR_BYTES MIB

/* Appends to text what fits whole; returns the new length, or the old one where it does not fit. */
static size_t append(char *text, size_t size_bytes, size_t length, const char *piece)
{
	size_t more = strlen(piece);

	if (length + more >= size_bytes)
		return length;
	memcpy(text + length, piece, more + 1);
	return length + more;
}

/* A label as a JSON string without the quotes. Labels come from subjects: anything may be in them. */
static void escape(const char *from, char *to, size_t size_bytes)
{
	size_t length = 0;

	to[0] = '\0';
	for (; *from; from++) {
		char piece[8] = { *from };

		if (*from == '"' || *from == '\\')
			snprintf(piece, sizeof(piece), "\\%c", *from);
		else if ((unsigned char)*from < 0x20)
			snprintf(piece, sizeof(piece), "\\u%04x", (unsigned char)*from);
		length = append(to, size_bytes, length, piece);
	}
}

void judge_holders_text(const struct holder_list *holders, uint32_t model, char *text, size_t size_bytes)
{
	size_t length = append(text, size_bytes, 0, "[");
	bool first = true;

	for (size_t i = 0; i < holders->count; i++) {
		const struct record_holder *holder = &holders->items[i];
		char label[RECORD_NAME_MAX * 6];
		char kind[sizeof(holder->kind) * 6];
		char piece[sizeof(label) + sizeof(kind) + 64];
		size_t room = size_bytes - 1; /* the closing bracket always fits */

		if (holder->model != model)
			continue;
		escape(holder->label, label, sizeof(label));
		escape(holder->kind, kind, sizeof(kind));
		snprintf(piece, sizeof(piece), "%s{\"label\":\"%s\",\"kind\":\"%s\",\"strength\":\"%s\"}", first ? "" : ",",
			 label, kind, holder->strong ? "strong" : "weak");
		if (append(text, room, length, piece) == length)
			break;
		length += strlen(piece);
		first = false;
	}
	append(text, size_bytes, length, "]");
}

/* "executor cache, kept (weak)" from a list as made above; "nothing" for an empty one. */
static size_t append_labels(char *text, size_t size_bytes, size_t length, const char *holders)
{
	static const char before[] = "{\"label\":\"";
	bool first = true;

	for (const char *label = strstr(holders, before); label; label = strstr(label, before)) {
		char piece[RECORD_NAME_MAX * 6 + 16];
		const char *end;
		const char *next;

		label += sizeof(before) - 1;
		end = strstr(label, "\",\"kind\":");
		next = strstr(label, before);
		if (!end)
			break;
		snprintf(piece, sizeof(piece), "%s%.*s%s", first ? "" : ", ", (int)(end - label), label,
			 strstr(end, "\"weak\"") && (!next || strstr(end, "\"weak\"") < next) ? " (weak)" : "");
		length = append(text, size_bytes, length, piece);
		first = false;
	}
	return first ? append(text, size_bytes, length, "nothing") : length;
}

static size_t append_holders_now(const struct judge *judge, uint32_t model, char *text, size_t size_bytes, size_t length)
{
	char holders[512];

	judge_holders_text(&judge->holders, model, holders, sizeof(holders));
	return append_labels(text, size_bytes, length, holders);
}

static struct record_finding *add(struct judge *judge, const char *class_name, const struct judged_object *object,
				  size_t snapshot, struct error *e)
{
	struct record_finding *finding;

	if (!array_reserve(&judge->findings, &judge->finding_capacity, judge->finding_count + 1, sizeof(*judge->findings), e))
		return NULL;
	finding = &judge->findings[judge->finding_count++];
	*finding = (struct record_finding) { .cell = judge->cell.cell };
	record_text(finding->class_name, sizeof(finding->class_name), class_name);
	if (object && object->model.generation > 1)
		snprintf(finding->model, sizeof(finding->model), "%.50s#%u", object->model.name, object->model.generation);
	else if (object)
		record_text(finding->model, sizeof(finding->model), object->model.name);
	judge_stage_text(judge, snapshot, finding->stage);
	return finding;
}

static bool find_lost(struct judge *judge, const struct judged_object *object, struct error *e)
{
	const struct record_verdict_model *verdict = &judge->verdicts[object - judge->objects];
	struct record_finding *finding = add(judge, "lost", object, object->lost_at, e);
	size_t length;

	if (!finding)
		return false;
	length = (size_t)snprintf(finding->detail, sizeof(finding->detail), "%s: %s, at the end %s; one stage earlier held by ",
				  reason_name(verdict->reason), residency_state_name(verdict->first_lost_state),
				  residency_state_name(verdict->end_state));
	length = append_labels(finding->detail, sizeof(finding->detail), length, verdict->holders_before);
	length = append(finding->detail, sizeof(finding->detail), length, "; then by ");
	append_labels(finding->detail, sizeof(finding->detail), length, verdict->holders_after);
	return true;
}

static bool find_leaked(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "leaked", object, judge->stage_count - 1, e);
	char size[UNITS_TEXT_MAX];
	size_t length;

	if (!finding)
		return false;
	length = append(finding->detail, sizeof(finding->detail), 0, units_bytes(object->model.size_bytes, size));
	length = append(finding->detail, sizeof(finding->detail), length, " still there after it was asked to go, held by ");
	append_holders_now(judge, object->model.model, finding->detail, sizeof(finding->detail), length);
	return true;
}

static bool find_stray(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "stray", object, judge->stage_count - 1, e);
	char size[UNITS_TEXT_MAX];
	size_t length;

	if (!finding)
		return false;
	length = append(finding->detail, sizeof(finding->detail), 0, units_bytes(object->model.size_bytes, size));
	length = append(finding->detail, sizeof(finding->detail), length, " patched on devices, in no list; held by ");
	append_holders_now(judge, object->model.model, finding->detail, sizeof(finding->detail), length);
	return true;
}

static bool find_duplicated(struct judge *judge, const struct judged_object *object, struct error *e)
{
	const struct judged_object *kept = &judge->objects[object->duplicate_of];
	struct record_finding *finding = add(judge, "duplicated", object, object->first_seen, e);
	char size[UNITS_TEXT_MAX];

	if (finding)
		snprintf(finding->detail, sizeof(finding->detail),
			 "%s read from disk again (object %u) though a kept copy (object %u) was there, %s at the end",
			 units_bytes(object->model.size_bytes, size), object->model.model, kept->model.model,
			 residency_state_name(kept->now.state));
	return finding != NULL;
}

static bool find_entry(struct judge *judge, const struct judged_object *object, const char *class_name, size_t snapshot,
		       const char *detail, struct error *e)
{
	struct record_finding *finding = add(judge, class_name, object, snapshot, e);

	if (finding)
		record_text(finding->detail, sizeof(finding->detail), detail);
	return finding != NULL;
}

static bool find_unattributed(struct judge *judge, struct error *e)
{
	struct record_finding *finding = add(judge, "unattributed", NULL, judge->unattributed_at, e);
	char size[UNITS_TEXT_MAX];

	if (finding)
		snprintf(finding->detail, sizeof(finding->detail), "device %u: %s in use that nobody accounts for",
			 judge->unattributed_device, units_bytes(judge->unattributed_bytes, size));
	return finding != NULL;
}

static bool find_of_object(struct judge *judge, const struct judged_object *object, struct error *e)
{
	const struct record_verdict_model *verdict = &judge->verdicts[object - judge->objects];

	if (verdict->outcome == OUTCOME_LOST && verdict->judged && !find_lost(judge, object, e))
		return false;
	if (verdict->outcome == OUTCOME_LEAKED && !find_leaked(judge, object, e))
		return false;
	if (verdict->outcome == OUTCOME_STRAY && !find_stray(judge, object, e))
		return false;
	if (object->duplicate_of != SIZE_MAX && !find_duplicated(judge, object, e))
		return false;
	if (object->stale_at != NO_SNAPSHOT &&
	    !find_entry(judge, object, "stale", object->stale_at, "listed, but its patcher is dead", e))
		return false;
	return object->detached_at == NO_SNAPSHOT ||
	       find_entry(judge, object, "detached", object->detached_at, "listed, but its weights are not on the device", e);
}

bool judge_find(struct judge *judge, struct error *e)
{
	judge->finding_count = 0;
	for (size_t i = 0; i < judge->object_count; i++) {
		if (!find_of_object(judge, &judge->objects[i], e))
			return false;
	}
	if (judge->unattributed_bytes > UNATTRIBUTED_FLOOR_BYTES)
		return find_unattributed(judge, e);
	return true;
}
