/* list.h - entries of the loaded list: made, set, found. Private to core/manager.
 *
 * The list refers to its entries; an entry refers weakly to its patcher and model. Errors: ERROR_MEMORY. One thread: the worker's.
 */
#ifndef RESIDENCY_MANAGER_LIST_H
#define RESIDENCY_MANAGER_LIST_H

#include "core/manager/state.h"

/* No reference holds it yet, and it is not listed. */
struct entry *list_entry_new(struct manager *m, struct patcher *patcher, struct error *e);

/* If the patcher is a clone and dies before its parent, the parent takes its place. */
void list_entry_set_patcher(struct entry *entry, struct patcher *patcher);

/* From now on the model's death cleans the list up. */
void list_entry_set_loaded(struct entry *entry, struct inner *inner);
void list_entry_forget_model(struct entry *entry);

/* On top. */
bool list_insert(struct manager *m, struct entry *entry, struct error *e);
struct entry *list_find(const struct manager *m, const struct patcher *patcher);

/* entry.model_unload(memory): true in *gone if the entry is to leave the list. need_bytes < 0: all of it. */
bool list_entry_unload(struct entry *entry, double need_bytes, bool *gone, struct error *e);

#endif
