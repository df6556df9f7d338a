/* trace.h - what the manager does, told step by step to one listener, for those who want to know why a model moved.
 *
 * Deaths and departures go to the observer (core/base/event.h), which every run has; a trace is for looking closely. The names
 * are those of the words that upstream logs. A NULL trace is not told. Pointers in an event live as long as the call.
 */
#ifndef RESIDENCY_MANAGER_TRACE_H
#define RESIDENCY_MANAGER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;
struct inner;
struct manager;
struct patcher;

/* Kind, name, and which members an event of it has. */
#define TRACE_KINDS(X)                                                                                                         \
	X(FREE, "free") /* room is wanted: device, wanted_bytes, bytes that are free, rows that may go */                      \
	X(FREE_DONE, "free_ret") /* rows that went, in the order in which they left the list */                                \
	X(UNLOAD, "unload") /* an entry is asked for wanted_bytes; NAN: all */                                                 \
	X(UNLOAD_PART, "punload") /* wanted_bytes were asked for, bytes are free now */                                        \
	X(UNLOAD_DONE, "unload_ret") /* yes: the entry is to leave the list */                                                 \
	X(DETACH, "detach") /* yes: weights go back to the offload device; no: they stay as they are */                        \
	X(LOAD_ENTRY, "model_load") /* with a budget of wanted_bytes; 0: none */                                               \
	X(LOAD_PART, "pload") /* whole: the model has an allocation; yes: patches are to be put in again */                    \
	X(LOAD, "load") /* blocks are chosen: wanted_bytes may be taken; whole: all of the model goes */                       \
	X(LOADED_WHOLE, "log_complete") /* as LOAD; bytes that were taken */                                                   \
	X(LOADED_PART, "log_partial") /* wanted_bytes, bytes that were taken, count of patches applied when used */            \
	X(UNLOADED, "log_unloaded") /* count of entries that went for the least that is needed */                              \
	X(LEAK, "log_leak") /* inner is held, its patcher is gone: a collection follows */                                     \
	X(LEAK_STAYS, "log_leak2") /* inner is still there after it */                                                         \
	X(SOFT_EMPTY, "soft") /* cached memory is given back */                                                                \
	X(SOFT_EMPTY_ALL, "soft_multi") /* the same on every device, after a collection */                                     \
	X(OUT_OF_MEMORY, "oom") /* device has bytes free, wanted_bytes were to be moved there */                               \
	X(FRACTIONS, "fractions") /* text: what a plan made of an allocation */                                                \
	X(PLACED, "assign") /* text: the allocation; device_of by block */

enum trace_kind {
#define TRACE_ENUM(name, text) TRACE_##name,
	TRACE_KINDS(TRACE_ENUM)
#undef TRACE_ENUM
		TRACE_KIND_COUNT
};

/* An entry of the loaded list, as pressure sees it. */
struct trace_row {
	const struct patcher *patcher;
	uint64_t offloaded_bytes, size_bytes;
	uint32_t references;
	size_t index; /* in the list */
};

struct trace_event {
	enum trace_kind kind;
	const struct patcher *patcher; /* NULL where a device or a model without one is meant */
	const struct inner *inner;
	const struct device *device;
	double wanted_bytes, bytes;
	uint64_t count;
	bool whole, yes;
	const char *text;
	const unsigned *device_of;
	const struct trace_row *rows;
	size_t row_count;
};

struct manager_trace {
	void *context;
	void (*event)(void *context, const struct trace_event *event);
};

const char *trace_kind_name(enum trace_kind kind);

/* Tells the manager's trace, if there is one. */
void trace_tell(const struct manager *m, const struct trace_event *event);

#endif
