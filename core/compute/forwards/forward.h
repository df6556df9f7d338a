/* forward.h - what general code asks of a family's forward.
 *
 * A forward is one row: whose it is, what it does, and what else upstream says of the family where it is used: shapes, the
 * latent's scale, how noise levels are spaced, what conditions it takes. A row is the last definition of its forward's file and
 * stands in the list of forward.c. Families without a row can be loaded, placed and priced (core/plan), but not run.
 *
 * Rows are constant and may be read from any thread.
 */
#ifndef RESIDENCY_COMPUTE_FORWARD_H
#define RESIDENCY_COMPUTE_FORWARD_H

#include "core/compute/compute.h"
#include "core/compute/inference.h"
#include "core/compute/schedule/schedule.h"
#include "core/model/families/family.h"

enum forward_kind {
	FORWARD_ENCODE, /* text to conditioning */
	FORWARD_STEP, /* noisy latent to what the network says of it */
	FORWARD_DECODE /* latent to image */
};

/* A reference image's latent (Kontext): [batch, channels, height, width]. */
struct reference_latent {
	const float *values;
	int64_t height, width;
};

/* One evaluation of a network that denoises. Values may be NULL on a backend that only counts bytes. */
struct denoise_request {
	const float *x; /* [batch, latent_channels, height, width], any height and width */
	int64_t batch, height, width;
	const float *timesteps; /* [batch]: sigma */
	const float *context; /* [batch, tokens, context_channels] */
	int64_t tokens;
	const float *pooled; /* [batch, pooled_channels] */
	const float *guidance; /* [batch]; NULL: the network's guidance is not used */
	const struct reference_latent *references;
	size_t reference_count;
	bool references_by_index; /* ids count 1, 2, ...; else they are laid out beside each other */
};

/* Channels that a model of the family takes. */
struct forward_shapes {
	int64_t latent, context, pooled; /* decoders have a latent alone */
};

struct forward {
	const struct family *family;
	enum forward_kind kind;

	/* Of a step or a decode. */
	struct forward_shapes (*shapes)(const void *config);

	/* Of a step. */
	double latent_scale, latent_shift; /* upstream's latent format: the network sees (latent - shift) * scale */
	enum sampling_type sampling;
	double sampling_shift; /* where nothing patches it */
	double sampling_multiplier;
	double guidance; /* where the conditioning has none */
	int64_t context_tokens; /* what the family's text encoder gives */

	/* One of three, by kind. A tensor is NULL when the pass failed. `out` is freed by the caller, failed or not. */
	bool (*encode)(struct inference *inference, const struct model *model, struct device *device, const char *text,
		       struct conditioning *out, struct error *e);
	struct tensor *(*step)(struct compute *c, const struct denoise_request *request); /* [batch, latent, height, width] */
	struct tensor *(*decode)(struct compute *c, struct tensor *z); /* consumes z; [batch, 3, height, width] in -1 .. 1 */
};

/* Each is a row that ends a file. */
#define FORWARDS(X)                                                                                                            \
	X(flux_step)                                                                                                           \
	X(flux_ae_decode)                                                                                                      \
	X(clip_l_encode)                                                                                                       \
	X(flux_text_encode)

#define FORWARD_DECLARE(name) extern const struct forward forward_##name;
FORWARDS(FORWARD_DECLARE)
#undef FORWARD_DECLARE

/* NULL-terminated. */
extern const struct forward *const forwards[];

/* The row of a model's family; NULL if it has no forward, or the model no family. */
const struct forward *forward_find(const struct model *model, enum forward_kind kind);

#endif
