/* text_encoders.c - text to conditioning, for each family of text encoders.
 *
 * A prompt becomes one row of token ids: words are hashed to ids (tokenizer.h), the row is ended and padded to the length that
 * upstream pads to, and the encoder runs over it in float32. FLUX has two encoders under one patcher: T5 gives the tokens,
 * CLIP-L the pooled vector; each finds its weights behind a prefix of its own.
 */
#include "core/compute/forwards/forward.h"
#include "core/compute/text/text.h"
#include "core/compute/text/tokenizer.h"
#include "core/model/families/family_text.h"

#define CLIP_LENGTH 77u
#define T5_LENGTH 256u /* FLUX pads to this */
#define T5_RESERVED 3 /* pad, end, unknown */

/* What one encoder runs on. */
struct encoding {
	struct inference *inference;
	const struct model *model;
	struct device *device;
	const char *prefix; /* of the encoder's weights in the model */
	const char *text;
};

static void begin(struct compute *c, const struct encoding *from, struct error *e)
{
	compute_begin(c, from->model, from->device, DTYPE_F32, e);
	c->prefix = from->prefix;
	c->pending = from->inference->pending;
}

static bool encode_clip(const struct encoding *from, const struct clip_config *config, struct values *cond,
			struct values *pooled, struct error *e)
{
	int64_t ids[CLIP_LENGTH];
	struct tokens tokens = { .ids = ids, .rows = 1, .length = CLIP_LENGTH };
	struct compute c;
	size_t used;

	ids[0] = config->start_token;
	used = 1 + tokenizer_split(from->text, 0, config->start_token, ids + 1, CLIP_LENGTH - 2);
	ids[used++] = config->end_token;
	while (used < CLIP_LENGTH)
		ids[used++] = config->pad_token;
	if (!values_new(cond, from->inference->machine, 3, (int64_t[]) { 1, CLIP_LENGTH, config->hidden }, e) ||
	    !values_new(pooled, from->inference->machine, 2, (int64_t[]) { 1, config->hidden }, e))
		return false;
	begin(&c, from, e);
	text_clip_encode(&c, config, &tokens, &(struct clip_options) { .project = false }, cond->values, pooled->values);
	return compute_end(&c);
}

static bool encode_t5(const struct encoding *from, const struct t5_config *config, struct values *cond, struct error *e)
{
	int64_t ids[T5_LENGTH];
	struct tokens tokens = { .ids = ids, .rows = 1, .length = T5_LENGTH };
	struct compute c;
	size_t used = tokenizer_split(from->text, T5_RESERVED, config->vocabulary - T5_RESERVED, ids, T5_LENGTH - 1);

	ids[used++] = config->end_token;
	while (used < T5_LENGTH)
		ids[used++] = config->pad_token;
	if (!values_new(cond, from->inference->machine, 3, (int64_t[]) { 1, T5_LENGTH, config->width }, e))
		return false;
	begin(&c, from, e);
	text_t5_encode(&c, config, &tokens, false, cond->values);
	return compute_end(&c);
}

static bool clip_l_encode(struct inference *inference, const struct model *model, struct device *device, const char *text,
			  struct conditioning *out, struct error *e)
{
	struct encoding from = { .inference = inference, .model = model, .device = device, .prefix = "", .text = text };

	return encode_clip(&from, model->config, &out->cond, &out->pooled, e);
}

static bool flux_text_encode(struct inference *inference, const struct model *model, struct device *device, const char *text,
			     struct conditioning *out, struct error *e)
{
	const struct flux_text_config *config = model->config;
	struct encoding clip = { .inference = inference, .model = model, .device = device, .prefix = "clip_l.", .text = text };
	struct encoding t5 = clip;
	struct values unused = { .rank = 0 };
	bool fine;

	t5.prefix = "t5xxl.";
	fine = encode_clip(&clip, &config->clip, &unused, &out->pooled, e) && encode_t5(&t5, &config->t5, &out->cond, e);
	values_free(&unused);
	return fine;
}

const struct forward forward_clip_l_encode = {
	.family = &family_clip_l,
	.kind = FORWARD_ENCODE,
	.encode = clip_l_encode,
};

const struct forward forward_flux_text_encode = {
	.family = &family_flux_text,
	.kind = FORWARD_ENCODE,
	.encode = flux_text_encode,
};
