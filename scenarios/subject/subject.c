/* subject.c - what all subjects share: names of their settings, the check of their operations, the record of an action.
 *
 * A name of a setting may have an alias, which is read and never written. The check says which operation is missing, so that a new
 * subject cannot crash in the middle of a matrix.
 */
#include "scenarios/subject/subject.h"

#include <string.h>

#include "core/base/array.h"

/* ---- names ---- */

static const char *const mode_names[] = { "split", "same" };
static const char *const mode_aliases[] = { "cpu0", "cpu" };
static const char *const flags_names[] = { "real", "suppressed" };

const char *subject_device_mode_name(enum device_mode mode)
{
	return mode_names[mode];
}

bool subject_device_mode_from_name(const char *name, enum device_mode *mode)
{
	for (unsigned i = 0; i < DEVICE_MODE_COUNT; i++) {
		if (strcmp(name, mode_names[i]) == 0 || strcmp(name, mode_aliases[i]) == 0) {
			*mode = (enum device_mode)i;
			return true;
		}
	}
	return false;
}

const char *subject_node_flags_name(enum node_flags flags)
{
	return flags_names[flags];
}

bool subject_node_flags_from_name(const char *name, enum node_flags *flags)
{
	for (unsigned i = 0; i < NODE_FLAGS_COUNT; i++) {
		if (strcmp(name, flags_names[i]) == 0) {
			*flags = (enum node_flags)i;
			return true;
		}
	}
	return false;
}

/* ---- operations ---- */

bool subject_check(const struct subject_operations *o, struct error *e)
{
	const struct {
		const char *name;
		bool there;
	} slots[] = {
		{ .name = "begin", .there = o->begin != NULL },
		{ .name = "act", .there = o->act != NULL },
		{ .name = "wait_until_idle", .there = o->wait_until_idle != NULL },
		{ .name = "worker_died", .there = o->worker_died != NULL },
		{ .name = "cycle", .there = o->cycle != NULL },
		{ .name = "compute_device", .there = o->compute_device != NULL },
		{ .name = "has_device", .there = o->has_device != NULL },
		{ .name = "end", .there = o->end != NULL },
		{ .name = "close", .there = o->close != NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		if (!slots[i].there)
			return error_set(e, ERROR_BUG, "subject %s has no %s", o->kind, slots[i].name);
	}
	return true;
}

void subject_put_action(const struct subject *subject, const struct action *action, const char *detail,
			const struct record_sink *sink, uint32_t cell)
{
	struct record_action record = {
		.cell = cell, .cycle = subject->operations->cycle(subject), .kind = action->kind, .asks = action_asks(action)
	};

	record_text(record.detail, sizeof(record.detail), detail);
	record_put(sink, RECORD_ACTION, &record, sizeof(record));
}
