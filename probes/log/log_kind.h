/* log_kind.h - what a line of a log says: one table of patterns for ComfyUI's lines and ComfyUI-MultiGPU's of all versions.
 *
 * A line of ComfyUI-MultiGPU begins with tags in brackets, one to three of them; they are looked through, so that a line whose
 * tag was renamed is still known by its words.
 */
#ifndef RESIDENCY_PROBES_LOG_KIND_H
#define RESIDENCY_PROBES_LOG_KIND_H

enum log_kind {
	LOG_OTHER, /* none that is known */
	LOG_OURS, /* ComfyUI-MultiGPU's, and nothing to take from it */
	LOG_SERVER_STARTS,
	LOG_GOT_PROMPT,
	LOG_PROMPT_ENDS, /* rest: seconds */
	LOG_REQUESTED, /* rest: the class of a model */
	LOG_LOADED, /* rest: what may be used, and what was loaded, in MiB */
	LOG_LOADED_PARTLY,
	LOG_PROGRESS, /* rest: the whole line of a progress bar */
	LOG_EXCEPTION, /* the report's first line */
	LOG_TRACEBACK,
	LOG_MEMORY_POINT, /* rest: from the time on */
	LOG_MEMORY_SUMMARY,
	LOG_MEMORY_PROBE, /* rest: from tag= on */
	LOG_MEMORY_HIGH,
	LOG_LIST_BEGINS, /* rest: number of models in the loaded list; rows follow */
	LOG_LIST_ROW, /* rest: "0: SDXL, keep_loaded=False, hash=5d907277, ..." */
	LOG_UNLOAD_BEGINS, /* rest: number of models; rows follow */
	LOG_KEEPS, /* rest: the class of a model that survives the unload */
	LOG_UNLOAD_DELEGATED, /* all are to be kept, and core unloads all */
	LOG_UNLOAD_ENDS, /* rest: number of models left */
	LOG_EXECUTOR_RESET, /* rest: the reason */
	LOG_TABLE, /* rest: the title, after its version */
	LOG_TABLE_HEADER,
	LOG_RULE, /* a line of - or = */
	LOG_ALLOCATION_TITLE, /* the string is the next line */
	LOG_ALLOCATION, /* rest: the string */
	LOG_ALLOCATION_INPUT, /* rest: the string as the user typed it */
	LOG_TOTAL_MEMORY, /* rest: MiB of a model */
	LOG_KIND_COUNT
};

/* The kind of a cleaned line without prefix; *rest is what follows the words that told. */
enum log_kind log_kind_of(const char *text, const char **rest);

#endif
