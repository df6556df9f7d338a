/* policy.h - what differs between versions of upstream, and what is ours: one behaviour of unload and cache clearing.
 *
 * A policy is one file under policies/, ended by its table; policies.c lists them. A slot left NULL does what `stock` does.
 */
#ifndef RESIDENCY_MANAGER_POLICY_H
#define RESIDENCY_MANAGER_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/event.h"

struct device;
struct entry;
struct inner;
struct manager;
struct patcher;

#define POLICY_ALIASES_MAX 4

struct policy {
	const char *name;
	const char *aliases[POLICY_ALIASES_MAX]; /* upstream's commits; NULL ends them */
	const char *summary; /* one line, for `residency policies` */
	const char *lived; /* upstream versions that behaved like this; NULL for ours */
	/* For `residency policies`, each half a sentence or two: what an unload does when no model is flagged, what is held that
	 * nothing else holds, what is left to core, and what goes wrong. */
	const char *unflagged, *anchored, *delegated, *wrong;
	const char *planner; /* whose rules place blocks (plan_rules_find) */
	const char *legacy_planner; /* the same for nodes of DisTorch V1 (GGUF); NULL: `planner`, as any other node */
	bool has_anchors;
	bool own_patches; /* LoRAs by our rules (core/patch/patch.h); upstream's otherwise */
	bool own_allocations; /* a model's allocation is its own; upstream's is that of every model of one class, size and names */
	bool sticky_device; /* a loader with a device leaves it set: stock loaders after it, and unload_all, take it for their own */
	bool catches_foreign; /* what a foreign patch of unload_all_models throws is told, and the unload goes on */

	/* A loader with a keep flag returned `patcher`. */
	bool (*loader_ran)(struct manager *m, struct patcher *patcher, bool keep, struct error *e);

	/* What loading the patcher is said to need on a device. */
	double (*memory_required)(const struct manager *m, const struct patcher *patcher, const struct device *device);

	/* Before room is made for a load: what else must go. */
	bool (*before_load)(struct manager *m, const struct patcher *patcher, struct device *device, struct error *e);

	/* After a distributed load. */
	bool (*distributed)(struct manager *m, const struct patcher *patcher, struct error *e);

	/* A kept patcher made from `key`, to be used instead of loading; NULL if there is none. */
	struct patcher *(*adopt)(struct manager *m, const char *key);

	/* A living clone of parent made from `key`, to be used instead of another. */
	struct patcher *(*adopt_clone)(struct manager *m, const struct patcher *parent, const char *key);

	/* A clone was made. */
	void (*cloned)(struct manager *m, struct patcher *clone);

	bool (*unload_all)(struct manager *m, struct error *e);
	bool (*soft_empty)(struct manager *m, bool force, struct error *e);

	/* Under pressure, which of two entries goes first: below 0, a; 0: the cost of reload, then core's order decides. */
	int (*evict_order)(const struct entry *a, const struct entry *b);

	/* What bringing an entry back costs, in nanoseconds a byte that its going frees on a device: the cheapest goes first. */
	double (*reload_cost)(const struct entry *entry, const struct device *device);

	/* A full cleanup node ran; the flags that it sets come after. */
	void (*full_cleanup)(struct manager *m);
};

/* In the order that help shows; NULL ends them. */
extern const struct policy *const policies[];
extern const struct policy policy_stock, policy_delegate, policy_selective, policy_anchors, policy_eject, policy_eject_donor,
	policy_strict;

/* By name or alias; NULL if there is none. */
const struct policy *policy_find(const char *name);

#endif
