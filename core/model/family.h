/* family.h - what kinds of models there are: their configurations and the modules that follow from them.
 *
 * A family is one table. Its configuration is a plain struct of the family's own, kept in model->config; it is read from JSON
 * (the same members as the model's own config files use) and describes the modules by names, shapes and order. The forward
 * passes (core/compute) take it from there.
 */
#ifndef RESIDENCY_MODEL_FAMILY_H
#define RESIDENCY_MODEL_FAMILY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/architecture.h"
#include "core/model/model.h"

struct family {
	const char *name;
	const char *summary; /* one line */
	enum model_kind kind;
	const char *memory_class; /* whose formulas say what using it takes (memory_estimate.h); NULL: nobody's */
	size_t config_size_bytes;
	bool (*read_config)(void *config, const json_t *object, const char *where, struct error *e);
	void (*describe)(const void *config, struct architecture *a);
};

/* FLUX.1: the transformer. */
struct flux_config {
	int64_t in_channels; /* of the latent, 16; four of its pixels make a token */
	int64_t hidden, heads, mlp_ratio;
	int64_t depth, single_depth;
	int64_t context_channels, pooled_channels;
	int64_t axes[3]; /* rotary dimensions of id, row, column; their sum is the head's width */
	double theta;
	bool guidance;
};

/* CLIP's text model. */
struct clip_config {
	int64_t layers, hidden, heads, intermediate, positions, vocabulary;
	int64_t start_token, end_token, pad_token;
	bool quick_gelu; /* else gelu_erf */
};

/* T5's encoder. umt5-like tables per layer are not of this family. */
struct t5_config {
	int64_t layers, width, intermediate, heads, head_width, vocabulary;
	int64_t end_token, pad_token;
};

/* What a DualCLIPLoader gives for FLUX: both under one patcher. */
struct flux_text_config {
	struct clip_config clip; /* prefix "clip_l." */
	struct t5_config t5; /* prefix "t5xxl." */
};

/* AutoencoderKL without quantisation convolutions. */
#define AUTOENCODER_LEVELS_MAX 8
struct autoencoder_config {
	int64_t channels, latent_channels, image_channels, blocks;
	int64_t multipliers[AUTOENCODER_LEVELS_MAX];
	int64_t levels;
	double scale, shift; /* of the latent format: latent = (x - shift) * scale */
};

extern const struct family family_flux;
extern const struct family family_clip_l;
extern const struct family family_t5;
extern const struct family family_flux_text;
extern const struct family family_flux_ae;

/* NULL-terminated. */
extern const struct family *const families[];
const struct family *family_find(const char *name);

#endif
