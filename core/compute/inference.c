/* inference.c - text encoding and decoding, by the row of the model's family (forwards/forward.h).
 *
 * A model whose family has no such row is rejected by name. Decoding also turns the decoder's planes in -1 .. 1 into an image
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

bool inference_encode_text(struct inference *inference, const struct model *clip, struct device *device, const char *text,
			   struct conditioning *out, struct error *e)
{
	const struct forward *forward = forward_find(clip, FORWARD_ENCODE);

	*out = (struct conditioning) { .guidance = NAN };
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
	if (!forward)
		return refuse(vae, "a VAE", e);
	channels = forward->shapes(vae->config).latent;
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
