/* text.c - CLIP's and T5's encoders, from rows of token ids to conditioning.
 *
 * Both embed, run their layers and norm. CLIP sees only earlier tokens (a mask added to the scores) and its pooled vector is the
 * row at the first end token; T5 adds a learned bias by relative position, the same in every layer. Token weights other than 1
 * need the output of an empty prompt as well, which is encoded as one row more.
 */
#include "core/compute/text/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what both share ---- */

static bool has_weights(const struct tokens *tokens)
{
	for (size_t i = 0; tokens->weights && i < tokens->rows * tokens->length; i++) {
		if (tokens->weights[i] != 1.0F)
			return true;
	}
	return false;
}

/* What a prompt is wrapped in. */
struct special_tokens {
	int64_t start, end, pad; /* start: negative without one */
};

/* The rows, and one of an empty prompt after them where weights need it. */
static int64_t *rows_to_encode(struct compute *c, const struct tokens *tokens, const struct special_tokens *special,
			       bool weighted)
{
	size_t count = tokens->rows * tokens->length;
	int64_t *ids = compute_array(c, count + tokens->length, sizeof(*ids));
	size_t at = count;

	if (!ids)
		return NULL;
	memcpy(ids, tokens->ids, count * sizeof(*ids));
	if (!weighted)
		return ids;
	if (special->start >= 0)
		ids[at++] = special->start;
	ids[at++] = special->end;
	while (at < count + tokens->length)
		ids[at++] = special->pad;
	return ids;
}

/* z = (z - empty) * w + empty for each token whose weight is not 1; `cond` has one row more, the empty prompt's. */
static void apply_weights(const struct tokens *tokens, float *cond, size_t channels)
{
	const float *empty = cond + tokens->rows * tokens->length * channels;

	for (size_t i = 0; i < tokens->rows * tokens->length; i++) {
		float weight = tokens->weights[i];
		const float *from = empty + i % tokens->length * channels;

		if (weight == 1.0F)
			continue;
		for (size_t j = 0; j < channels; j++)
			cond[i * channels + j] = (cond[i * channels + j] - from[j]) * weight + from[j];
	}
}

/* Runs `rows` rows through encode_rows into `cond`, with weights applied. */
typedef struct tensor *(*row_encoder)(struct compute *c, const void *config, const int64_t *ids, size_t rows, size_t length,
				      const void *options, float *pooled);

static bool encode(struct compute *c, const void *config, const struct tokens *tokens, const void *options,
		   const struct special_tokens *special, size_t channels, row_encoder encoder, float *cond, float *pooled)
{
	bool weighted = has_weights(tokens);
	size_t rows = tokens->rows + weighted;
	int64_t *ids = rows_to_encode(c, tokens, special, weighted);
	float *all = compute_array(c, rows * tokens->length * channels, sizeof(*all));
	struct tensor *out = ids && all ? encoder(c, config, ids, rows, tokens->length, options, pooled) : NULL;
	bool fine = compute_download(c, out, all);

	compute_drop(c, out);
	if (fine && c->bytes_exist) {
		if (weighted)
			apply_weights(tokens, all, channels);
		memcpy(cond, all, tokens->rows * tokens->length * channels * sizeof(*cond));
	}
	free(ids);
	free(all);
	return fine;
}

static struct tensor *attention(struct compute *c, struct tensor *q, struct tensor *k, struct tensor *v, int64_t heads,
				struct tensor *bias, double scale)
{
	int64_t d = tensor_size(q, 2) / heads;

	q = compute_split_heads(c, q, 0, heads, d);
	k = compute_split_heads(c, k, 0, heads, d);
	v = compute_split_heads(c, v, 0, heads, d);
	return compute_merge_heads(c, compute_attend(c, q, k, v, bias, scale));
}

