/* rules.h - what a cell's records mean: the rules that the judge and the explorer's check share.
 *
 * A rule is a pure function of the objects at the newest snapshot. Judge and explorer keep their own state and show it as a
 * cell_view; they differ in when they ask (the judge at each snapshot and at the end, the explorer also at every rest), never in
 * the answer. `index` is an object's place in the view. A view borrows everything. One thread, that of the records.
 */
#ifndef RESIDENCY_PROBES_RULES_H
#define RESIDENCY_PROBES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/records/record.h"

struct object_view {
	uint32_t model, inner, generation; /* as in record_model */
	const char *name, *kind;
	enum keep_request keep;
	enum residency_state state; /* by its own patcher */
	bool is_seen; /* at the newest snapshot */
	bool patcher_alive;
	bool was_asked; /* to be freed, since its last load */
	enum reason departure; /* the first since it was last resident */
};

/* Groups of strong holders, by what they mean to a rule. */
enum holder_group {
	HOLDERS_MANAGER, /* the manager keeps the model itself */
	HOLDERS_ANCHORS,
	HOLDERS_LEAKING /* they keep a model that is to be freed: not caches, not foreign holds, not garbage */
};

struct cell_view {
	const void *context;
	size_t count;
	struct object_view (*object)(const void *context, size_t index);
	/* Whether a holder of the group is among the object's at the newest snapshot. */
	bool (*is_held)(const void *context, size_t index, enum holder_group group);
};

#define RULE_NO_OBJECT SIZE_MAX

/* What the next collection frees is garbage (a failed prompt's traceback, a dropped cache set): it holds nothing that counts. */
bool rule_holder_is_in(const struct record_holder *holder, enum holder_group group);

bool rule_is_pressure(enum reason reason);

/* Resident, itself or through another patcher of its model. */
bool rule_is_resident(const struct cell_view *cell, size_t index);

/* Moved because memory was needed, while the manager holds the model through one of its patchers. The object's own cause counts
 * first; another patcher's only where the object has none. */
bool rule_is_displaced(const struct cell_view *cell, size_t index);

/* Asked to be freed, and still resident or held by something that no collection and no cache clearing takes away. */
bool rule_leaks(const struct cell_view *cell, size_t index);

/* A kept object of the same name and kind that the object could have used instead of being read again; RULE_NO_OBJECT if there
 * is none. One that the workflow itself dropped is none. */
size_t rule_kept_copy(const struct cell_view *cell, size_t index);

/* A device's ledger, line by line, as its records come: `used` first, `unattributed` last. Zero-initialise. */
struct ledger_reading {
	uint64_t used_bytes, told_bytes;
	uint64_t noise_bytes; /* how much may stay unattributed; no part of the sum */
	uint32_t noise_device;
};

enum ledger_result {
	LEDGER_OPEN, /* more lines come */
	LEDGER_BALANCED,
	LEDGER_UNATTRIBUTED, /* more than the noise */
	LEDGER_UNBALANCED /* the lines do not sum up to what is used */
};

enum ledger_result rule_read_ledger(struct ledger_reading *ledger, const struct record_memory *memory);

/* Records of what happens after a snapshot: the snapshot is complete when one comes. */
bool rule_happens_later(enum record_type type);

#endif
