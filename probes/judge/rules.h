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
	uint32_t model, inner; /* as in record_model */
	uint64_t identity;
	enum keep_request keep;
	bool was_kept; /* asked to be kept, at some time */
	enum residency_state state; /* by its own patcher */
	uint64_t bytes_on_compute;
	bool is_seen; /* at the newest snapshot */
	bool is_listed; /* by its own entry */
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

/* Weights on a device whose model is in no list, through whichever patcher. A stale entry is in the list. */
bool rule_strays(const struct cell_view *cell, size_t index);

/* Whether a verdict counts the object: the first of its identity that was to be kept counts, and the first that was not. A later one
 * was read again, which is a finding of its own. */
bool rule_is_judged(const struct cell_view *cell, size_t index);

/* How an object was to be found from its first load on. Zero-initialise; tell it of each complete snapshot. */
struct retention {
	bool was_resident; /* itself or through another patcher of the model, at some snapshot */
	bool left; /* not so at a later one */
	bool was_displaced; /* absent: pressure, with the manager holding on, explains that */
	bool left_otherwise; /* ... and at another snapshot it does not */
};

void rule_note_retention(struct retention *retention, const struct cell_view *cell, size_t index);

/* Kept, displaced or lost. One that was never resident is lost, whether it was loaded between two snapshots or never. */
enum outcome rule_retention_outcome(const struct retention *retention);

/* A kept object of the same identity that the object could have used instead of being read again; RULE_NO_OBJECT if there
 * is no such object. One that the workflow itself dropped does not count. */
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
