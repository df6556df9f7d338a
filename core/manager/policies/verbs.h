/* verbs.h - what a policy may do to a manager; what it may know, view.h says. Private to core/manager.
 *
 * An index counts from the newest entry of the loaded list, and is good until something leaves the list: unloading may let objects
 * die, and a dead model's entry goes by itself. Errors as in manager.h.
 */
#ifndef RESIDENCY_MANAGER_POLICIES_VERBS_H
#define RESIDENCY_MANAGER_POLICIES_VERBS_H

#include "core/manager/manager.h"
#include "core/manager/view.h"

struct entry;

/* An entry as policies see it. */
struct listed_model manager_entry_listed(const struct entry *entry);

/* Unloads a listed model whole, for the reason that holds (manager_reason_begin); its entry stays. ERROR_NODE if the patcher has died. */
bool manager_unload_listed(struct manager *m, size_t index, struct error *e);

/* Takes the weights of a listed model whose patcher has died back to where they are stored. */
bool manager_unload_dead(struct manager *m, size_t index, struct error *e);

/* Takes an entry off the list, as it is. */
void manager_pop(struct manager *m, size_t index);

/* Takes those off the list that are not wanted, as they are. */
void manager_list_filter(struct manager *m, bool (*wanted)(const struct listed_model *listed));

/* The manager's own reference to a patcher, labelled `kept`. */
void manager_hold(struct manager *m, struct patcher *patcher);
void manager_drop(struct patcher *patcher);

/* Drops it for all patchers of the model, this one last. The caller holds the patcher, or does not need it any more. */
void manager_drop_model(struct patcher *patcher);

/* An anchor set, for policies that have one. */
void manager_anchor(struct manager *m, struct patcher *patcher);
void manager_clear_anchors(struct manager *m);

/* Nothing takes the mark back. */
void manager_mark_ejecting(struct patcher *patcher);

/* What the worker is to do once it is idle; source is a word of request events: "node", "soft_empty". */
void manager_set_flags(struct manager *m, bool unload_models, bool free_memory, const char *source);

/* The worker is to drop the caches; manager_reset_cpu_percent() is what is in use now. */
void manager_request_reset(struct manager *m);

/* A collection, and every device gives back what its allocator holds. Traced as upstream's soft_empty of all devices. */
void manager_empty_all(struct manager *m);

/* ComfyUI's own, without the policy. */
bool manager_core_unload_all(struct manager *m, struct error *e);
bool manager_core_soft_empty(struct manager *m);
double manager_core_memory_required(const struct patcher *patcher, const struct device *device);

#endif
