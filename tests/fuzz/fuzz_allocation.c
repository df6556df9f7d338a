/* Any text as an allocation string, by the rules of every version: an exception with words, or a plan that gives every block a
 * row of its table; and advice on it, each piece at a place of the string. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/advise/advise.h"
#include "core/plan/versions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct plan_device devices[] = {
	{ "cpu", UINT64_C(137438953472) },
	{ "cuda:0", UINT64_C(25757220864) },
	{ "cuda:1", UINT64_C(12884901888) },
};

static const struct plan_block blocks[] = {
	{ "embed", 0, 40000000, 40000000, false }, { "blocks.0.linear", 1, 90000000, 90000000, true },
	{ "blocks.0.norm", 2, 4096, 4096, true },  { "blocks.1.linear", 1, 90000000, 90000000, true },
	{ "unlisted", 3, PLAN_NO_SIZE, 64, true }, { "final", 4, 1048576, PLAN_NO_SIZE, true },
};

static void check(const struct plan *plan)
{
	for (size_t i = 0; i < plan->block_count; i++) {
		if (plan->share_of[i] != PLAN_NO_DEVICE && plan->share_of[i] >= plan->share_count)
			abort();
		if (plan->reason_of[i] >= PLAN_REASON_COUNT)
			abort();
	}
}

static void plan_by(const struct plan_rules *rules, const char *text, bool is_clip)
{
	struct plan_request request = { .rules = rules,
					.allocation = text,
					.is_clip = is_clip,
					.blocks = blocks,
					.block_count = ARRAY_SIZE(blocks),
					.devices = devices,
					.device_count = ARRAY_SIZE(devices) };
	struct error e = ERROR_INIT;
	struct plan *plan = plan_make(&request, NULL, &e);

	if (plan)
		check(plan);
	else if (!error_is_set(&e))
		abort();
	plan_free(plan);
}

static void advise_by(const struct plan_rules *rules, const char *text, bool with_model)
{
	struct advise_request request = { .rules = rules,
					  .allocation = text,
					  .blocks = with_model ? blocks : NULL,
					  .block_count = with_model ? ARRAY_SIZE(blocks) : 0,
					  .devices = devices,
					  .device_count = ARRAY_SIZE(devices) };
	struct error e = ERROR_INIT;
	struct advice_list list;

	if (!advise(&request, &list, &e) && !error_is_set(&e))
		abort();
	for (size_t i = 0; i < list.count; i++) {
		if (!list.items[i].found || list.items[i].column > strlen(text) + 1)
			abort();
	}
	advise_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	for (const struct plan_rules *rules = plan_rules; rules->name; rules++) {
		plan_by(rules, text, false);
		plan_by(rules, text, true);
		advise_by(rules, text, false);
		advise_by(rules, text, true);
	}
	free(text);
	return 0;
}
