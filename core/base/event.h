/* event.h - how core speaks to the outside: one observer, told what happens when it happens.
 *
 * The engine never waits for its observer and never asks it anything. Pointers in an event live as long as the call. A NULL
 * slot, or a NULL observer, is not called. Reason codes and stage names are the words of the project's documents.
 */
#ifndef RESIDENCY_BASE_EVENT_H
#define RESIDENCY_BASE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

/* Named points at which a snapshot is taken. */
#define STAGES(X)                                                                                                              \
	X(LOADED, "loaded") /* end of the first prompt */                                                                      \
	X(NEXT_PROMPT, "next_prompt") /* end of a later prompt */                                                              \
	X(BEFORE_UNLOAD, "before_unload")                                                                                      \
	X(AFTER_UNLOAD, "after_unload")                                                                                        \
	X(AFTER_RESET, "after_reset")                                                                                          \
	X(AFTER_GC, "after_gc")                                                                                                \
	X(AFTER_EMPTY_CACHE, "after_empty_cache")                                                                              \
	X(AFTER_DIRECT_SOFT_EMPTY, "after_direct_soft_empty")                                                                  \
	X(AFTER_FREE_MEMORY, "after_free_memory")                                                                              \
	X(WORKER_DIED, "worker_died")                                                                                          \
	X(END, "end")

enum stage {
#define STAGE_ENUM(name, text) STAGE_##name,
	STAGES(STAGE_ENUM)
#undef STAGE_ENUM
		STAGE_COUNT
};

/* Why a model left. */
#define REASONS(X)                                                                                                             \
	X(NONE, "")                                                                                                            \
	X(UNLOADED_BY_POLICY, "unloaded_by_policy")                                                                            \
	X(UNLOADED_BY_CORE, "unloaded_by_core")                                                                                \
	X(EVICTED_BY_LOAD, "evicted_by_load")                                                                                  \
	X(EVICTED_BY_PRESSURE, "evicted_by_pressure")                                                                          \
	X(DIED_IN_GC, "died_in_gc")                                                                                            \
	X(DIED_BY_REFCOUNT, "died_by_refcount")                                                                                \
	X(DIED_WITH_CACHE, "died_with_cache")                                                                                  \
	X(DROPPED_BY_WORKFLOW, "dropped_by_workflow")                                                                          \
	X(ANCHORS_CLEARED, "anchors_cleared")                                                                                  \
	X(SUPERSEDED, "superseded")                                                                                            \
	X(NEVER_RESIDENT, "never_resident")                                                                                    \
	X(WORKER_DIED, "worker_died")

enum reason {
#define REASON_ENUM(name, text) REASON_##name,
	REASONS(REASON_ENUM)
#undef REASON_ENUM
		REASON_COUNT
};

/* Whether a user asks that a model survives a free (core/base/keep_flag.h); none: no flag (a stock loader). */
enum keep_request { KEEP_NONE = -1, KEEP_NO = 0, KEEP_YES = 1 };

const char *event_stage_name(enum stage stage);
const char *event_reason_name(enum reason reason);
bool event_stage_from_name(const char *name, enum stage *stage);
bool event_reason_from_name(const char *name, enum reason *reason);

struct stage_event {
	enum stage stage;
	unsigned cycle; /* counts actions, from 0 */
	uint64_t time_ns; /* machine time */
	const char *exception; /* "" or what was thrown on the way to this stage */
};

/* A model's object left the loaded list, its device or life. The first departure of an object since it was last resident names
 * the cause. */
struct departure_event {
	uint64_t object; /* id of the model's object in the heap */
	const char *name;
	enum reason reason;
	uint64_t time_ns;
};

/* A patcher was made, or its keep request changed. */
struct object_event {
	uint64_t object; /* its id in the heap */
	uint64_t model; /* id of its model, which other patchers may share */
	const char *name; /* "B"; "B+clone" for a patcher made from another */
	const char *kind; /* unet, clip, vae */
	enum keep_request keep;
	uint64_t size_bytes;
	uint64_t block_count;
};

/* A request to free models: a flag is set, the worker acts on flags, or all memory is to be freed. */
struct request_event {
	bool unload_models, free_memory;
	const char *source; /* who sets a flag: post, node, soft_empty; who acts: worker, direct, oom */
};

/* An image that a node saves: height rows of width pixels of three values in 0..1; pixels is NULL on a backend that only counts bytes. */
struct image_event {
	const char *node; /* its id */
	const char *prefix; /* of the file name */
	const float *pixels;
	int64_t count, height, width;
	const char *hash; /* of pixels and shape; "" without bytes */
	const char *path; /* of the first file written; "" if none was */
};

struct transfer_event {
	unsigned from, to; /* device indexes */
	unsigned stream;
	uint64_t size_bytes;
	uint64_t start_ns, end_ns;
};

struct step_event {
	unsigned node; /* counts sampler runs of the machine, from 0 */
	unsigned step; /* from 0 */
	unsigned pass_count;
	uint64_t start_ns, end_ns;
	uint64_t moved_bytes; /* weights that crossed a link in this step */
};

/* A sampler begins on a model that is loaded: the patches that the workflow puts on it, and those that are in its weights. */
struct sampled_event {
	uint64_t object;
	const char *node; /* its id */
	const char *wanted_patches, *found_patches; /* "lora.safetensors at 0.5, ..."; "" for none */
};

struct observer {
	void *context;
	void (*stage)(void *context, const struct stage_event *event);
	void (*departure)(void *context, const struct departure_event *event);
	void (*transfer)(void *context, const struct transfer_event *event);
	void (*step)(void *context, const struct step_event *event);
	/* A model's weights were read: from disk, or found again (adopted). */
	void (*load)(void *context, uint64_t object, const char *name, bool from_disk);
	void (*object)(void *context, const struct object_event *event);
	void (*request)(void *context, const struct request_event *event);
	void (*image)(void *context, const struct image_event *event);
	void (*sampled)(void *context, const struct sampled_event *event);
};

#endif
