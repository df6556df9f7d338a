/* versions.h - what each version of the planner does: one row per version, its slots are functions.
 *
 * 01df082 and HEAD are the two states of DisTorch2 upstream, V1 is DisTorch before it, and `exact` is ours. A new version is a row of
 * versions.c, and a file for the functions that no other version has; code elsewhere calls a slot and never asks which version it
 * serves. A slot may be NULL only where its comment says what that means, or where no other slot of its row calls it.
 *
 * Sizes are bytes. The rows are constant and need no lock. A slot that fails sets the error of its trouble (or `e`), as the function
 * that fills it says.
 */
#ifndef RESIDENCY_PLAN_VERSIONS_H
#define RESIDENCY_PLAN_VERSIONS_H

#include "core/plan/plan.h"

struct advisor;
struct allocation;
struct allocation_item;
struct device_list;
struct json_t;
struct mode_input;
struct node_inputs;
struct strbuf;
struct trouble;

/* One mode's reading of an expert part, as `device,fraction` items (modes.h). */
typedef bool plan_convert(const struct mode_input *in, struct strbuf *out);

struct plan_rules {
	const char *name;
	const char *summary; /* one line, for help */
	const char *default_compute; /* compute device of an empty tail; NULL: none */

	/* ---- a string taken apart (allocation.h) ---- */
	/* False where the string has too few or too many '#'; NULL: any number will do. */
	bool (*check_hashes)(const struct allocation *allocation, const struct trouble *t);
	/* How the expert part is read. */
	enum plan_mode (*mode_of)(const struct allocation *allocation);

	/* ---- a plan ---- */
	/* Fills mode, compute device, strings and rows of the plan. */
	bool (*read)(struct plan *plan, const struct plan_request *request, const struct trouble *t);
	/* False for a load list that the version fails on; NULL: it takes any. */
	bool (*accept_load_list)(const struct plan_request *request, const struct trouble *t);
	/* By mode; NULL: the expert part is what it is. */
	plan_convert *convert[PLAN_MODE_COUNT];
	/* plan->final, from what the mode gave. */
	bool (*finish_string)(struct plan *plan, const char *text, const struct device_list *list, const struct trouble *t);
	/* An item without a comma in the final string; NULL: it is passed over. */
	bool (*read_bare_item)(const struct allocation_item *item, const struct trouble *t);
	/* Gives every block a row and a reason. */
	bool (*place)(struct plan *plan, const struct plan_request *request, const struct trouble *t);
	/* Notes and counts, of each listed block that is no head, whether it is distributed (FITTED) or stays on the compute device,
	 * and why; NULL where `place` does not ask. */
	void (*note_kinds)(struct plan *plan, const struct plan_request *request);
	/* Takes a text encoder's heads from the compute device's quota; NULL where `place` does not ask. */
	void (*charge_heads)(struct plan *plan);
	/* What upstream raises when it fails; NULL: the version is ours, and its message is all there is. */
	const char *(*raises)(enum exception exception);

	/* ---- advice (advisor.h) ---- */
	/* What the text alone tells; NULL: nothing before it is planned. */
	void (*advise_text)(struct advisor *a);
	/* What the plan tells. */
	void (*advise_plan)(struct advisor *a, const struct plan *plan);

	/* ---- other forms ---- */
	/* One item of so many GiB; NULL: the version knows no sizes. */
	void (*append_size)(struct strbuf *text, const char *device, double gib);
	/* What a loader node stores (node_string.h). */
	char *(*node_string)(const struct node_inputs *inputs, bool *stored, struct plan_failure *failure, struct error *e);
	/* The plan as upstream's was recorded; a new reference, NULL when out of memory. */
	struct json_t *(*answer)(const struct plan *plan, const struct plan_request *request);
};

/* In the order that help shows; a row without a name ends it. */
extern const struct plan_rules plan_rules[];

#endif
