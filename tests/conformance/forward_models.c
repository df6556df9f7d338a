/* FLUX, CLIP, T5 and the autoencoder, case by case. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/compute/forwards/autoencoder.h"
#include "core/compute/forwards/flux.h"
#include "core/compute/text/text.h"
#include "tests/conformance/forward.h"

static void fail(struct forward_data *f, const char *case_name, const struct error *e)
{
	tally_fail(f->tally, case_name, "%s: %s", f->name, e->text);
}

/* The pair NAME_eps refers to the weights and inputs of NAME. */
static bool open_base(const struct forward_data *eps, struct forward_data *base, struct error *e)
{
	static char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(eps->name) - strlen("_eps")), eps->name);
	*base = (struct forward_data) { .folder = eps->folder, .name = name, .tally = eps->tally };
	return forward_open(base, e);
}

static float weight_scale(const struct forward_data *f)
{
	return (float)json_number_value(json_object_get(f->json, "weight_scale"));
}

/* ---- FLUX ---- */

static enum dtype dtype_named(const char *torch_name)
{
	static const struct {
		const char *name;
		enum dtype dtype;
	} names[] = { { "torch.bfloat16", DTYPE_BF16 },
		      { "torch.float16", DTYPE_F16 },
		      { "torch.float8_e4m3fn", DTYPE_F8_E4M3 },
		      { "torch.float8_e5m2", DTYPE_F8_E5M2 } };

	for (size_t i = 0; torch_name && i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i].name, torch_name) == 0)
			return names[i].dtype;
	}
	return DTYPE_F32;
}

struct flux_case {
	float *x, *sigma, *context, *pooled, *guidance;
	struct reference_latent references[8];
	struct denoise_request request;
};

static bool flux_case_read(const struct forward_data *f, const char *name, const json_t *description, struct flux_case *c)
{
	const struct safetensors_tensor *x = forward_tensor(f, "%s.in.x", name);
	const struct safetensors_tensor *context = forward_tensor(f, "%s.in.c_crossattn", name);
	const char *method =
		json_string_value(json_object_get(json_object_get(description, "scalar_inputs"), "ref_latents_method"));
	size_t count = 0;

	if (!x || !context || x->rank != 4 || context->rank != 3)
		return false;
	c->x = forward_values(f, x);
	c->sigma = forward_input(f, "%s.in.sigma", name);
	c->context = forward_values(f, context);
	c->pooled = forward_input(f, "%s.in.y", name);
	c->guidance = forward_input(f, "%s.in.guidance", name);
	for (; count < ARRAY_SIZE(c->references); count++) {
		const struct safetensors_tensor *reference = forward_tensor(f, "%s.in.ref_latents.%zu", name, count);

		if (!reference)
			break;
		c->references[count] = (struct reference_latent) { .values = forward_values(f, reference),
								   .height = (int64_t)reference->shape[2],
								   .width = (int64_t)reference->shape[3] };
	}
	c->request = (struct denoise_request) { .x = c->x,
						.batch = (int64_t)x->shape[0],
						.height = (int64_t)x->shape[2],
						.width = (int64_t)x->shape[3],
						.timesteps = c->sigma,
						.context = c->context,
						.tokens = (int64_t)context->shape[1],
						.pooled = c->pooled,
						.guidance = c->guidance,
						.references = c->references,
						.reference_count = count,
						.references_by_index = method && strcmp(method, "index") == 0 };
	return c->x && c->sigma && c->context && c->pooled;
}

static void flux_case_free(struct flux_case *c)
{
	free(c->x);
	free(c->sigma);
	free(c->context);
	free(c->pooled);
	free(c->guidance);
	for (size_t i = 0; i < c->request.reference_count; i++)
		free((float *)(uintptr_t)c->references[i].values);
}

/* out.raw and, from it, out.denoised = x - sigma * raw. */
static void compare_flux(const struct forward_data *f, const char *name, const struct flux_case *c, const float *raw,
			 size_t count, double tolerance)
{
	const struct safetensors_tensor *golden = forward_tensor(f, "%s.out.raw", name);
	float *denoised = array_new(count, sizeof(*denoised), NULL);
	size_t row = count / (size_t)c->request.batch;

	if (golden)
		forward_compare(f, name, "out.raw", golden, raw, count, tolerance);
	golden = forward_tensor(f, "%s.out.denoised", name);
	for (size_t i = 0; denoised && i < count; i++)
		denoised[i] = c->x[i] - c->sigma[i / row] * raw[i];
	if (golden)
		forward_compare(f, name, "out.denoised", golden, denoised, count, tolerance);
	golden = forward_tensor(f, "%s.out.model_input", name);
	if (golden)
		forward_compare(f, name, "out.model_input", golden, c->x, count, tolerance);
	golden = forward_tensor(f, "%s.out.timestep", name);
	if (golden)
		forward_compare(f, name, "out.timestep", golden, c->sigma, (size_t)c->request.batch, tolerance);
	free(denoised);
}

