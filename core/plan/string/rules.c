#include <string.h>

#include "core/plan/plan.h"

/* What each upstream version does differently from DisTorch2 as the code reads without any of these set. */
const struct plan_rules plan_rules[] = {
	{
		.name = "01df082",
		.summary = "DisTorch2 at ComfyUI-MultiGPU 01df082",
		.tail_required = true,
		.checkpoint_always = true,
	},
	{
		.name = "HEAD",
		.summary = "DisTorch2 at ComfyUI-MultiGPU a38cbda (v2.6)",
		.default_compute = "cuda:0",
		.needs_bias = true,
		.five_fields = true,
		.empty_heads_leave_quota = true,
		.gguf_v2_compute = true,
		.empty_is_nothing = true,
	},
	{
		.name = "V1",
		.summary = "DisTorch (GGUF) at ComfyUI-MultiGPU 01df082",
		.slices = true,
		.checkpoint_always = true,
	},
	{
		.name = "exact",
		.summary = "ours: the same strings to the byte, one run of blocks a device",
		.five_fields = true,
		.gguf_v2_compute = true,
		.empty_is_nothing = true,
		.exact = true,
	},
	{ .name = NULL },
};

const struct plan_rules *plan_rules_find(const char *name)
{
	for (const struct plan_rules *rules = plan_rules; rules->name; rules++) {
		if (strcmp(rules->name, name) == 0)
			return rules;
	}
	return NULL;
}

static const char *const mode_names[] = {
#define MODE_NAME(name, text) text,
	PLAN_MODES(MODE_NAME)
#undef MODE_NAME
};

static const struct {
	const char *name;
	const char *words;
} reasons[PLAN_REASON_COUNT] = {
#define REASON_ROW(name, text, words) { text, words },
	PLAN_REASONS(REASON_ROW)
#undef REASON_ROW
};

const char *plan_mode_name(enum plan_mode mode)
{
	return mode_names[mode];
}

const char *plan_reason_name(enum plan_reason reason)
{
	return reasons[reason].name;
}

const char *plan_reason_words(enum plan_reason reason)
{
	return reasons[reason].words;
}
