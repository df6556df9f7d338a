/* node_string.h - what a loader node's inputs become: the allocation string that it stores.
 *
 * Upstream has five generations of loader nodes, and each writes its string a little differently; which one a workflow's node
 * is, its class says.
 */
#ifndef RESIDENCY_PLAN_NODE_STRING_H
#define RESIDENCY_PLAN_NODE_STRING_H

#include "core/plan/plan.h"

#define NODE_CLASSES(X)                                                                                                        \
	X(SAFETENSOR_V2, "safetensor_v2")                                                                                      \
	X(SAFETENSOR_V2_CLIP, "safetensor_v2_clip")                                                                            \
	X(SAFETENSOR_V2_CLIP_NO_DEVICE, "safetensor_v2_clip_no_device")                                                        \
	X(GGUF_V2, "gguf_v2")                                                                                                  \
	X(GGUF, "gguf")                                                                                                        \
	X(CLIP, "clip")                                                                                                        \
	X(CLIP_NO_DEVICE, "clip_no_device")                                                                                    \
	X(CHECKPOINT, "checkpoint")

enum node_class {
#define NODE_CLASS_ENUM(name, text) NODE_CLASS_##name,
	NODE_CLASSES(NODE_CLASS_ENUM)
#undef NODE_CLASS_ENUM
		NODE_CLASS_COUNT
};

bool node_class_from_name(const char *name, enum node_class *class);

/* A NULL text is an input that was None. */
struct node_inputs {
	enum node_class class;
	const char *compute;
	const char *expert;
	double virtual_vram_gb;
	bool virtual_vram_is_whole; /* was written without a point: 4, not 4.0 */
	const char *donor; /* of the newer classes */
	bool use_other_vram; /* of the older classes (gguf, clip, clip_no_device) */
	const char *const *device_names; /* in device-list order */
	size_t device_count;
};

/* The string, which the caller frees. *stored is false where the version stores nothing (then the result is NULL without an
 * error, unless e is set). */
char *node_string(const struct node_inputs *inputs, const struct plan_rules *rules, bool *stored, struct plan_failure *failure,
		  struct error *e);

/* What the versions store; slots of versions.h. */
char *node_string_01df082(const struct node_inputs *inputs, bool *stored, struct plan_failure *failure, struct error *e);
char *node_string_head(const struct node_inputs *inputs, bool *stored, struct plan_failure *failure, struct error *e);
char *node_string_exact(const struct node_inputs *inputs, bool *stored, struct plan_failure *failure, struct error *e);

#endif