static void run_flux(struct forward_data *f, struct forward_data *inputs, const char *name, enum dtype weights,
		     enum dtype compute, float factor, double tolerance, bool probes)
{
	struct flux_case c = { .x = NULL };
	struct error e = ERROR_INIT;
	struct forward_tap tap;
	struct compute pass;
	struct model *model = forward_model(inputs, &family_flux, json_object_get(inputs->json, "config"), inputs->tensors,
					    "weights.", weights, factor, &e);
	struct tensor *out;
	float *raw = NULL;

	if (!model || !flux_case_read(inputs, name, json_object_get(json_object_get(inputs->json, "cases"), name), &c)) {
		fail(f, name, &e);
		goto out;
	}
	forward_tap_begin(&tap, f, name, tolerance);
	tap.probes = probes;
	compute_begin(&pass, model, inputs->device, compute, &e);
	pass.tap = &tap.tap;
	out = flux_forward(&pass, &c.request);
	raw = out ? array_new(tensor_count(out), sizeof(*raw), &e) : NULL;
	if (raw && compute_download(&pass, out, raw)) {
		compare_flux(f, name, &c, raw, tensor_count(out), tolerance);
		forward_tap_end(&tap);
	} else {
		fail(f, name, &e);
	}
	compute_end(&pass);
out:
	free(raw);
	flux_case_free(&c);
	model_free(model);
}

void forward_flux(struct forward_data *f)
{
	const char *name;
	json_t *description;

	json_object_foreach(json_object_get(f->json, "cases"), name, description)
	{
		const char *cast = json_string_value(json_object_get(description, "manual_cast"));
		enum dtype weights = dtype_named(json_string_value(json_object_get(description, "weights_dtype")));
		bool casts = cast && strcmp(cast, "None") != 0;

		run_flux(f, f, name, weights, casts ? dtype_named(cast) : weights, 1.0F, forward_tolerance(name), false);
	}
}

void forward_flux_eps(struct forward_data *f)
{
	struct error e = ERROR_INIT;
	struct forward_data base;

	if (open_base(f, &base, &e))
		run_flux(f, &base, "base", DTYPE_F32, DTYPE_F32, weight_scale(f), 1e-5, true);
	else
		fail(f, "base", &e);
	forward_close(&base);
}

/* ---- text encoders ---- */

struct text_case {
	struct tokens tokens;
	int64_t *ids;
	float *weights;
	float *cond;
	size_t count;
};

static bool text_case_read(const struct forward_data *f, const char *name, size_t channels, struct text_case *c)
{
	const struct safetensors_tensor *tokens = forward_tensor(f, "%s.in.tokens", name);
	size_t count = 0;

	if (!tokens || tokens->rank != 2)
		return false;
	c->ids = forward_ids(f, name, "tokens", &count);
	c->weights = forward_input(f, "%s.in.weights", name);
	c->tokens = (struct tokens) {
		.ids = c->ids, .weights = c->weights, .rows = (size_t)tokens->shape[0], .length = (size_t)tokens->shape[1]
	};
	c->count = count * channels;
	c->cond = array_new(c->count, sizeof(*c->cond), NULL);
	return c->ids && c->cond;
}

static void text_case_free(struct text_case *c)
{
	free(c->ids);
	free(c->weights);
	free(c->cond);
}

static void run_clip(struct forward_data *f, struct forward_data *inputs, const char *name, const json_t *options, float factor)
{
	struct clip_options how = { .penultimate = json_object_get(options, "layer") != NULL,
				    .skip_final_norm = json_is_false(json_object_get(options, "layer_norm_hidden_state")),
				    .project = !json_is_false(json_object_get(options, "return_projected_pooled")) };
	struct text_case c = { .ids = NULL };
	struct error e = ERROR_INIT;
	struct forward_tap tap;
	struct compute pass;
	struct model *model = forward_model(inputs, &family_clip_l, json_object_get(inputs->json, "config"), inputs->tensors,
					    "weights.", DTYPE_F32, factor, &e);
	const struct clip_config *config = model ? model->config : NULL;
	float pooled[4096];

	if (!model || config->hidden > 4096 || !text_case_read(inputs, name, (size_t)config->hidden, &c)) {
		fail(f, name, &e);
		goto out;
	}
	forward_tap_begin(&tap, f, name, 1e-5);
	compute_begin(&pass, model, inputs->device, DTYPE_F32, &e);
	pass.tap = &tap.tap;
	text_clip_encode(&pass, config, &c.tokens, &how, c.cond, pooled);
	if (compute_end(&pass)) {
		forward_compare(f, name, "out.cond", forward_tensor(f, "%s.out.cond", name), c.cond, c.count, 1e-5);
		forward_compare(f, name, "out.pooled", forward_tensor(f, "%s.out.pooled", name), pooled, (size_t)config->hidden,
				1e-5);
		forward_tap_end(&tap);
	} else {
		fail(f, name, &e);
	}
out:
	text_case_free(&c);
	model_free(model);
}

