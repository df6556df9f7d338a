/* multigpu.h - what several versions of ComfyUI-MultiGPU share. Private to core/manager.
 *
 * Sizes are bytes; errors as in core/manager/manager.h.
 */
#ifndef RESIDENCY_MANAGER_POLICIES_MULTIGPU_H
#define RESIDENCY_MANAGER_POLICIES_MULTIGPU_H

#include "core/manager/policies/verbs.h"

typedef bool multigpu_test(const struct listed_model *listed);

/* How many entries pass. */
size_t multigpu_count(const struct manager_view *view, multigpu_test *passes);

/* Anchors the patchers, where they live, of those that pass. */
void multigpu_anchor(struct manager *m, multigpu_test *passes);

/* soft_empty_cache as all versions patch it: with an allocated model listed it collects and empties every device, and force
 * is lost on the way; then force asks the worker to free memory. */
bool multigpu_soft_empty(struct manager *m, bool force, struct error *e);

/* A loader whose flag is off asks for a full cleanup while the prompt runs. */
bool multigpu_loader_ran(struct manager *m, struct patcher *patcher, bool keep, struct error *e);

/* A model not to be kept is said to need all of the device, one to be kept nothing: loading the first evicts all others. */
double multigpu_memory_required(const struct manager_view *view, const struct patcher *patcher, const struct device *device);

/* From v2.5.1 on: an ejecting model needs all of the device, another one what is left of it beside its virtual VRAM. */
double multigpu_memory_required_less(const struct manager_view *view, const struct patcher *patcher,
				     const struct device *device, bool ejects);

/* Unloads the entries that are not wanted, each fully; what it meets on the way is swallowed. Then they leave the list. */
bool multigpu_unload_others(struct manager *m, multigpu_test *wanted, struct error *e);

#endif
