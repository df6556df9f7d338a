/* sampling.c - sampling with a flow model: noise in, steps of a sampler, latent out.
 *
 * The model's forward (forwards/forward.h) says how its sigmas are spaced, in which scale it sees a latent and what a step
 * takes; the sampler (sampler.h) says where a step goes. Between them stands the guidance: positive and negative run as one
 * batch where their shapes allow, else as two passes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/compute/forwards/forward.h"
#include "core/compute/inference.h"
#include "core/compute/sampling/noise.h"
#include "core/compute/sampling/sampler.h"
#include "core/compute/schedule/schedule.h"

/* NULL without an error: its steps are priced. */
static const struct forward *forward_of(const struct inference *inference, const struct model *unet, struct error *e)
{
	const struct forward *forward = forward_find(unet, FORWARD_STEP);

	if (!forward && !inference_prices(inference))
		error_set(e, ERROR_UNSUPPORTED, "%s cannot be sampled%s%s", unet->name, unet->family ? ": it is a " : "",
			  unet->family ? unet->family->name : "");
	return forward;
}

bool inference_sigmas(const struct inference *inference, const struct model *unet, double shift, const char *scheduler,
		      unsigned steps, double denoise, float **sigmas, size_t *sigma_count, struct error *e)
{
	const struct forward *forward = forward_of(inference, unet, e);
	struct sigma_table table;
	bool fine;

	*sigmas = NULL;
	*sigma_count = 0;
	if (!forward && error_is_set(e))
		return false;
	if (!forward) {
		/* Priced: any table of a flow has as many steps. */
		if (!schedule_table_make(&table, SAMPLING_SHIFT_LINEAR, 1, 1000, e))
			return false;
	} else if (!schedule_table_make(&table, forward->sampling, isnan(shift) ? forward->sampling_shift : shift,
					forward->sampling_multiplier, e)) {
		return false;
	}
	fine = schedule_make(&table, forward ? scheduler : "simple", steps, denoise, sigmas, sigma_count, e);
	schedule_table_free(&table);
	return fine;
}

/* One sampler run. */
struct sample_run {
	struct inference *inference;
	const struct model *unet;
	const struct forward *forward;
	struct device *device;
	const struct sample_request *request;
	enum dtype dtype;
	bool has_bytes;
	size_t count; /* elements of a latent */
	float *x; /* the sampler's state; NULL without bytes, as all below */
	float *denoised;
	float *batch_in, *batch_out; /* uncond then cond, where both run as one batch */
	unsigned step;
	uint64_t start_ns;
	unsigned pass_count;
	uint64_t moved_bytes;
};

static void tell(const struct sample_run *run, const char *name, const float *values, size_t count)
{
	const struct sample_tap *tap = run->inference->tap;

	if (tap && values)
		tap->told(tap->context, name, run->step, values, count);
}

static bool same_shape(const struct values *a, const struct values *b)
{
	return a->rank == b->rank && memcmp(a->shape, b->shape, a->rank * sizeof(a->shape[0])) == 0;
}

/* ---- one evaluation of the network ---- */

/* Rows of a batch: conditionings that share a shape. Joined values are owned. */
struct conditions {
	float *context, *pooled, *guidance, *timesteps;
};

static void conditions_free(struct conditions *conditions)
{
	free(conditions->context);
	free(conditions->pooled);
	free(conditions->guidance);
	free(conditions->timesteps);
}