/* [rows, length, channels] of token embeddings. */
static struct tensor *embedding(struct compute *c, const int64_t *ids, size_t rows, size_t length, const char *parameter)
{
	struct tensor *x = compute_embed(c, ids, rows * length, "%s", parameter);

	return compute_reshape(c, x, 3, (int64_t[]) { (int64_t)rows, (int64_t)length, tensor_size(x, 1) });
}

/* ---- CLIP ---- */

#define CLIP_EPS 1e-5

static struct tensor *causal_mask(struct compute *c, size_t length)
{
	int64_t shape[] = { 1, (int64_t)length, (int64_t)length };
	float *mask = compute_array(c, length * length, sizeof(*mask));
	struct tensor *out;

	for (size_t i = 0; mask && i < length; i++) {
		for (size_t j = i + 1; j < length; j++)
			mask[i * length + j] = -INFINITY;
	}
	out = compute_upload_f32(c, mask, 3, shape);
	free(mask);
	return out;
}

static struct tensor *position_embedding(struct compute *c, const struct clip_config *config, size_t rows, size_t length)
{
	int64_t *ids;
	struct tensor *x;

	if (length > (size_t)config->positions && !c->failed)
		return compute_fail(c, ERROR_FORMAT, "%s: %zu tokens in a row; there are %lld positions", c->model->name,
				    length, (long long)config->positions);
	ids = compute_array(c, rows * length, sizeof(*ids));
	for (size_t i = 0; ids && i < rows * length; i++)
		ids[i] = (int64_t)(i % length);
	x = embedding(c, ids, rows, length, "transformer.text_model.embeddings.position_embedding.weight");
	free(ids);
	return x;
}

static struct tensor *clip_layer(struct compute *c, const struct clip_config *config, struct tensor *x, struct tensor *mask,
				 int i)
{
	struct tensor *norm, *q, *k, *v, *y;
	char name[64];

	snprintf(name, sizeof(name), "transformer.text_model.encoder.layers.%d", i);
	norm = compute_layer_norm(c, compute_keep(x), CLIP_EPS, "%s.layer_norm1", name);
	q = compute_linear(c, compute_keep(norm), "%s.self_attn.q_proj", name);
	k = compute_linear(c, compute_keep(norm), "%s.self_attn.k_proj", name);
	v = compute_linear(c, norm, "%s.self_attn.v_proj", name);
	y = attention(c, q, k, v, config->heads, mask, 1 / sqrt((double)config->hidden / (double)config->heads));
	y = compute_linear(c, y, "%s.self_attn.out_proj", name);
	compute_tell(c, y, TAP_WHOLE, "%s.self_attn", name);
	x = compute_add(c, x, y);
	y = compute_layer_norm(c, compute_keep(x), CLIP_EPS, "%s.layer_norm2", name);
	y = compute_linear(c, y, "%s.mlp.fc1", name);
	y = compute_unary(c, config->quick_gelu ? UNARY_QUICK_GELU : UNARY_GELU_ERF, y);
	y = compute_linear(c, y, "%s.mlp.fc2", name);
	compute_tell(c, y, TAP_WHOLE, "%s.mlp", name);
	x = compute_add(c, x, y);
	compute_tell(c, x, TAP_WHOLE, "%s", name);
	return x;
}

static struct tensor *clip_final_norm(struct compute *c, struct tensor *x)
{
	return compute_layer_norm(c, x, CLIP_EPS, "transformer.text_model.final_layer_norm");
}

/* The final norm's row at the first end token of the first section. */
static void pool(struct compute *c, const struct clip_config *config, const int64_t *ids, size_t length, struct tensor *final,
		 const struct clip_options *options, float *pooled)
{
	size_t at = 0;
	struct view row;
	struct tensor *x;

	while (at + 1 < length && ids[at] != config->end_token)
		at++;
	row = (struct view) {
		.offset = at * (size_t)config->hidden, .rank = 2, .shape = { 1, config->hidden }, .stride = { 0, 1 }
	};
	x = compute_gather(c, final, &row);
	if (options->project)
		x = compute_linear(c, x, "transformer.text_projection");
	compute_download(c, x, pooled);
	compute_drop(c, x);
}

