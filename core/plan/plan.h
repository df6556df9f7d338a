/* plan.h - which device each block of a model waits on, and why.
 *
 * A plan is made from an allocation string ("expert#compute;virtual_vram_gb;donors"), the sizes of the devices and the blocks
 * of a model, by the rules of one upstream version: 01df082 and HEAD are the two states of DisTorch2, V1 is DisTorch before
 * it. The result is what upstream gives, bit for bit, down to which exception it raises; the message of a failure is ours and
 * names the column. "GB" in an allocation string is GiB. `exact` is ours: the same strings read to the byte, placed in one run of
 * consecutive blocks a device (exact.h).
 *
 *	struct plan_request request = { .rules = plan_rules_find("HEAD"), .allocation = "#cuda:0;4.0;cpu", ... };
 *	struct plan *plan = plan_make(&request, &failure, &e);
 *
 * Cost: linear in blocks times devices; see bench.h. plan_model.h does it for a model and a topology.
 */
#ifndef RESIDENCY_PLAN_PLAN_H
#define RESIDENCY_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/plan/exception.h"

#define PLAN_NO_SIZE UINT64_MAX
#define PLAN_NO_DEVICE UINT32_MAX
#define PLAN_SIZE_MAX (UINT64_C(1) << 53) /* sums stay exact in doubles, upstream's arithmetic */

struct plan_block {
	const char *name; /* module path; a text encoder's heads are known by it */
	size_t type; /* equal numbers are one layer type (V1 estimates bytes by type) */
	uint64_t size_bytes; /* in the load list; PLAN_NO_SIZE where the block is not in it */
	uint64_t weight_size_bytes; /* weight and bias; PLAN_NO_SIZE where the module has no weight */
	bool has_bias; /* the module has a bias attribute, None counting as one */
};

struct plan_device {
	const char *name;
	uint64_t total_bytes;
};

/* What a version of the planner does; see versions.h. By name, as --planner takes it; NULL if unknown. */
struct plan_rules;
const struct plan_rules *plan_rules_find(const char *name);

/* How the expert part of the string was understood. */
#define PLAN_MODES(X)                                                                                                          \
	X(VVRAM, "vvram") /* no expert part: so many GiB move from the recipient to the donors */                              \
	X(BYTE, "byte") /* bytes of the model per device, one wildcard takes the rest */                                       \
	X(RATIO, "ratio") /* shares of the model */                                                                            \
	X(FRACTION, "fraction") /* fractions of each device's memory */

enum plan_mode {
#define PLAN_MODE_ENUM(name, text) PLAN_##name,
	PLAN_MODES(PLAN_MODE_ENUM)
#undef PLAN_MODE_ENUM
		PLAN_MODE_COUNT
};

/* Why a block is where it is. */
#define PLAN_REASONS(X)                                                                                                        \
	X(UNLISTED, "unlisted", "not in the load list: goes where the model is loaded")                                        \
	X(FITTED, "fitted", "first device in name order with room left in its quota, walking from the model's tail")           \
	X(ORPHAN, "orphan", "no device had room left in its quota: stays on the compute device")                               \
	X(TINY, "tiny", "under 0.01 % of the model: stays on the compute device")                                              \
	X(NO_BIAS, "no_bias", "its module has no bias attribute: stays on the compute device")                                 \
	X(HEAD, "head", "an embedding of a text encoder: stays on the compute device")                                         \
	X(SLICE, "slice", "in the device's slice of the layers, by count")                                                     \
	X(RUN, "run", "in the device's run: consecutive blocks, as many as its quota holds")                                   \
	X(OVERFLOW, "overflow", "past every quota: whole blocks do not fill quotas, and the last run takes what is left")      \
	X(UNPLACED, "unplaced", "no device has a quota: goes where the model is loaded")

enum plan_reason {
#define PLAN_REASON_ENUM(name, text, words) PLAN_REASON_##name,
	PLAN_REASONS(PLAN_REASON_ENUM)
#undef PLAN_REASON_ENUM
		PLAN_REASON_COUNT
};

const char *plan_mode_name(enum plan_mode mode);
const char *plan_reason_name(enum plan_reason reason);
const char *plan_reason_words(enum plan_reason reason);

/* All borrowed. */
struct plan_request {
	const struct plan_rules *rules;
	const char *allocation;
	bool is_clip;
	bool five_fields; /* the load list has the fifth field */
	const struct plan_block *blocks; /* in module registration order */
	size_t block_count;
	const struct plan_device *devices; /* in device-list order; `cpu` is the host's memory */
	size_t device_count;
};

/* One row of the device table, in table order. */
struct plan_share {
	char *name; /* as in the string: `cuda` and `cuda:0` are two rows */
	double total_bytes;
	double fraction; /* of the device's memory; may be negative, above 1 or NaN */
	double quota_bytes;
	double left_bytes; /* of the quota, after placement */
	uint64_t block_count;
	double block_bytes; /* V1: an estimate, from the mean size of each layer type */
};

/* Owns all it points to; freed with plan_free(). */
struct plan {
	const struct plan_rules *rules;
	enum plan_mode mode;
	char *compute; /* as in the string; "" or a name that is in no row is possible while no block goes there */
	char *converted; /* what the mode made of the expert part; NULL in fraction mode */
	char *final; /* after absent devices were appended */
	struct plan_share *shares;
	size_t share_count, share_capacity;
	size_t *donor_order; /* shares in the order in which they are filled: by name, cpu last */
	size_t compute_share; /* SIZE_MAX where the compute device has no row */
	uint64_t total_bytes; /* of the load list (V1: of weights and biases) */
	uint64_t model_size_bytes; /* of weights and biases, listed or not */
	double threshold_bytes; /* below it a block is tiny */
	size_t distributed_count, tiny_count, head_count;
	uint64_t head_bytes;
	unsigned warning_count; /* lines that upstream logs as warnings */
	size_t block_count;
	uint32_t *share_of; /* per block: its row, or PLAN_NO_DEVICE */
	uint8_t *reason_of; /* per block: enum plan_reason */
	uint32_t *order; /* block indexes in the order of assignment */
	size_t order_count;
};

/* The caller frees. NULL on failure: `failure` (may be NULL) says what upstream would raise. */
struct plan *plan_make(const struct plan_request *request, struct plan_failure *failure, struct error *e);
void plan_free(struct plan *plan);

/* The device of the list that a row of the table means: the one of that name, else cuda:0 for what begins with `cuda` and cpu for the
 * rest, as upstream sizes them. SIZE_MAX where the list has none. */
size_t plan_device_of_share(const struct plan_share *share, const struct plan_device *devices, size_t device_count);
/* Bytes of the blocks that all rows that mean a device are to hold: `cuda` and `cuda:0` are two rows and one device. */
double plan_device_bytes(const struct plan *plan, const struct plan_device *devices, size_t device_count, size_t device);

#endif