static bool conditions_join(struct conditions *conditions, const struct sample_run *run, const struct conditioning *const *rows,
			    size_t row_count, float sigma, struct error *e)
{
	size_t batch = (size_t)run->request->latent->shape[0];
	size_t context_count = values_count(&rows[0]->cond);
	size_t pooled_count = values_count(&rows[0]->pooled);
	size_t total = row_count * batch;

	*conditions = (struct conditions) { .guidance = array_new(total, sizeof(float), e),
					    .timesteps = array_new(total, sizeof(float), e) };
	if (!conditions->guidance || !conditions->timesteps)
		return false;
	for (size_t i = 0; i < total; i++) {
		double guidance = rows[i / batch]->guidance;

		conditions->guidance[i] = (float)(isnan(guidance) ? run->forward->guidance : guidance);
		conditions->timesteps[i] = sigma;
	}
	if (!run->has_bytes)
		return true;
	conditions->context = array_new(total * context_count, sizeof(float), e);
	conditions->pooled = array_new(total * pooled_count, sizeof(float), e);
	if (!conditions->context || !conditions->pooled)
		return false;
	for (size_t i = 0; i < total; i++) {
		const struct conditioning *row = rows[i / batch];

		memcpy(conditions->context + i * context_count, row->cond.values, context_count * sizeof(float));
		memcpy(conditions->pooled + i * pooled_count, row->pooled.values, pooled_count * sizeof(float));
	}
	return true;
}

/* x0 = x - sigma * out for each of row_count conditionings, run as one batch; into run->batch_out. */
static bool evaluate(struct sample_run *run, const struct conditioning *const *rows, size_t row_count, float sigma, float *x0,
		     struct error *e)
{
	const struct values *latent = run->request->latent;
	struct conditions conditions = { .context = NULL };
	struct denoise_request request;
	struct compute c;
	struct tensor *out;
	bool fine = false;

	if (!conditions_join(&conditions, run, rows, row_count, sigma, e))
		goto out;
	for (size_t i = 0; run->has_bytes && i < row_count; i++)
		memcpy(run->batch_in + i * run->count, run->x, run->count * sizeof(float));
	tell(run, "model_in", run->batch_in, row_count * run->count);
	request = (struct denoise_request) { .x = run->batch_in,
					     .batch = (int64_t)row_count * latent->shape[0],
					     .height = latent->shape[2],
					     .width = latent->shape[3],
					     .timesteps = conditions.timesteps,
					     .context = conditions.context,
					     .tokens = rows[0]->cond.shape[1],
					     .pooled = conditions.pooled,
					     .guidance = conditions.guidance };
	compute_begin(&c, run->unet, run->device, run->dtype, e);
	c.pending = run->inference->pending;
	out = run->forward->step(&c, &request);
	fine = out && compute_download(&c, out, x0);
	run->moved_bytes += c.moved_bytes;
	run->pass_count++;
	fine = compute_end(&c) && fine;
	for (size_t i = 0; fine && run->has_bytes && i < row_count * run->count; i++)
		x0[i] = run->batch_in[i] - sigma * x0[i];
	if (fine)
		tell(run, "model_denoised", x0, row_count * run->count);
out:
	conditions_free(&conditions);
	return fine;
}

/* One pass of a model without a forward, over so many conditionings. */
static bool evaluate_priced(struct sample_run *run, size_t row_count, struct error *e)
{
	const struct inference *inference = run->inference;
	struct price_request request = { .kind = PRICE_STEP, .latent = run->request->latent, .rows = (int64_t)row_count };
	struct compute c;

	compute_begin(&c, run->unet, run->device, run->dtype, e);
	c.pending = inference->pending;
	if (!inference->price(inference->price_context, &c, &request))
		c.failed = true;
	run->moved_bytes += c.moved_bytes;
	run->pass_count++;
	return compute_end(&c);
}