static struct tensor *clip_rows(struct compute *c, const void *from, const int64_t *ids, size_t rows, size_t length,
				const void *how, float *pooled)
{
	const struct clip_config *config = from;
	const struct clip_options *options = how;
	struct tensor *x = embedding(c, ids, rows, length, "transformer.text_model.embeddings.token_embedding.weight");
	struct tensor *mask = causal_mask(c, length);
	int chosen = (int)config->layers - (options->penultimate ? 2 : 1);
	struct tensor *kept = NULL;
	struct tensor *final;

	x = compute_add(c, x, position_embedding(c, config, rows, length));
	for (int i = 0; i < config->layers; i++) {
		x = clip_layer(c, config, x, compute_keep(mask), i);
		if (i == chosen)
			kept = compute_keep(x);
	}
	compute_drop(c, mask);
	final = clip_final_norm(c, x);
	compute_tell(c, final, TAP_WHOLE, "transformer.text_model.final_layer_norm");
	pool(c, config, ids, length, compute_keep(final), options, pooled);
	if (options->skip_final_norm || options->penultimate) {
		compute_drop(c, final);
		return options->skip_final_norm ? kept : clip_final_norm(c, kept);
	}
	compute_drop(c, kept);
	return final;
}

bool text_clip_encode(struct compute *c, const struct clip_config *config, const struct tokens *tokens,
		      const struct clip_options *options, float *cond, float *pooled)
{
	const struct special_tokens special = { .start = config->start_token,
						.end = config->end_token,
						.pad = config->pad_token };

	return encode(c, config, tokens, options, &special, (size_t)config->hidden, clip_rows, cond, pooled);
}

/* ---- T5 ---- */

#define T5_EPS 1e-6

int64_t text_t5_bucket(int64_t relative)
{
	int64_t bucket = relative > 0 ? 16 : 0;
	int64_t distance = relative < 0 ? -relative : relative;
	int64_t far;

	if (distance < 8)
		return bucket + distance;
	far = 8 + (int64_t)(logf((float)distance / 8.0F) / logf(16.0F) * 8.0F);
	return bucket + (far < 15 ? far : 15);
}

/* [heads, length, length]: -FLT_MAX for the keys behind the first end token, which is at `seen`. */
static struct tensor *t5_mask(struct compute *c, const struct t5_config *config, size_t length, size_t seen)
{
	size_t count = (size_t)config->heads * length * length;
	float *mask = compute_array(c, count, sizeof(*mask));
	struct tensor *out;

	for (size_t i = 0; mask && i < count; i++)
		mask[i] = i % length > seen ? -FLT_MAX : 0.0F;
	out = compute_upload_f32(c, mask, 3, (int64_t[]) { config->heads, (int64_t)length, (int64_t)length });
	free(mask);
	return out;
}

/* [heads, length, length]: what each head adds for key minus query, and -FLT_MAX for keys that are masked. */
static struct tensor *t5_bias(struct compute *c, const struct t5_config *config, const int64_t *ids, size_t length, bool masked)
{
	size_t count = length * length;
	int64_t *buckets = compute_array(c, count, sizeof(*buckets));
	struct tensor *bias;
	struct view view = { .rank = 3,
			     .shape = { config->heads, (int64_t)length, (int64_t)length },
			     .stride = { 1, (int64_t)length * config->heads, config->heads } };
	size_t seen = length;

