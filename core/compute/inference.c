/* inference.c - text encoding and decoding, by the row of the model's family (forwards/forward.h).
 *
 * A model whose family has no such row is priced where the machine only simulates (price_request), and else rejected by name. Decoding also turns the decoder's planes in -1 .. 1 into an image
 * in 0 .. 1 with the channels last, as ComfyUI hands images on.
 */
#include "core/compute/inference.h"

#include <math.h>

#include "core/compute/forwards/forward.h"

static bool refuse(const struct model *model, const char *use, struct error *e)
{
	return error_set(e, ERROR_UNSUPPORTED, "%s cannot be used as %s%s%s", model->name, use,
			 model->family ? ": it is a " : "", model->family ? model->family->name : "");
}

bool inference_prices(const struct inference *inference)
{
	return inference->price && !machine_backend(inference->machine)->bytes_exist;
}

/* One priced pass of the model. */
static bool price(const struct inference *inference, const struct model *model, struct device *device,
		  const struct price_request *request, struct error *e)
{
	struct compute c;

	compute_begin(&c, model, device, compute_dtype_of(model), e);
	c.pending = inference->pending;
	if (!inference->price(inference->price_context, &c, request))
		c.failed = true;
	return compute_end(&c);
}

#define PRICED_TOKENS 256

/* A conditioning of some tokens; no family states its channels. */
static bool price_text(const struct inference *inference, const struct model *clip, struct device *device,
		       struct conditioning *out, struct error *e)
{
	struct price_request request = { .kind = PRICE_ENCODE, .rows = 1 };

	if (price(inference, clip, device, &request, e) &&
	    values_new(&out->cond, inference->machine, 3, (int64_t[]) { 1, PRICED_TOKENS, 1 }, e) &&
	    values_new(&out->pooled, inference->machine, 2, (int64_t[]) { 1, 1 }, e))
		return true;
	compute_conditioning_free(out);
	return false;
}

/* Images of eight pixels a side for each of the latent, frames after one another. */
static bool price_decoding(const struct inference *inference, const struct model *vae, struct device *device,
			   const struct values *latent, struct values *image, struct error *e)
{
	struct price_request request = { .kind = PRICE_DECODE, .latent = latent, .rows = 1 };
	int64_t shape[4] = { 1, 1, 1, 3 };

	if (latent->rank > 0)
		shape[0] = latent->shape[0];
	if (latent->rank >= 4) {
		shape[1] = 8 * latent->shape[latent->rank - 2];
		shape[2] = 8 * latent->shape[latent->rank - 1];
	}
	return price(inference, vae, device, &request, e) && values_new(image, inference->machine, 4, shape, e);
}

bool inference_encode_text(struct inference *inference, const struct model *clip, struct device *device, const char *text,
			   struct conditioning *out, struct error *e)
{
	const struct forward *forward = forward_find(clip, FORWARD_ENCODE);

	*out = (struct conditioning) { .guidance = NAN };
	if (!forward && inference_prices(inference))
		return price_text(inference, clip, device, out, e);
	if (!forward)
		return refuse(clip, "a text encoder", e);
	if (forward->encode(inference, clip, device, text, out, e))
		return true;
	compute_conditioning_free(out);
	return false;
}

/* [b, 3, h, w] in 0..1 to [b, h, w, 3]. */
static struct tensor *channels_last(struct compute *c, struct tensor *x)
{
	int64_t batch = tensor_size(x, 0);
	int64_t channels = tensor_size(x, 1);
	int64_t height = tensor_size(x, 2);
	int64_t width = tensor_size(x, 3);
	int64_t places = height * width;
	struct view view = { .rank = 4,
			     .shape = { batch, height, width, channels },
			     .stride = { channels * places, width, 1, places } };

	return compute_gather(c, x, &view);
}

bool inference_decode(struct inference *inference, const struct model *vae, struct device *device, const struct values *latent,
		      struct values *image, struct error *e)
{
	const struct forward *forward = forward_find(vae, FORWARD_DECODE);
	struct compute c;
	int64_t channels;
	struct tensor *x;

	*image = (struct values) { .rank = 0 };
	if (!forward && !inference_prices(inference))
		return refuse(vae, "a VAE", e);
	channels = forward ? forward->shapes(vae->config).latent : 0;
	if (inference_prices(inference) && (!forward || latent->rank != 4 || latent->shape[1] != channels))
		return price_decoding(inference, vae, device, latent, image, e);
	if (latent->rank != 4 || latent->shape[1] != channels)
		return error_set(e, ERROR_NODE, "%s decodes latents of %lld channels, not of %lld", vae->name,
				 (long long)channels, (long long)(latent->rank == 4 ? latent->shape[1] : 0));
	compute_begin(&c, vae, device, compute_dtype_of(vae), e);
	x = forward->decode(&c, compute_upload(&c, latent->values, 4, latent->shape));
	x = channels_last(&c, compute_unary(&c, UNARY_IMAGE, x));
	if (x && values_new(image, inference->machine, 4, x->shape, e))
		compute_download(&c, x, image->values);
	else
		c.failed = true;
	if (compute_end(&c))
		return true;
	values_free(image);
	return false;
}
