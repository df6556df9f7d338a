/* flux_tokens.h - images as FLUX's tokens, and the angles of its rotary embedding. Private to core/compute.
 *
 * As in compute.h, tensors given are taken over, tensors returned are the caller's, and NULL means that the pass failed.
 */
#ifndef RESIDENCY_COMPUTE_FLUX_TOKENS_H
#define RESIDENCY_COMPUTE_FLUX_TOKENS_H

#include "core/compute/forwards/forward.h"

/* A latent [batch, in_channels, height, width], made even, as [batch, tokens, 4 * in_channels]. */
struct tensor *flux_tokens(struct compute *c, const float *values, int64_t batch, int64_t height, int64_t width);

/* Tokens back to an image of height x width, cut from the even one. */
struct tensor *flux_image(struct compute *c, struct tensor *x, int64_t channels, int64_t height, int64_t width);

/* Cosine and sine of every token's angles, [tokens, pairs of a head, 2] in float32: text, image, references. `tokens` counts
 * them all. */
struct tensor *flux_angles(struct compute *c, const struct denoise_request *request, int64_t tokens);

#endif