	for (size_t i = 0; buckets && i < count; i++)
		buckets[i] = text_t5_bucket((int64_t)(i % length) - (int64_t)(i / length));
	bias = compute_embed(c, buckets, count,
			     "transformer.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
	free(buckets);
	bias = compute_gather(c, bias, &view);
	for (size_t i = 0; i < length && seen == length; i++)
		seen = ids[i] == config->end_token ? i : length;
	return masked ? compute_add(c, bias, t5_mask(c, config, length, seen)) : bias;
}

static struct tensor *t5_layer(struct compute *c, const struct t5_config *config, struct tensor *x, struct tensor *bias, int i)
{
	struct tensor *norm, *q, *k, *v, *gate, *y;
	char attend[64], feed[64];

	snprintf(attend, sizeof(attend), "transformer.encoder.block.%d.layer.0", i);
	snprintf(feed, sizeof(feed), "transformer.encoder.block.%d.layer.1", i);
	norm = compute_rms_norm(c, compute_keep(x), T5_EPS, "%s.layer_norm.weight", attend);
	q = compute_linear(c, compute_keep(norm), "%s.SelfAttention.q", attend);
	k = compute_linear(c, compute_keep(norm), "%s.SelfAttention.k", attend);
	v = compute_linear(c, norm, "%s.SelfAttention.v", attend);
	y = attention(c, q, k, v, config->heads, compute_keep(bias), 1.0);
	y = compute_linear(c, y, "%s.SelfAttention.o", attend);
	compute_tell(c, y, 0, "%s.SelfAttention", attend);
	compute_tell(c, bias, 1, "%s.SelfAttention", attend);
	x = compute_add(c, x, y);
	compute_tell(c, x, 0, "%s", attend);
	compute_tell(c, bias, 1, "%s", attend);
	norm = compute_rms_norm(c, compute_keep(x), T5_EPS, "%s.layer_norm.weight", feed);
	gate = compute_linear(c, compute_keep(norm), "%s.DenseReluDense.wi_0", feed);
	gate = compute_unary(c, UNARY_GELU_TANH, gate);
	y = compute_linear(c, norm, "%s.DenseReluDense.wi_1", feed);
	y = compute_multiply(c, gate, y);
	y = compute_linear(c, y, "%s.DenseReluDense.wo", feed);
	compute_tell(c, y, TAP_WHOLE, "%s.DenseReluDense", feed);
	x = compute_add(c, x, y);
	compute_tell(c, x, 0, "transformer.encoder.block.%d", i);
	compute_tell(c, bias, 1, "transformer.encoder.block.%d", i);
	compute_drop(c, bias);
	return x;
}

static struct tensor *t5_row(struct compute *c, const struct t5_config *config, const int64_t *ids, size_t length, bool masked)
{
	struct tensor *x = embedding(c, ids, 1, length, "transformer.shared.weight");
	struct tensor *bias = t5_bias(c, config, ids, length, masked);

	for (int i = 0; i < config->layers; i++)
		x = t5_layer(c, config, x, compute_keep(bias), i);
	compute_drop(c, bias);
	x = compute_rms_norm(c, x, T5_EPS, "transformer.encoder.final_layer_norm.weight");
	compute_tell(c, x, TAP_WHOLE, "transformer.encoder.final_layer_norm");
	return x;
}

/* Row by row: each has a mask of its own. */
static struct tensor *t5_rows(struct compute *c, const void *config, const int64_t *ids, size_t rows, size_t length,
			      const void *masked, float *pooled)
{
	struct tensor *all = NULL;

	(void)pooled; /* T5 has none */
	for (size_t i = 0; i < rows; i++) {
		struct tensor *row = t5_row(c, config, ids + i * length, length, *(const bool *)masked);

		all = i ? compute_concatenate(c, all, row, 0) : row;
	}
	return all;
}

bool text_t5_encode(struct compute *c, const struct t5_config *config, const struct tokens *tokens, bool masked, float *cond)
{
	const struct special_tokens special = { .start = -1, .end = config->end_token, .pad = config->pad_token };

	return encode(c, config, tokens, &masked, &special, (size_t)config->width, t5_rows, cond, NULL);
}
