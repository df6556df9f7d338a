/* plan_model.h - a plan for a model of the engine on a topology: from an allocation string to a device index per block.
 *
 *	unsigned *device_of = array_new(model->block_count, sizeof(*device_of), e);
 *	if (!plan_model(model, topology, "#cuda:0;4.0;cpu", rules, 1, device_of, e)) ...
 *
 * plan_model_make keeps the plan, for its totals and reasons; plan_devices turns its rows into indexes.
 */
#ifndef RESIDENCY_PLAN_PLAN_MODEL_H
#define RESIDENCY_PLAN_PLAN_MODEL_H

#include "core/device/topology/topology.h"
#include "core/model/model.h"
#include "core/plan/plan.h"

/* The caller frees with plan_free(). Failures as plan_make(). */
struct plan *plan_model_make(const struct model *model, const struct topology *topology, const char *allocation,
			     const struct plan_rules *rules, struct plan_failure *failure, struct error *e);

/* Per block of the plan the index of its device in the topology; blocks that the plan leaves to the loader get load_device.
 * ERROR_ABSENT when blocks are on a device that the topology has not. device_of has room for plan->block_count. */
bool plan_devices(const struct plan *plan, const struct topology *topology, unsigned load_device, unsigned *device_of,
		  struct error *e);

/* Both in one. An empty string means that DisTorch is off: every block goes to load_device. */
bool plan_model(const struct model *model, const struct topology *topology, const char *allocation,
		const struct plan_rules *rules, unsigned load_device, unsigned *device_of, struct error *e);

/* The topology's device that a name in an allocation string means, or -1: `cuda` is cuda:0, `cpu:1` is cpu. */
int plan_find_device(const struct topology *topology, const char *name);

#endif
