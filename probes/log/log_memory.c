/* log_memory.c - memory points and probes: what every device has in use, and what a point's tag says of stages and loads.
 *
 * Points have a time and are the log's clock. A summary prints old points again; those are counted, not taken.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/units.h"
#include "probes/log/log_line.h"
#include "probes/log/log_state.h"

/* What the tag of a memory point says of stages and loads. */
static void take_tag(struct log_import *import, const char *tag)
{
	const char *colon = strchr(tag, ':');

	if (strstr(tag, "_pre-load") && strncmp(tag, "patched", 7) != 0 && colon) {
		log_cell_prompt(import);
		snprintf(import->loading, sizeof(import->loading), "%.*s", (int)strcspn(colon + 1, "_ "), colon + 1);
	} else if (strstr(tag, "_post-load") && import->loading[0]) {
		struct log_model *model = log_cell_loading(import);

		if (model)
			log_cell_loaded(import, model);
		import->loading[0] = import->requested[0] = '\0';
	} else if (strncmp(tag, "patched_load_models_gpu_post-original-call", 42) == 0) {
		log_cell_prompt(import);
		log_cell_stage(import, STAGE_AFTER_FREE_MEMORY);
	} else if (strncmp(tag, "patched_load_models_gpu", 23) == 0) {
		log_cell_prompt(import);
	} else if (strncmp(tag, "patched_soft_empty_start", 24) == 0) {
		if (import->mode == MODE_BETWEEN && !import->core_empties)
			log_cell_stage_later(import, STAGE_AFTER_GC); /* the worker collects garbage just before */
	} else if (strncmp(tag, "patched_soft_empty_end", 22) == 0) {
		bool by_worker = import->mode == MODE_BETWEEN && !import->core_empties;

		log_cell_stage(import, by_worker ? STAGE_AFTER_EMPTY_CACHE : STAGE_AFTER_DIRECT_SOFT_EMPTY);
		import->core_empties = false;
	} else if (strncmp(tag, "executor_reset_post-trigger", 27) == 0 && import->mode == MODE_BETWEEN) {
		log_cell_stage(import, STAGE_AFTER_RESET);
	}
}

/* "cpu|45.38 cuda:0|19.83 cuda:1|19.08"; with "=" and "/" as a probe writes it. GiB. */
static bool read_memory(struct log_import *import, const char *text, const char *between, const char *separators)
{
	uint64_t sizes[LOG_DEVICES_MAX];
	uint32_t seen = 0;

	while (*text) {
		size_t length = strcspn(text, between);
		int32_t device = text[length] ? log_device_index(import, text, length) : -1;
		char *end;
		double used;

		if (device < 0 || !isdigit((unsigned char)text[length + 1]))
			return false;
		used = strtod(text + length + 1, &end);
		if (!(used < 1e9))
			return false;
		sizes[device] = (uint64_t)(used * (double)GIB);
		seen |= UINT32_C(1) << device;
		text = end + strcspn(end, separators);
		text += strspn(text, separators);
	}
	for (size_t i = 0; i < LOG_DEVICES_MAX; i++) {
		if (seen & UINT32_C(1) << i)
			import->memory_bytes[i] = sizes[i];
	}
	return seen != 0;
}

void log_memory_point(struct log_import *import, const char *text)
{
	const char *tag;
	const char *memory = NULL;
	int64_t wall_ns;

	tag = log_line_time(text, &wall_ns);
	for (const char *at = tag; at && (at = strstr(at, " cpu|")); at++)
		memory = at;
	if (!tag || !memory) {
		log_complain(import, tag ? "a memory point without memory" : "a memory point without a time", text);
		return;
	}
	if (import->in_summary && wall_ns <= import->wall_ns) { /* a summary prints points again */
		import->summary.repeated_points++;
		return;
	}
	if (!read_memory(import, memory + 1, "|", " ")) {
		log_complain(import, "a memory point whose numbers cannot be read", text);
		return;
	}
	import->summary.memory_points++;
	log_cell_time(import, wall_ns);
	take_tag(import, tag + strspn(tag, " "));
}

/* "tag=pre-model-load:demo|cpu=1.74/23.54|cuda:0=4.06/23.56": used and total. */
void log_memory_probe(struct log_import *import, const char *text)
{
	const char *memory = strstr(text, "|cpu=");

	if (!memory || !read_memory(import, memory + 1, "=", "|")) {
		log_complain(import, "a memory probe whose numbers cannot be read", text);
		return;
	}
	import->summary.memory_points++;
}
