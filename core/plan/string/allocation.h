/* allocation.h - an allocation string taken apart: `expert#compute;virtual_vram_gb;donors`.
 *
 *	if (allocation_parse(&allocation, text, rules, &trouble)) {
 *		struct span rest = allocation.expert;
 *		struct span device, value;
 *
 *		while (allocation_next_pair(&rest, &device, &value)) ...
 *	}
 *
 * Everything that reads such a string reads it here, so that the planner, the adviser, findings and policies agree where its parts
 * are. Nothing is checked that upstream does not check at this point: device names and numbers are looked at when used. All spans
 * point into the string (or are static) and live as long; nothing is freed. Errors: see trouble.h. No state, any thread.
 */
#ifndef RESIDENCY_PLAN_ALLOCATION_H
#define RESIDENCY_PLAN_ALLOCATION_H

#include "core/plan/plan.h"
#include "core/plan/string/trouble.h"

#define ALLOCATION_LENGTH_MAX 65536 /* ours: upstream has no limit */

struct allocation {
	struct span whole;
	const char *hash; /* the first '#'; NULL without one */
	const char *second_hash; /* NULL without one */
	struct span expert;
	struct span tail; /* what follows the first '#' */
	size_t tail_piece_count; /* pieces of the tail between ';'; virtual VRAM wants three */
	struct span compute; /* tail up to its first ';', or the version's default */
	struct span amount, donors; /* the second and the third piece of the tail; no text where it has fewer */
	enum plan_mode mode;
};

bool allocation_parse(struct allocation *allocation, const char *text, const struct plan_rules *rules, const struct trouble *t);

/* One item of an expert part. */
struct allocation_item {
	struct span whole;
	const char *comma; /* the first one; NULL without one, and then device and value have no text */
	struct span device;
	struct span value;
};

/* The next item, empty ones and those without a comma included. */
bool allocation_next_item(struct span *rest, struct allocation_item *item);

/* The next item of the form `device,value`; others are skipped, as DisTorch2 does. */
bool allocation_next_pair(struct span *rest, struct span *device, struct span *value);

/* Slots of versions.h: what a version asks of '#', and how it reads an expert part. V1 takes a string without '#' for an expert part;
 * 01df082 wants exactly one. */
bool allocation_needs_one_hash(const struct allocation *allocation, const struct trouble *t);
bool allocation_needs_at_most_one_hash(const struct allocation *allocation, const struct trouble *t);
enum plan_mode allocation_mode_by_letters(const struct allocation *allocation);
enum plan_mode allocation_mode_of_fractions(const struct allocation *allocation);
void allocation_append_size(struct strbuf *text, const char *device, double gib);

/* Whether the third piece of the tail has text, cut as HEAD cuts it: what upstream's policies take for a distributed model. False
 * for NULL. */
bool allocation_has_donor(const char *text);

#endif
