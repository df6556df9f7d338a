/* patch.h - LoRAs put into a model's weights, and taken out again so that the first bytes are back.
 *
 * Load time: a parameter is patched on the compute device before its block goes to the device where it waits (load, patch,
 * distribute). Its bytes are kept as they were; then its values become float32, each adapter is applied in order, and the result
 * is brought to the parameter's type: to nearest, or for fp8 by stochastic rounding seeded with the CRC-32 of the parameter's full
 * name, so that the bits are the same every time. A weight with a scale beside it (".scale_weight") is patched as what it stands for.
 *
 * Run time: a weight that is cast when it is used gets the change in its copy. Upstream computes it there in the type that the pass
 * computes in, so that the model differs a little by where its weights wait; by our rules the copy has the bits that the weight
 * would have. A quantised weight, which has no such bits, is patched so in every case: dequantised, brought to the pass's type, and
 * the change, formed in float32, added; its bytes never change.
 */
#ifndef RESIDENCY_PATCH_PATCH_H
#define RESIDENCY_PATCH_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/patch/lora/lora.h"

/* How upstream and we differ. */
struct patch_rules {
	/* An adapter that does not fit, or that upstream's code cannot apply, is logged and left out, and the weight stays without it.
	 * Else it is an error. */
	bool skips_misfits;
	/* A copy is patched in the type that it is used in. Else in float32 and rounded as the weight would be. */
	bool copies_in_compute_type;
	/* A patched block of a model that is mostly fp8, distributed to the cpu with high_precision_loras off, is rounded again to
	 * F8_E4M3, whatever it was, with seed 0. */
	bool rounds_again;
};

extern const struct patch_rules patch_rules_upstream, patch_rules_ours;

/* One LoRA on a model. */
struct patch_use {
	struct lora_match *match; /* owned */
	double strength; /* of the change */
	double strength_model; /* what the weight is multiplied by first; 1 everywhere but in tests of it */
};

/* They own nothing of their own. */
struct patch_list {
	const struct patch_use *uses; /* in the order in which they are applied */
	size_t use_count;
	const struct patch_rules *rules; /* NULL: ours */
	const struct log_sink *log; /* may be NULL */
};

/* Whether any of the LoRAs changes the parameter. */
bool patch_covers(const struct patch_list *list, size_t parameter);

/* Applies all adapters of a parameter to a weight; differences are computed in `dtype`. The seeds and casts are the caller's. */
bool patch_weight(const struct patch_list *list, size_t parameter, struct weight_values *weight, enum dtype dtype,
		  struct error *e);

/* The shape that a parameter has after its patches; false where it stays as it is. */
bool patch_reshaped(const struct patch_list *list, size_t parameter, unsigned rank, const int64_t *from, int64_t *shape);

/* A parameter as it was: bytes, type and shape. */
struct patch_backup {
	void *bytes; /* NULL on a backend that only counts bytes */
	uint64_t size_bytes;
	enum dtype dtype;
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
};

/* A parameter as it is now, for patch_restore. The caller frees by restoring or with free(backup->bytes). */
bool patch_keep(const struct model *model, size_t parameter, struct patch_backup *backup, struct error *e);

/* Puts back what was kept, wherever the parameter is now, and empties the backup. Fails only where a weight of another size finds no
 * memory: then it is as it was. */
bool patch_restore(struct model *model, size_t parameter, struct patch_backup *backup, struct error *e);

/* Changes a parameter where it is. On failure it is as it was. On a backend that only counts bytes it costs the time. */
bool patch_parameter(struct model *model, size_t parameter, const struct patch_list *list, struct error *e);

/* Rounds all parameters of a block again to F8_E4M3 (patch_rules.rounds_again). Crashes upstream where a scale is beside a weight:
 * ERROR_UNSUPPORTED here. */
bool patch_round_again(struct model *model, size_t block, struct error *e);

/* Whether most of a model's bytes are fp8. */
bool patch_is_mostly_fp8(const struct model *model);

/* A copy of a parameter with the change: from its bytes, wherever they are, to values for a pass that computes in `dtype`. */
bool patch_copy(const struct model *model, size_t parameter, const struct patch_list *list, enum dtype dtype, const void *bytes,
		float *values, struct error *e);

/* What a patch of a parameter costs a device that has no bytes. */
struct kernel_cost patch_cost(const struct parameter *parameter, size_t use_count);

/* Patches that are wanted and not in the weights: they are applied to a weight's copy when it is used. All borrowed. */
struct patch_pending {
	struct patch_list list;
	const bool *wanted, *done; /* by parameter; wanted is NULL where there are none */
};

static inline bool patch_is_pending(const struct patch_pending *pending, size_t parameter)
{
	return pending && pending->wanted && pending->wanted[parameter] && !pending->done[parameter];
}

#endif
