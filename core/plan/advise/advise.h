/* advise.h - what is wrong with an allocation string, or surprising, and what upstream makes of it.
 *
 *	struct advice_list list;
 *	if (!advise(&(struct advise_request) { .rules = rules, .allocation = text, ... }, &list, &e)) ...
 *	for (size_t i = 0; i < list.count; i++) ... list.items[i].found ...
 *	for (size_t i = 0; i < list.trap_count; i++) ... list.traps[i].detail ...
 *	advise_list_free(&list);
 *
 * The string alone already tells much: letters that turn shares into bytes, numbers that are never read, devices that are not
 * there. With a model's blocks the string is planned, and advice follows from what the plan did: what a device is asked to hold
 * against what it has free, blocks that found no room, quotas lost to rounding.
 *
 * Everything that judges an allocation string or a plan made from one asks here. Advice is for the person who writes the string; a
 * trap is the part of it that goes into a store: blocks will not be where the writer believes. Both follow from the same checks.
 * Sizes are bytes. No state, any thread.
 */
#ifndef RESIDENCY_PLAN_ADVISE_H
#define RESIDENCY_PLAN_ADVISE_H

#include "core/device/topology/topology.h"
#include "core/plan/plan.h"

enum advice_weight {
	ADVICE_NOTE, /* it works as written; worth knowing */
	ADVICE_WARNING, /* it does something else than it seems to say, or cannot work on these devices */
	ADVICE_MALFORMED /* it cannot be read */
};

#define ADVICE_KINDS(X)                                                                                                        \
	X(UNREADABLE, "malformed") /* stops the planner */                                                                     \
	X(OFF, "off") /* the string is empty */                                                                                \
	X(NO_HASH, "no_hash") /* nothing says where to compute */                                                              \
	X(TRAILING_HASH, "trailing_hash") /* a '#' with nothing after it */                                                    \
	X(SECOND_HASH, "second_hash")                                                                                          \
	X(TAIL_IGNORED, "tail_ignored") /* virtual VRAM and donors beside an expert part */                                    \
	X(UNKNOWN_COMPUTE, "unknown_compute")                                                                                  \
	X(ABSENT_DEVICE, "absent_device")                                                                                      \
	X(BARE_KIND, "bare_kind") /* `cuda` is not `cuda:0` */                                                                 \
	X(HOST_ALIAS, "host_alias") /* mps, cpu:1: sized as the host's memory */                                               \
	X(WRAPPED_INDEX, "wrapped_index") /* cuda:256 and cuda:255 are cuda:0 */                                               \
	X(REPEATED_DEVICE, "repeated_device")                                                                                  \
	X(ITEM_SKIPPED, "item_skipped") /* no comma in it */                                                                   \
	X(NOTHING_USABLE, "nothing_usable") /* no item at all */                                                               \
	X(LETTER_IN_NAME, "letter_in_name") /* a device's letter makes sizes in bytes of shares */                             \
	X(NO_UNIT, "no_unit") /* a bare number among sizes: bytes */                                                           \
	X(REST_IGNORED, "rest_ignored") /* 5tb, 1e3g, 4g4m */                                                                  \
	X(WILDCARD_SIZE, "wildcard_size") /* cpu,5gb* */                                                                       \
	X(SECOND_WILDCARD, "second_wildcard")                                                                                  \
	X(DEFAULT_WILDCARD, "default_wildcard") /* nothing says where the rest goes: cpu */                                    \
	X(RATIO_SCALED, "ratio_scaled") /* shares that do not add up to 100 */                                                 \
	X(FRACTION_OF_DEVICE, "fraction_of_device") /* not of the model */                                                     \
	X(OUT_OF_RANGE, "out_of_range") /* negative, above 1, no number */                                                     \
	X(DONOR_IS_COMPUTE, "donor_is_compute")                                                                                \
	X(DONORS_TOO_SMALL, "donors_too_small")                                                                                \
	X(MORE_THAN_MODEL, "more_than_model")                                                                                  \
	X(ROUNDING, "rounding") /* fractions of four digits */                                                                 \
	X(ORPHANS, "orphans") /* blocks no quota had room for */                                                               \
	X(ALL_TINY, "all_tiny") /* blocks under a threshold that together are much */                                          \
	X(NO_BIAS, "no_bias") /* large blocks that HEAD does not move */                                                       \
	X(OVER_COMMIT, "over_commit") /* more on a device than it has free */                                                  \
	X(NOTHING_MOVES, "nothing_moves")                                                                                      \
	X(FRAGMENTED, "fragmented")                                                                                            \
	X(BY_COUNT, "by_count") /* V1 deals layers, not bytes */

enum advice_kind {
#define ADVICE_KIND_ENUM(name, text) ADVICE_##name,
	ADVICE_KINDS(ADVICE_KIND_ENUM)
#undef ADVICE_KIND_ENUM
};

const char *advise_kind_name(enum advice_kind kind);
const char *advise_weight_name(enum advice_weight weight); /* "note", "warning", "malformed" */

struct advice {
	enum advice_kind kind;
	enum advice_weight weight;
	size_t column, length; /* of the allocation string, in characters from 1; 0 where no place is to blame */
	char *found; /* what is there */
	char *upstream; /* what the version does with it; NULL where `found` says all */
	char *instead; /* what to write or do; NULL where there is nothing better */
};

enum advice_trap_kind {
	ADVICE_TRAP_MISREAD, /* the string is read as something else than it seems to say, or not at all */
	ADVICE_TRAP_OVER_COMMITTED, /* a device is planned to hold more than it has free */
	ADVICE_TRAP_NO_PEER_ACCESS /* a donor has no link to the compute device */
};

struct advice_trap {
	enum advice_trap_kind kind;
	char place[64]; /* a device, a pair of them, a column, or what the trap is made of */
	char expected[96], actual[96];
	char detail[512]; /* one line for people */
	uint64_t size_bytes; /* of the blocks; PLAN_NO_SIZE where the trap has no size */
};

struct advice_list {
	struct advice *items; /* by column; those without one last */
	size_t count, capacity;
	struct advice_trap *traps; /* of a string that cannot be planned: that one alone */
	size_t trap_count, trap_capacity;
};

/* All borrowed. */
struct advise_request {
	const struct plan_rules *rules;
	const char *allocation;
	bool is_clip;
	const struct plan_block *blocks; /* NULL where no model is known */
	size_t block_count;
	const struct plan_device *devices;
	const uint64_t *free_bytes; /* per device; NULL: all of it is free */
	size_t device_count;
	const struct topology *topology; /* NULL: links are unknown, and no trap is about them */
};

/* False only for want of memory or a model that cannot be planned at all. The caller frees with advise_list_free() in any case. */
bool advise(const struct advise_request *request, struct advice_list *list, struct error *e);

/* The gravest of the list; ADVICE_NOTE for an empty one. */
enum advice_weight advise_list_weight(const struct advice_list *list);

/* Of one row of a plan: its blocks are more than the whole device holds; its quota is no part of the device's memory. */
bool advise_row_overflows(const struct plan_share *share);
bool advise_row_has_no_limit(const struct plan_share *share);

void advise_list_free(struct advice_list *list);

#endif
