/* multigpu.h - what several versions of ComfyUI-MultiGPU share. */
#ifndef RESIDENCY_MANAGER_POLICIES_MULTIGPU_H
#define RESIDENCY_MANAGER_POLICIES_MULTIGPU_H

#include "core/manager/manager.h"

/* soft_empty_cache as all versions patch it: with an allocated model listed it collects and empties every device, and force
 * is lost on the way; then force asks the worker to free memory. */
bool multigpu_soft_empty(struct manager *m, bool force, struct error *e);

/* The flag of a loader without the wish asks for a full cleanup while the prompt runs. */
bool multigpu_loader_ran(struct manager *m, struct patcher *patcher, bool keep, struct error *e);

/* A model not to be kept is said to need all of the device, one to be kept nothing: loading the first evicts all others. */
double multigpu_memory_required(const struct manager *m, const struct patcher *patcher, const struct device *device);

/* From v2.5.1 on: an ejecting model needs all of the device, another one what is left of it beside its virtual VRAM. */
double multigpu_memory_required_less(const struct manager *m, const struct patcher *patcher, const struct device *device,
				     bool ejects);

/* Unloads the entries that are not wanted, each fully; what it meets on the way is swallowed. Then they leave the list. */
bool multigpu_unload_others(struct manager *m, bool (*wanted)(const struct entry *entry), struct error *e);

#endif
