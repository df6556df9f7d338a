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
	{ .text = "=== memory summary: ", .after = AFTER_TAG, .kind = LOG_MEMORY_SUMMARY },
	{ .text = "Starting prune - current_loaded_models count: ", .after = AFTER_TAG, .kind = LOG_LIST_BEGINS },
	{ .text = "Checking DisTorch2 active status - loaded models: ", .after = AFTER_TAG, .kind = LOG_LIST_BEGINS },
	{ .text = "Patched unload_all_models called - initial model count: ", .after = AFTER_TAG, .kind = LOG_UNLOAD_BEGINS },
	{ .text = "Model ", .after = AFTER_TAG, .kind = LOG_LIST_ROW },
	{ .text = "Adding to kept_models: ", .after = AFTER_TAG, .kind = LOG_KEEPS },
	{ .text = "All models flagged to be kept - using standard unload_all_models",
	  .after = AFTER_TAG,
	  .kind = LOG_UNLOAD_DELEGATED },
	{ .text = "Updated mm.current_loaded_models, new count: ", .after = AFTER_TAG, .kind = LOG_UNLOAD_ENDS },
	{ .text = "Triggering PromptExecutor cache reset. Reason: ", .after = AFTER_TAG, .kind = LOG_EXECUTOR_RESET },
	{ .text = "CPU usage (", .after = AFTER_TAG, .kind = LOG_MEMORY_HIGH },
	{ .text = "Final Allocation String:", .after = AFTER_TAG, .kind = LOG_ALLOCATION_TITLE },
	{ .text = "Final CLIP Allocation String:", .after = AFTER_TAG, .kind = LOG_ALLOCATION_TITLE },
	{ .text = "Full allocation string: ", .after = AFTER_TAG, .kind = LOG_ALLOCATION_INPUT },
	{ .text = "Total memory: ", .after = AFTER_TAG, .kind = LOG_TOTAL_MEMORY },
	{ .text = "Initiating custom_node Registration", .after = AFTER_TAG, .kind = LOG_SERVER_STARTS },
	{ .text = "v1 Expert String ", .after = PLAIN, .kind = LOG_ALLOCATION },
	{ .text = "DisTorch2 CLIP Model ", .after = PLAIN, .kind = LOG_TABLE },
	{ .text = "DisTorch2 Model ", .after = PLAIN, .kind = LOG_TABLE },
	{ .text = "DisTorch Model ", .after = PLAIN, .kind = LOG_TABLE },
	{ .text = "Object ", .after = PLAIN, .kind = LOG_TABLE_HEADER },
	{ .text = "Device ", .after = PLAIN, .kind = LOG_TABLE_HEADER },
	{ .text = "Layer Type ", .after = PLAIN, .kind = LOG_TABLE_HEADER },
	{ .text = "---------------", .after = PLAIN, .kind = LOG_RULE },
	{ .text = "===============", .after = PLAIN, .kind = LOG_RULE },
	{ .text = "tag=", .after = ANYWHERE, .kind = LOG_MEMORY_PROBE },
	{ .text = "got prompt", .after = PLAIN, .kind = LOG_GOT_PROMPT },
	{ .text = "Prompt executed in ", .after = PLAIN, .kind = LOG_PROMPT_ENDS },
	{ .text = "Requested to load ", .after = PLAIN, .kind = LOG_REQUESTED },
	{ .text = "loaded completely", .after = PLAIN, .kind = LOG_LOADED },
	{ .text = "loaded partially", .after = PLAIN, .kind = LOG_LOADED_PARTLY },
	{ .text = "!!! Exception during processing !!!", .after = PLAIN, .kind = LOG_EXCEPTION },
	{ .text = "Traceback (most recent call last):", .after = PLAIN, .kind = LOG_TRACEBACK },
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
