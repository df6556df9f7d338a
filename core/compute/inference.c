#include "core/compute/inference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/compute/forwards/autoencoder.h"
#include "core/compute/forwards/flux.h"
#include "core/compute/text/text.h"
#include "core/compute/text/tokenizer.h"

#define CLIP_LENGTH 77u
#define T5_LENGTH 256u /* FLUX pads to this */
#define T5_RESERVED 3 /* pad, end, unknown */

static bool refuse(const struct model *model, const char *use, struct error *e)
{
	return error_set(e, ERROR_UNSUPPORTED, "%s cannot be used as %s%s%s", model->name, use,
			 model->family ? ": it is a " : "", model->family ? model->family->name : "");
}

/* ---- text ---- */

static bool encode_clip(struct inference *inference, const struct model *model, const struct clip_config *config,
			const char *prefix, struct device *device, const char *text, struct values *cond, struct values *pooled,
			struct error *e)
{
	int64_t ids[CLIP_LENGTH];
	struct tokens tokens = { .ids = ids, .rows = 1, .length = CLIP_LENGTH };
	struct compute c;
	size_t used;

	ids[0] = config->start_token;
	used = 1 + tokenize_words(text, 0, config->start_token, ids + 1, CLIP_LENGTH - 2);
	ids[used++] = config->end_token;
	while (used < CLIP_LENGTH)
		ids[used++] = config->pad_token;
	if (!values_new(cond, inference->machine, 3, (int64_t[]) { 1, CLIP_LENGTH, config->hidden }, e) ||
	    !values_new(pooled, inference->machine, 2, (int64_t[]) { 1, config->hidden }, e))
		return false;
	compute_begin(&c, model, device, DTYPE_F32, e);
	c.prefix = prefix;
	c.pending = inference->pending;
	clip_encode(&c, config, &tokens, &(struct clip_options) { .project = false }, cond->values, pooled->values);
	return compute_end(&c);
}

static bool encode_t5(struct inference *inference, const struct model *model, const struct t5_config *config,
		      const char *prefix, struct device *device, const char *text, struct values *cond, struct error *e)
{
	int64_t ids[T5_LENGTH];
	struct tokens tokens = { .ids = ids, .rows = 1, .length = T5_LENGTH };
	struct compute c;
	size_t used = tokenize_words(text, T5_RESERVED, config->vocabulary - T5_RESERVED, ids, T5_LENGTH - 1);

	ids[used++] = config->end_token;
	while (used < T5_LENGTH)
		ids[used++] = config->pad_token;
	if (!values_new(cond, inference->machine, 3, (int64_t[]) { 1, T5_LENGTH, config->width }, e))
		return false;
	compute_begin(&c, model, device, DTYPE_F32, e);
	c.prefix = prefix;
	c.pending = inference->pending;
	t5_encode(&c, config, &tokens, false, cond->values);
	return compute_end(&c);
}

bool inference_encode_text(struct inference *inference, const struct model *clip, struct device *device, const char *text,
			   struct conditioning *out, struct error *e)
{
	bool fine;

	*out = (struct conditioning) { .guidance = NAN };
	if (clip->family == &family_flux_text) {
		const struct flux_text_config *config = clip->config;
		struct values unused = { .rank = 0 };

		fine = encode_clip(inference, clip, &config->clip, "clip_l.", device, text, &unused, &out->pooled, e) &&
		       encode_t5(inference, clip, &config->t5, "t5xxl.", device, text, &out->cond, e);
		values_free(&unused);
	} else if (clip->family == &family_clip_l) {
		fine = encode_clip(inference, clip, clip->config, "", device, text, &out->cond, &out->pooled, e);
	} else {
		return refuse(clip, "a text encoder", e);
	}
	if (!fine)
		conditioning_free(out);
	return fine;
}

/* ---- decode ---- */

/* [b, 3, h, w] in 0..1 to [b, h, w, 3]. */
static struct tensor *channels_last(struct compute *c, struct tensor *x)
{
	int64_t places;
	struct view view;

	if (c->failed)
		return NULL;
	places = x->shape[2] * x->shape[3];
	view = (struct view) { .rank = 4,
			       .shape = { x->shape[0], x->shape[2], x->shape[3], x->shape[1] },
			       .stride = { x->shape[1] * places, x->shape[3], 1, places } };
	return compute_replace(c, x, compute_gather(c, x, &view));
}

bool inference_decode(struct inference *inference, const struct model *vae, struct device *device, const struct values *latent,
		      struct values *image, struct error *e)
{
	const struct autoencoder_config *config = vae->config;
	struct compute c;
	struct tensor *x;

	*image = (struct values) { .rank = 0 };
	if (vae->family != &family_flux_ae)
		return refuse(vae, "a VAE", e);
	if (latent->rank != 4 || latent->shape[1] != config->latent_channels)
		return error_set(e, ERROR_NODE, "%s decodes latents of %lld channels, not of %lld", vae->name,
				 (long long)config->latent_channels, (long long)(latent->rank == 4 ? latent->shape[1] : 0));
	compute_begin(&c, vae, device, compute_dtype_of(vae), e);
	x = autoencoder_decode(&c, config, compute_upload(&c, latent->values, 4, latent->shape));
	x = compute_replace(&c, x, compute_unary(&c, UNARY_IMAGE, x));
	x = channels_last(&c, x);
	if (x && values_new(image, inference->machine, 4, x->shape, e))
		compute_download(&c, x, image->values);
	else
		c.failed = true;
	if (compute_end(&c))
		return true;
	values_free(image);
	return false;
}
