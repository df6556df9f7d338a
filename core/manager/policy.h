/* policy.h - what differs between versions of upstream, and what is ours: one behaviour of unload and cache clearing.
 *
 * A policy is one file under policies/, ended by its table; POLICIES lists them and policy_check() checks them at start. A slot left
 * NULL does what `stock` does. Slots that decide read a view; slots that act have the manager, and on it only the verbs of
 * policies/verbs.h: no policy knows what a manager consists of.
 */
#ifndef RESIDENCY_MANAGER_POLICY_H
#define RESIDENCY_MANAGER_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/event.h"

struct device;
struct listed_model;
struct manager;
struct manager_view;
struct patcher;

#define POLICY_ALIASES_MAX 4

/* What is true of a policy and no slot says. */
enum policy_fact {
	POLICY_ANCHORS = 1 << 0, /* it has an anchor set, and snapshots say how much is in it */
	POLICY_OWN_PATCHES = 1 << 1, /* LoRAs by our rules (core/patch/patch.h); upstream's otherwise */
	POLICY_OWN_ALLOCATIONS =
		1 << 2, /* a model's allocation is its own; upstream's is of every model of one class, size and names */
	POLICY_STICKY_DEVICE =
		1 << 3, /* a loader's device stays set: stock loaders after it, and unload_all, take it for their own */
	POLICY_CATCHES_FOREIGN =
		1 << 4, /* what another pack's patch of unload_all_models throws is told, and the unload goes on */
};

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
	const char
		*keep_input; /* the keep flag that this version's loaders declare (core/base/keep_flag.h); NULL: the newest */
	unsigned facts; /* of enum policy_fact */

	/* A loader with a keep flag returned `patcher`. */
	bool (*loader_ran)(struct manager *m, struct patcher *patcher, bool keep, struct error *e);

	/* What loading the patcher is said to need on a device. */
	double (*memory_required)(const struct manager_view *view, const struct patcher *patcher, const struct device *device);

	/* Before room is made for a load: what else must go. */
	bool (*before_load)(struct manager *m, const struct patcher *patcher, struct device *device, struct error *e);

	/* After a distributed load. */
	bool (*distributed)(struct manager *m, const struct patcher *patcher, struct error *e);

	/* A kept patcher made from `key`, to be used instead of loading; NULL to load. */
	struct patcher *(*adopt)(const struct manager_view *view, const char *key);

	/* A living clone of parent made from `key`, to be used instead of another. */
	struct patcher *(*adopt_clone)(const struct manager_view *view, const struct patcher *parent, const char *key);

	/* A clone was made. */
	void (*cloned)(struct manager *m, struct patcher *clone);

	bool (*unload_all)(struct manager *m, struct error *e);
	bool (*soft_empty)(struct manager *m, bool force, struct error *e);

	/* Under pressure, which of two entries goes first: below 0, a; 0: the cost of reload, then core's order decides. */
	int (*evict_order)(const struct listed_model *a, const struct listed_model *b);

	/* What bringing an entry back costs, in nanoseconds a byte that its going frees on a device: the cheapest goes first. */
	double (*reload_cost)(const struct listed_model *listed, const struct device *device);

	/* A full cleanup node ran; the flags that it sets come after. */
	void (*full_cleanup)(struct manager *m);
};

/* Every policy, in the order that help shows. A row is the name of a table: policy_NAME. */
#define POLICIES(X) X(stock) X(delegate) X(selective) X(anchors) X(eject) X(eject_donor) X(strict)

#define POLICY_DECLARE(name) extern const struct policy policy_##name;
POLICIES(POLICY_DECLARE)
#undef POLICY_DECLARE

/* NULL-terminated. */
extern const struct policy *const policies[];

/* By name or alias; NULL if not found. */
const struct policy *policy_find(const char *name);

/* Appends the policy whose name or alias is near to the error, as nearest_suggest does. Returns false. */
bool policy_suggest(const char *wanted, struct error *e);

static inline bool policy_is(const struct policy *policy, enum policy_fact fact)
{
	return (policy->facts & (unsigned)fact) != 0;
}

/* Whether a table can be used: it has a name and every text, known planners, and the slots that its others need. ERROR_BUG. */
bool policy_check(const struct policy *policy, struct error *e);

/* The same of all, and that no name is used twice. */
bool policies_check(struct error *e);

#endif
