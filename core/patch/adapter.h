/* adapter.h - what a LoRA file does to one weight: an adapter, of one of a few kinds. Private to core/patch.
 *
 * A kind says by which suffixes its tensors hang on a module's name, and how they change a weight. Most give a difference, which
 * is scaled and added (LoRA and LoCon, LoHa, LoKr, GLoRA, OFT, BOFT), or decomposed where the file has a dora_scale; `diff` adds
 * its tensor as it is, `set` puts it in the weight's place. One file a kind, ended by its table.
 *
 * Values are kept as float32 and rounded, after each operation that upstream does in a smaller type, to that type: a result has
 * upstream's bits where the order of summation is given, and else differs by that order alone.
 */
#ifndef RESIDENCY_PATCH_ADAPTER_H
#define RESIDENCY_PATCH_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/model.h"
#include "core/patch/keys/key_map.h"
#include "core/tensor/dtype/dtype.h"
#include "core/tensor/safetensors/safetensors.h"

#define ADAPTER_PARTS_MAX 9
#define ADAPTER_SPELLINGS_MAX 7

struct adapter_kind;

struct adapter {
	const struct adapter_kind *kind;
	const char *file; /* for messages and seeds; borrowed, as everything here */
	const struct safetensors_tensor *parts[ADAPTER_PARTS_MAX]; /* as the kind numbers them; NULL: absent */
	const struct safetensors_tensor *dora_scale;
	const struct safetensors_tensor *reshape; /* the shape that the weight is first padded to with zeros */
	double alpha; /* NAN: the file has none */
	size_t parameter; /* of the model */
	const char *key; /* the parameter's */
	struct slice slice;
	bool swaps_halves;
	size_t order; /* in the file's key map; private to matching */
};

/* A weight while it is changed: values, owned, and the type that they are rounded to. */
struct weight_values {
	float *values;
	enum dtype dtype; /* F32, F16 or BF16 */
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
};

size_t adapter_weight_count(const struct weight_values *weight);

/* One adapter on one weight. */
struct change {
	const struct adapter *adapter;
	struct weight_values *weight; /* or the slice of one: values are then not its own */
	enum dtype dtype; /* that differences are computed in */
	double strength;
	bool as_upstream; /* fails where upstream's code does */
};

/* What is added, before it is scaled. */
struct difference {
	float *values; /* as many as the weight has; the caller frees */
	double alpha;
};

enum adapter_role { PART_OPTIONAL, PART_NEEDED, PART_SIGNAL };

struct adapter_part {
	const char *suffixes[ADAPTER_SPELLINGS_MAX];
	enum adapter_role role; /* an adapter is there when a signal is; then what is needed must be, too */
	unsigned rank; /* of the tensor; 0: any */
};

struct adapter_kind {
	const char *name;
	struct adapter_part parts[ADAPTER_PARTS_MAX];
	bool of_bias; /* changes the bias of the module that it names */
	bool may_reshape; /* a reshape_weight beside it counts */
	/* One of the two. On failure the weight may be half changed; ERROR_FORMAT or ERROR_UNSUPPORTED where tensors do not fit. */
	bool (*difference)(const struct change *change, struct difference *difference, struct error *e);
	bool (*apply)(const struct change *change, struct error *e);
};

/* In upstream's order: where a file has two kinds for one weight, the later counts. NULL ends them. */
extern const struct adapter_kind *const adapter_kinds[];
extern const struct adapter_kind kind_lora, kind_loha, kind_lokr, kind_glora, kind_oft, kind_boft, kind_norm, kind_norm_bias,
	kind_diff, kind_diff_bias, kind_set;

/* Generated from the file's name; in no file. */
extern const struct adapter_kind kind_synthetic;

/* Changes a weight. ERROR_FORMAT, ERROR_UNSUPPORTED: the adapter does not fit, and the weight may be half changed. */
bool adapter_apply(const struct change *change, struct error *e);

/* ---- for kinds ---- */

/* A part's values, rounded to the type that differences are computed in. NULL on failure; the caller frees. */
float *adapter_part_values(const struct change *change, unsigned part, struct error *e);

/* "FILE: TENSOR, at byte N, does not fit KEY: WHY". Returns false. */
__attribute__((format(printf, 4, 5))) bool adapter_misfit(const struct change *change, unsigned part, struct error *e,
							  const char *why, ...);

/* alpha / rank, or 1 where the file has no alpha. */
double adapter_alpha(const struct change *change, uint64_t rank);

/* A tensor's rows, and the product of its other dimensions. */
uint64_t adapter_tensor_rows(const struct safetensors_tensor *tensor);
uint64_t adapter_tensor_columns(const struct safetensors_tensor *tensor);

/* Replaces the weight's values by what a DoRA adapter makes of weight and difference (dora.c). */
bool dora_apply(const struct change *change, const struct difference *difference, struct error *e);

/* The element of a difference that goes to an element of the weight: the other half's where halves are swapped. */
static inline size_t adapter_change_source(const struct change *change, size_t count, size_t i)
{
	if (!change->adapter->swaps_halves)
		return i;
	return i < count / 2 ? i + (count - count / 2) : i - count / 2;
}

#endif