/* x0 of the sampler's state, guided: uncond + (cond - uncond) * scale. One batch where the shapes allow, else two passes. */
static bool denoise(struct sample_run *run, float sigma, struct error *e)
{
	const struct sample_request *request = run->request;
	const struct conditioning *rows[] = { request->negative, request->positive };
	float scale = (float)request->cfg;
	const float *uncond = run->batch_out;
	const float *cond = run->has_bytes ? run->batch_out + run->count : NULL;

	if (!run->forward)
		return evaluate_priced(run, request->negative && fabs(request->cfg - 1.0) >= 1e-9 ? 2 : 1, e);
	if (!request->negative || fabs(request->cfg - 1.0) < 1e-9)
		return evaluate(run, rows + 1, 1, sigma, run->denoised, e);
	if (same_shape(&request->negative->cond, &request->positive->cond)) {
		if (!evaluate(run, rows, 2, sigma, run->batch_out, e))
			return false;
	} else if (!evaluate(run, rows, 1, sigma, run->batch_out, e) ||
		   !evaluate(run, rows + 1, 1, sigma, run->has_bytes ? run->batch_out + run->count : NULL, e)) {
		return false;
	}
	for (size_t i = 0; run->has_bytes && i < run->count; i++)
		run->denoised[i] = uncond[i] + (cond[i] - uncond[i]) * scale;
	return true;
}

/* ---- steps ---- */

static bool is_interrupted(const struct sample_run *run, struct error *e)
{
	if (!run->inference->interrupted || !*run->inference->interrupted)
		return false;
	error_set(e, ERROR_INTERRUPTED, "interrupted at step %u", run->step);
	return true;
}

static bool may_step(const struct sample_run *run, struct error *e)
{
	const struct inference *inference = run->inference;

	return !inference->before_step || inference->before_step(inference->step_context, e);
}

static bool denoise_step(void *context, struct sampler_run *sampler, unsigned step, float sigma, struct error *e)
{
	struct sample_run *run = context;

	run->step = step;
	run->start_ns = machine_now_ns(run->inference->machine);
	run->pass_count = 0;
	run->moved_bytes = 0;
	tell(run, "x", sampler->x, run->count);
	if (is_interrupted(run, e) || !may_step(run, e) || !denoise(run, sigma, e))
		return false;
	tell(run, "x0", sampler->denoised, run->count);
	return true;
}

static void tell_step(void *context, struct sampler_run *sampler, unsigned step)
{
	const struct sample_run *run = context;
	const struct observer *observer = run->inference->observer;
	struct step_event event = { .node = run->inference->sampler_run,
				    .step = step,
				    .pass_count = run->pass_count,
				    .start_ns = run->start_ns,
				    .moved_bytes = run->moved_bytes };

	(void)sampler;
	if (!stream_synchronize(device_stream(run->device), NULL))
		return; /* the stream stays failed: the next download says why */
	event.end_ns = machine_now_ns(run->inference->machine);
	if (observer && observer->step)
		observer->step(observer->context, &event);
}

/* ---- the whole ---- */

static bool all_zero(const float *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (values[i] != 0.0F)
			return false;
	}
	return true;
}

/* Noise, and the latent in the model's scale; a latent of zeros stays one. Uses run->denoised as scratch. */
static void begin(struct sample_run *run, struct sampler_run *sampler)
{
	const struct sample_request *request = run->request;
	const float *latent = request->latent->values;
	float scale = (float)run->forward->latent_scale;
	float shift = (float)run->forward->latent_shift;
	struct noise noise;

	if (request->add_noise) {
		noise_seed(&noise, request->seed);
		noise_fill(&noise, run->x, run->count);
	}
	for (size_t i = 0; i < run->count; i++)
		run->denoised[i] = (latent[i] - shift) * scale;
	sampler_mix_noise(sampler, all_zero(latent, run->count) ? NULL : run->denoised);
}

static void finish(const struct sample_run *run, struct sampler_run *sampler, float *out)
{
	float scale = (float)run->forward->latent_scale;
	float shift = (float)run->forward->latent_shift;

	sampler_unmix_noise(sampler);
	for (size_t i = 0; i < run->count; i++)
		out[i] = run->x[i] / scale + shift;
}

static bool conditioning_fits(const struct conditioning *positive, const struct forward_shapes *channels)
{
	return positive && positive->cond.rank == 3 && positive->cond.shape[2] == channels->context &&
	       positive->pooled.rank == 2 && positive->pooled.shape[1] == channels->pooled;
}

