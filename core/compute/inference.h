/* inference.h - what the nodes of a workflow ask of the forward passes.
 *
 * Every family's forward is written once against the operations table (ops.h): on host it computes, on sim it costs time and
 * memory. Weights that wait on another device are brought to the compute device block by block and dropped after use (sync
 * mode, as upstream does). Results are tensors in float32 on cpu, so that they do not depend on where anything was placed.
 */
#ifndef RESIDENCY_COMPUTE_INFERENCE_H
#define RESIDENCY_COMPUTE_INFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/patch/patch.h"

/* A dense float32 tensor in main memory; `values` is NULL on a backend that only counts bytes (shapes still hold). */
struct values {
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
	float *values;
};

void values_free(struct values *values);

/* Zeros of a shape; no values on a backend that only counts bytes. */
bool values_new(struct values *values, const struct machine *machine, unsigned rank, const int64_t *shape, struct error *e);
size_t values_count(const struct values *values);

/* XXH3-128 of shape and bytes, as 32 hexadecimal digits; "" where there are no values. */
#define VALUES_HASH_MAX 33
void values_hash(const struct values *values, char hash[VALUES_HASH_MAX]);

/* Images [b, height, width, 3] in 0..1 to a PNG file, one below the other; 8 bits, rounded down as ComfyUI does. */
bool values_write_png(const struct values *image, const char *path, struct error *e);

struct conditioning {
	struct values cond; /* [1, tokens, channels] */
	struct values pooled; /* [1, channels] */
	double guidance; /* NAN where none was set */
};

void compute_conditioning_free(struct conditioning *conditioning);

/* Told what a sampler does, for tests: "x", "x0", "model_in", "model_denoised" of a step, as values. */
struct sample_tap {
	void *context;
	void (*told)(void *context, const char *name, unsigned step, const float *values, size_t count);
};

struct compute;

/* A use of a model whose family has no forward, on a machine without bytes. */
struct price_request {
	enum price_kind {
		PRICE_ENCODE, /* a text */
		PRICE_STEP, /* one evaluation of a network that denoises */
		PRICE_DECODE /* a latent */
	} kind;
	const struct values *latent; /* of a step and of decoding: [batch, channels, ...] */
	int64_t rows; /* conditionings in one batch */
};

struct inference {
	struct machine *machine;
	const struct sample_tap *tap; /* may be NULL */
	const struct observer *observer; /* steps are told to it; may be NULL */
	const struct patch_pending *pending; /* patches for the model's weights when they are used; may be NULL */
	unsigned sampler_run; /* counts sampler runs, for step events */
	const bool *interrupted; /* polled between steps; may be NULL */
	bool (*before_step)(void *context, struct error *e); /* false ends the run; may be NULL */
	void *step_context;
	/* Charges a pass of c's model to its stream: weights as they lie, work as far as it is known. NULL: models without a forward
	 * are rejected. */
	bool (*price)(void *context, struct compute *c, const struct price_request *request);
	void *price_context;
};

struct sample_request {
	const char *sampler; /* "euler" */
	const float *sigmas; /* sigma_count values, the last usually 0 */
	size_t sigma_count;
	double cfg; /* 1: the negative is not evaluated */
	const struct conditioning *positive;
	const struct conditioning *negative; /* may be NULL when cfg is 1 */
	const struct values *latent; /* [batch, channels, height, width] */
	uint64_t seed;
	bool add_noise;
};

/* Whether the machine only simulates and the caller prices what has no forward. */
bool inference_prices(const struct inference *inference);

/* Text to conditioning with a CLIP-kind model on `compute`. */
bool inference_encode_text(struct inference *inference, const struct model *clip, struct device *compute, const char *text,
			   struct conditioning *out, struct error *e);

/* The sigma table's schedule for a model: "simple" or "normal", steps + 1 values, the last 0. shift NAN is the model's own. The
 * caller frees *sigmas. */
bool inference_sigmas(const struct inference *inference, const struct model *unet, double shift, const char *scheduler,
		      unsigned steps, double denoise, float **sigmas, size_t *sigma_count, struct error *e);

bool inference_sample(struct inference *inference, const struct model *unet, struct device *compute,
		      const struct sample_request *request, struct values *out, struct error *e);

/* Latent [b, c, h, w] to image [b, height, width, 3] in 0..1. */
bool inference_decode(struct inference *inference, const struct model *vae, struct device *compute, const struct values *latent,
		      struct values *image, struct error *e);

#endif
