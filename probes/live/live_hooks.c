/* live_hooks.c - the table of places in ComfyUI that the probe node wraps, with what each one's absence costs.
 *
 * `name` is what the probe's greeting uses; `without` completes the sentence "it is not known ...".
 */
#include "probes/live/live_hooks.h"

#include <string.h>

#include "core/base/array.h"

static const struct live_hook hooks[] = {
	{ .name = "current_loaded_models", .loss = LIVE_UNTRUSTWORTHY, .without = "which models are listed" },
	{ .name = "unload_all_models", .loss = LIVE_UNTRUSTWORTHY, .without = "when models are unloaded" },
	{ .name = "free_memory", .loss = LIVE_LESS_EXACT, .without = "which models left for want of room" },
	{ .name = "load_models_gpu", .loss = LIVE_LESS_EXACT, .without = "which models left for another one's load" },
	{ .name = "soft_empty_cache", .loss = LIVE_UNTRUSTWORTHY, .without = "when a cycle ends" },
	{ .name = "gc.collect", .loss = LIVE_UNTRUSTWORTHY, .without = "what dies in a collection" },
	{ .name = "PromptExecutor.reset", .loss = LIVE_LESS_EXACT, .without = "what the executor's reset drops" },
	{ .name = "PromptExecutor.execute", .loss = LIVE_UNTRUSTWORTHY, .without = "when a prompt ends" },
	{ .name = "PromptQueue.get", .loss = LIVE_NOTHING, .without = "when the worker waits" },
	{ .name = "PromptQueue.get_flags", .loss = LIVE_LESS_EXACT, .without = "whether memory or only models were asked for" },
	{ .name = "ModelPatcher.__init__", .loss = LIVE_UNTRUSTWORTHY, .without = "which models there are" },
	{ .name = "load_torch_file", .loss = LIVE_UNTRUSTWORTHY, .without = "which file a model is of" },
	{ .name = "ComfyUI-MultiGPU's planner", .loss = LIVE_LESS_EXACT, .without = "where blocks were planned to be" },
	{ .name = "latent_preview.prepare_callback", .loss = LIVE_LESS_EXACT, .without = "when a sampler's step begins" },
};

static const struct live_hook unknown = { "", LIVE_UNTRUSTWORTHY, "what this version knows nothing of" };

const struct live_hook *live_hook_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (strcmp(hooks[i].name, name) == 0)
			return &hooks[i];
	}
	return &unknown;
}