/* Whether the forward takes the latent and the conditionings; where models are priced, other ones are no error. */
static bool fits(const struct sample_run *run)
{
	const struct values *latent = run->request->latent;
	const struct sample_request *request = run->request;
	struct forward_shapes channels = run->forward->shapes(run->unet->config);

	return latent->rank == 4 && latent->shape[1] == channels.latent && conditioning_fits(request->positive, &channels) &&
	       (!request->negative || conditioning_fits(request->negative, &channels));
}

static bool check(const struct sample_run *run, struct error *e)
{
	const struct values *latent = run->request->latent;
	struct forward_shapes channels = run->forward->shapes(run->unet->config);

	if (latent->rank != 4 || latent->shape[1] != channels.latent)
		return error_set(e, ERROR_NODE, "%s samples latents of %lld channels, not of %lld", run->unet->name,
				 (long long)channels.latent, (long long)(latent->rank == 4 ? latent->shape[1] : 0));
	if (!conditioning_fits(run->request->positive, &channels))
		return error_set(e, ERROR_NODE, "the conditioning does not fit %s: its text encoders are of another size",
				 run->unet->name);
	return true;
}

/* A sampler that is not built in costs what Euler's costs. */
static const char *priced_sampler(const char *name)
{
	struct error unknown = ERROR_INIT;

	return sampler_find(name, &unknown) ? name : "euler";
}

static bool sample(struct sample_run *run, float *out, struct error *e)
{
	const struct sample_request *request = run->request;
	const struct sampler *sampler = sampler_find(run->forward ? request->sampler : priced_sampler(request->sampler), e);
	struct sampler_run steps = { .sigmas = request->sigmas,
				     .sigma_count = request->sigma_count,
				     .x = run->x,
				     .denoised = run->denoised,
				     .count = run->count,
				     .context = run,
				     .denoise = denoise_step,
				     .stepped = tell_step };

	if (!sampler)
		return false;
	if (run->has_bytes && request->sigma_count)
		begin(run, &steps);
	if (!sampler->run(&steps, e))
		return false;
	if (run->has_bytes && request->sigma_count)
		finish(run, &steps, out);
	else if (run->has_bytes)
		memcpy(out, request->latent->values, run->count * sizeof(*out));
	return true;
}

bool inference_sample(struct inference *inference, const struct model *unet, struct device *device,
		      const struct sample_request *request, struct values *out, struct error *e)
{
	struct sample_run run = { .inference = inference,
				  .unet = unet,
				  .device = device,
				  .request = request,
				  .has_bytes = machine_backend(inference->machine)->bytes_exist,
				  .count = values_count(request->latent) };
	bool fine = false;

	*out = (struct values) { .rank = 0 };
	run.forward = forward_of(inference, unet, e);
	if (run.forward && inference_prices(inference) && !fits(&run))
		run.forward = NULL;
	if ((!run.forward && !inference_prices(inference)) || (run.forward && !check(&run, e)))
		return false;
	run.dtype = compute_dtype_of(unet);
	if (run.has_bytes) {
		run.x = array_new(run.count, sizeof(float), e);
		run.denoised = array_new(run.count, sizeof(float), e);
		run.batch_in = array_new(2 * run.count, sizeof(float), e);
		run.batch_out = array_new(2 * run.count, sizeof(float), e);
		if (!run.x || !run.denoised || !run.batch_in || !run.batch_out)
			goto out;
	}
	if (!values_new(out, inference->machine, request->latent->rank, request->latent->shape, e))
		goto out;
	if (!sample(&run, out->values, e))
		goto out;
	inference->sampler_run++;
	fine = true;
out:
	free(run.x);
	free(run.denoised);
	free(run.batch_in);
	free(run.batch_out);
	if (!fine)
		values_free(out);
	return fine;
}
