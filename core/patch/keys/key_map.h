/* key_map.h - which parameter of a model a name in a LoRA file means.
 *
 * A LoRA file names modules ("lora_unet_double_blocks_0_img_attn_qkv", "transformer.transformer_blocks.0.attn.to_q") and hangs
 * suffixes on them (adapter.h). A model answers to several ways of naming: the plain one, kohya's, diffusers', the families' own.
 * The names follow from the names of the model's parameters by rules (key_rules_*.c); no configuration is needed.
 *
 * A name may mean a slice of rows only: where diffusers has q, k and v, the model has one product. It may stand for a parameter
 * that this model has not got; upstream's tables hold such names, and so do ours.
 */
#ifndef RESIDENCY_PATCH_KEY_MAP_H
#define RESIDENCY_PATCH_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define KEY_ABSENT SIZE_MAX

/* A parameter by its full name in upstream's model: "diffusion_model.img_in.weight", "clip_l.transformer. ...". */
struct key_target {
	const char *key;
	unsigned rank;
	const int64_t *shape;
};

/* Rows of a weight; count 0: all. */
struct slice {
	int64_t first, count;
};

struct key_entry {
	const char *name; /* as in a LoRA file, without a suffix */
	const char *key; /* the parameter's */
	size_t target; /* its index, KEY_ABSENT if the model has none of this name */
	struct slice slice;
	bool swaps_halves; /* diffusers keeps scale before shift here, the model shift before scale */
	size_t order; /* where two names mean the same, the one added later counts */
};

struct key_map;

/* Targets are borrowed and must outlive the map. The caller frees. */
struct key_map *key_map_new(const struct key_target *targets, size_t count, struct error *e);
void key_map_free(struct key_map *map);

/* By name, the first `length` bytes of it; NULL if not found. */
const struct key_entry *key_map_find(const struct key_map *map, const char *name, size_t length);

/* All of them, sorted by name. */
const struct key_entry *key_map_entries(const struct key_map *map, size_t *count);

/* The index of a parameter by its key, KEY_ABSENT if not found. */
size_t key_map_target(const struct key_map *map, const char *key);
const char *key_map_key(const struct key_map *map, size_t target);

#endif
