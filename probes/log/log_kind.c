/* log_kind.c - the kind of a log line, by how it begins.
 *
 * ComfyUI-MultiGPU puts tags in brackets before its own lines; they are skipped, and a pattern says whether it is looked for after
 * tags, in plain lines or in both. Patterns are tried in the order of the table; the first that fits decides. A memory point (a
 * time after a tag) and a progress bar have no fixed beginning and are recognised by their shape.
 */
#include "probes/log/log_kind.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/base/array.h"

enum after { AFTER_TAG = 1, PLAIN = 2, ANYWHERE = AFTER_TAG | PLAIN };

/* How lines begin. The first row that fits; the reference for each is upstream's own text. */
static const struct pattern {
	const char *text;
	enum after after;
	enum log_kind kind;
} patterns[] = {
	{ "=== memory summary: ", AFTER_TAG, LOG_MEMORY_SUMMARY },
	{ "Starting prune - current_loaded_models count: ", AFTER_TAG, LOG_LIST_BEGINS },
	{ "Checking DisTorch2 active status - loaded models: ", AFTER_TAG, LOG_LIST_BEGINS },
	{ "Patched unload_all_models called - initial model count: ", AFTER_TAG, LOG_UNLOAD_BEGINS },
	{ "Model ", AFTER_TAG, LOG_LIST_ROW },
	{ "Adding to kept_models: ", AFTER_TAG, LOG_KEEPS },
	{ "All models flagged to be kept - using standard unload_all_models", AFTER_TAG, LOG_UNLOAD_DELEGATED },
	{ "Updated mm.current_loaded_models, new count: ", AFTER_TAG, LOG_UNLOAD_ENDS },
	{ "Triggering PromptExecutor cache reset. Reason: ", AFTER_TAG, LOG_EXECUTOR_RESET },
	{ "CPU usage (", AFTER_TAG, LOG_MEMORY_HIGH },
	{ "Final Allocation String:", AFTER_TAG, LOG_ALLOCATION_TITLE },
	{ "Final CLIP Allocation String:", AFTER_TAG, LOG_ALLOCATION_TITLE },
	{ "Full allocation string: ", AFTER_TAG, LOG_ALLOCATION_WISH },
	{ "Total memory: ", AFTER_TAG, LOG_TOTAL_MEMORY },
	{ "Initiating custom_node Registration", AFTER_TAG, LOG_SERVER_STARTS },
	{ "v1 Expert String ", PLAIN, LOG_ALLOCATION },
	{ "DisTorch2 CLIP Model ", PLAIN, LOG_TABLE },
	{ "DisTorch2 Model ", PLAIN, LOG_TABLE },
	{ "DisTorch Model ", PLAIN, LOG_TABLE },
	{ "Object ", PLAIN, LOG_TABLE_HEADER },
	{ "Device ", PLAIN, LOG_TABLE_HEADER },
	{ "Layer Type ", PLAIN, LOG_TABLE_HEADER },
	{ "---------------", PLAIN, LOG_RULE },
	{ "===============", PLAIN, LOG_RULE },
	{ "tag=", ANYWHERE, LOG_MEMORY_PROBE },
	{ "got prompt", PLAIN, LOG_GOT_PROMPT },
	{ "Prompt executed in ", PLAIN, LOG_PROMPT_ENDS },
	{ "Requested to load ", PLAIN, LOG_REQUESTED },
	{ "loaded completely", PLAIN, LOG_LOADED },
	{ "loaded partially", PLAIN, LOG_LOADED_PARTLY },
	{ "!!! Exception during processing !!!", PLAIN, LOG_EXCEPTION },
	{ "Traceback (most recent call last):", PLAIN, LOG_TRACEBACK },
};

/* "12%|####  | 3/20 [00:02<00:11,  1.5it/s]" */
static bool is_progress(const char *text)
{
	const char *percent = text + strspn(text, "0123456789");

	return percent > text && percent - text <= 3 && percent[0] == '%' && percent[1] == '|' && strchr(percent, '[');
}

static bool is_time(const char *text)
{
	return strspn(text, "0123456789") == 4 && text[4] == '-' && strlen(text) > 20 && text[10] == 'T';
}

/* Past "[MultiGPU Model Management] [UNLOAD_DEBUG] ". */
static const char *skip_tags(const char *text)
{
	while (*text == '[') {
		const char *end = strchr(text, ']');

		if (!end)
			break;
		text = end + 1;
		text += strspn(text, " ");
	}
	return text;
}

enum log_kind log_kind_of(const char *text, const char **rest)
{
	bool tagged = strncmp(text, "[MultiGPU", 9) == 0;

	text = tagged ? skip_tags(text) : text + strspn(text, " ");
	*rest = text;
	if (tagged && is_time(text))
		return LOG_MEMORY_POINT;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		const struct pattern *pattern = &patterns[i];
		size_t length;

		if (pattern->text[0] != text[0] || !(pattern->after & (tagged ? AFTER_TAG : PLAIN)))
			continue;
		length = strlen(pattern->text);
		if (strncmp(text, pattern->text, length) != 0)
			continue;
		*rest = pattern->kind == LOG_MEMORY_PROBE ? text : text + length;
		return pattern->kind;
	}
	if (!tagged && is_progress(text))
		return LOG_PROGRESS;
	return tagged ? LOG_OURS : LOG_OTHER;
}
