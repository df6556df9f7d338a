#include "probes/live/live_hooks.h"

#include <string.h>

#include "core/base/array.h"

static const struct live_hook hooks[] = {
	{ "current_loaded_models", LIVE_UNTRUSTWORTHY, "which models are listed" },
	{ "unload_all_models", LIVE_UNTRUSTWORTHY, "when models are unloaded" },
	{ "free_memory", LIVE_LESS_EXACT, "which models left for want of room" },
	{ "load_models_gpu", LIVE_LESS_EXACT, "which models left for another one's load" },
	{ "soft_empty_cache", LIVE_UNTRUSTWORTHY, "when a cycle ends" },
	{ "gc.collect", LIVE_UNTRUSTWORTHY, "what dies in a collection" },
	{ "PromptExecutor.reset", LIVE_LESS_EXACT, "what the executor's reset drops" },
	{ "PromptExecutor.execute", LIVE_UNTRUSTWORTHY, "when a prompt ends" },
	{ "PromptQueue.get", LIVE_NOTHING, "when the worker waits" },
	{ "PromptQueue.get_flags", LIVE_LESS_EXACT, "whether memory or only models were asked for" },
	{ "ModelPatcher.__init__", LIVE_UNTRUSTWORTHY, "which models there are" },
	{ "load_torch_file", LIVE_UNTRUSTWORTHY, "which file a model is of" },
	{ "ComfyUI-MultiGPU's planner", LIVE_LESS_EXACT, "where blocks were planned to be" },
	{ "latent_preview.prepare_callback", LIVE_LESS_EXACT, "when a sampler's step begins" },
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