void forward_clip(struct forward_data *f)
{
	const char *name;
	json_t *description;

	json_object_foreach(json_object_get(f->json, "cases"), name, description)
		run_clip(f, f, name, json_object_get(description, "options"), 1.0F);
}

void forward_clip_eps(struct forward_data *f)
{
	struct error e = ERROR_INIT;
	struct forward_data base;

	if (open_base(f, &base, &e))
		run_clip(f, &base, "last", NULL, weight_scale(f));
	else
		fail(f, "last", &e);
	forward_close(&base);
}

static void run_buckets(struct forward_data *f, const char *name)
{
	const struct safetensors_tensor *golden = forward_tensor(f, "%s.out.bucket", name);
	size_t count = 0;
	int64_t *relative = forward_ids(f, name, "relative_position", &count);
	size_t wrong = 0;

	for (size_t i = 0; relative && golden && i < count; i++) {
		int64_t wanted;

		memcpy(&wanted, golden->bytes + i * sizeof(wanted), sizeof(wanted));
		wrong += wanted != text_t5_bucket(relative[i]);
	}
	if (relative && golden && count == golden->element_count && !wrong)
		tally_pass(f->tally);
	else
		tally_fail(f->tally, name, "%zu of %zu buckets are others", wrong, count);
	free(relative);
}

/* 1 for keys up to and with the first end token. */
static void compare_mask(struct forward_data *f, const char *name, const struct tokens *tokens, int64_t end)
{
	const struct safetensors_tensor *golden = forward_tensor(f, "%s.out.attention_mask", name);
	float *mask = array_new(tokens->rows * tokens->length, sizeof(*mask), NULL);

	for (size_t row = 0; mask && row < tokens->rows; row++) {
		bool seen = false;

		for (size_t i = 0; i < tokens->length; i++) {
			mask[row * tokens->length + i] = seen ? 0.0F : 1.0F;
			seen = seen || tokens->ids[row * tokens->length + i] == end;
		}
	}
	if (golden)
		forward_compare(f, name, "out.attention_mask", golden, mask, tokens->rows * tokens->length, 0);
	free(mask);
}

static void run_t5(struct forward_data *f, struct forward_data *inputs, const char *name, float factor)
{
	struct text_case c = { .ids = NULL };
	struct error e = ERROR_INIT;
	struct forward_tap tap;
	struct compute pass;
	struct model *model = forward_model(inputs, &family_t5, json_object_get(inputs->json, "config"), inputs->tensors,
					    "weights.", DTYPE_F32, factor, &e);
	const struct t5_config *config = model ? model->config : NULL;
	bool masked = forward_tensor(f, "%s.out.attention_mask", name) != NULL;

	if (!model || !text_case_read(inputs, name, (size_t)config->width, &c)) {
		fail(f, name, &e);
		goto out;
	}
	forward_tap_begin(&tap, f, name, 1e-5);
	compute_begin(&pass, model, inputs->device, DTYPE_F32, &e);
	pass.tap = &tap.tap;
	text_t5_encode(&pass, config, &c.tokens, masked, c.cond);
	if (compute_end(&pass)) {
		forward_compare(f, name, "out.cond", forward_tensor(f, "%s.out.cond", name), c.cond, c.count, 1e-5);
		forward_tap_end(&tap);
		if (masked)
			compare_mask(f, name, &c.tokens, config->end_token);
	} else {
		fail(f, name, &e);
	}
out:
	text_case_free(&c);
	model_free(model);
}

void forward_t5(struct forward_data *f)
{
	const char *name;
	json_t *description;

	json_object_foreach(json_object_get(f->json, "cases"), name, description)
	{
		if (forward_tensor(f, "%s.in.relative_position", name))
			run_buckets(f, name);
		else
			run_t5(f, f, name, 1.0F);
	}
}

void forward_t5_eps(struct forward_data *f)
{
	struct error e = ERROR_INIT;
	struct forward_data base;

	if (open_base(f, &base, &e))
		run_t5(f, &base, "default", weight_scale(f));
	else
		fail(f, "default", &e);
	forward_close(&base);
}

