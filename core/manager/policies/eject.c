/* eject.c - upstream dde3480 (v2.5.1): no keep flag any more, but a flag by which loading a model ejects the others.
 *
 * What it loses: everything, at any /free, as core alone does; and before that, whatever is on the device, when a UNet whose
 * loader ejects is loaded. Only a UNet is marked: the mark is set where the loader's output is a patcher itself. */
#include "core/manager/policies/multigpu.h"

static bool loader_ran(struct manager *m, struct patcher *patcher, bool keep, struct error *e)
{
	(void)m;
	(void)e;
	if (!keep && patcher_model(patcher)->kind == MODEL_UNET)
		manager_mark_ejecting(patcher);
	return true;
}

static double memory_required(const struct manager_view *view, const struct patcher *patcher, const struct device *device)
{
	return multigpu_memory_required_less(view, patcher, device, view_patcher_ejects(patcher));
}

const struct policy policy_eject = {
	.name = "eject",
	.aliases = { "dde3480" },
	.summary = "knows no request to keep; a loader may ask that loading its UNet evicts every other model",
	.lived = "ComfyUI-MultiGPU dde3480 (v2.5.1)",
	.unflagged = "core's unload: every model of the device goes",
	.anchored = "nothing",
	.delegated = "every unload, to core",
	.wrong =
		"keep_loaded's place in a saved workflow is eject_models' now, with the opposite meaning; CLIP and VAE loaders "
		"take the flag and do nothing with it; a model that was once marked ejects at every later load",
	.planner = "01df082",
	.legacy_planner = "V1",
	.keep_input = "eject_models",
	.facts = POLICY_STICKY_DEVICE,
	.loader_ran = loader_ran,
	.memory_required = memory_required,
	.soft_empty = multigpu_soft_empty,
};