/* ---- the autoencoder ---- */

static void run_autoencoder(struct forward_data *f, struct forward_data *inputs, const char *name, float factor)
{
	bool decodes = strcmp(name, "decode") == 0;
	const struct safetensors_tensor *in = forward_tensor(inputs, "%s.in.%s", name, decodes ? "z" : "x");
	struct error e = ERROR_INIT;
	struct model *model = forward_model(inputs, &family_flux_ae, json_object_get(inputs->json, "config"), inputs->tensors,
					    "weights.", DTYPE_F32, factor, &e);
	float *values = forward_values(inputs, in);
	float *out = NULL;
	struct forward_tap tap;
	struct compute pass;
	struct tensor *x;
	struct tensor *image;
	size_t count;

	if (!model || !values) {
		fail(f, name, &e);
		goto out;
	}
	forward_tap_begin(&tap, f, name, 1e-5);
	compute_begin(&pass, model, inputs->device, DTYPE_F32, &e);
	pass.tap = &tap.tap;
	x = compute_upload(
		&pass, values, 4,
		(int64_t[]) { (int64_t)in->shape[0], (int64_t)in->shape[1], (int64_t)in->shape[2], (int64_t)in->shape[3] });
	x = decodes ? autoencoder_decode(&pass, x) : autoencoder_encode(&pass, x);
	count = x ? tensor_count(x) : 0;
	out = array_new(count, sizeof(*out), &e);
	if (!x || !out || !compute_download(&pass, x, out)) {
		fail(f, name, &e);
		compute_end(&pass);
		goto out;
	}
	if (decodes) {
		forward_compare(f, name, "out.x", forward_tensor(f, "%s.out.x", name), out, count, 1e-5);
		if (forward_tensor(f, "%s.out.image", name)) {
			struct view last = { .rank = 4,
					     .shape = { x->shape[0], x->shape[2], x->shape[3], x->shape[1] },
					     .stride = { (int64_t)count / x->shape[0], x->shape[3], 1,
							 x->shape[2] * x->shape[3] } };

			image = compute_gather(&pass, compute_unary(&pass, UNARY_IMAGE, x), &last);
			compute_download(&pass, image, out);
			forward_compare(f, name, "out.image", forward_tensor(f, "%s.out.image", name), out, count, 1e-5);
		}
	} else {
		if (forward_tensor(f, "%s.out.moments", name))
			forward_compare(f, name, "out.moments", forward_tensor(f, "%s.out.moments", name), out, count, 1e-5);
		forward_compare(f, name, "out.z", forward_tensor(f, "%s.out.z", name), out, count / 2, 1e-5);
	}
	forward_tap_end(&tap);
	compute_end(&pass);
out:
	free(out);
	free(values);
	model_free(model);
}

static void run_latent_format(struct forward_data *f, const json_t *description)
{
	float scale = (float)json_number_value(json_object_get(description, "scale"));
	float shift = (float)json_number_value(json_object_get(description, "shift"));
	const struct safetensors_tensor *in = forward_tensor(f, "latent_format.in.z");
	float *z = forward_values(f, in);
	float *made = in ? array_new(in->element_count, sizeof(*made), NULL) : NULL;

	if (!z || !made) {
		tally_fail(f->tally, "latent_format", "there is no input");
	} else {
		for (size_t i = 0; i < in->element_count; i++)
			made[i] = (z[i] - shift) * scale;
		forward_compare(f, "latent_format", "out.process_in", forward_tensor(f, "latent_format.out.process_in"), made,
				in->element_count, 1e-6);
		for (size_t i = 0; i < in->element_count; i++)
			made[i] = z[i] / scale + shift;
		forward_compare(f, "latent_format", "out.process_out", forward_tensor(f, "latent_format.out.process_out"), made,
				in->element_count, 1e-6);
	}
	free(made);
	free(z);
}

void forward_autoencoder(struct forward_data *f)
{
	const char *name;
	json_t *description;

	json_object_foreach(json_object_get(f->json, "cases"), name, description)
	{
		if (strcmp(name, "latent_format") == 0)
			run_latent_format(f, description);
		else
			run_autoencoder(f, f, name, 1.0F);
	}
}

void forward_autoencoder_eps(struct forward_data *f)
{
	struct error e = ERROR_INIT;
	struct forward_data base;

	if (open_base(f, &base, &e)) {
		run_autoencoder(f, &base, "decode", weight_scale(f));
		run_autoencoder(f, &base, "encode", weight_scale(f));
	} else {
		fail(f, "decode", &e);
	}
	forward_close(&base);
}
