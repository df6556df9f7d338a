/* End to end, noise, schedules and samplers. */
#include <math.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/compute/inference.h"
#include "core/compute/sampling/noise.h"
#include "core/compute/sampling/sampler.h"
#include "core/compute/schedule/schedule.h"
#include "core/compute/text/text.h"
#include "tests/conformance/forward.h"

static void fail(struct forward_data *f, const char *case_name, const struct error *e)
{
	tally_fail(f->tally, case_name, "%s: %s", f->name, e->text);
}

/* ---- end to end ---- */

static bool open_other(const struct forward_data *f, struct forward_data *other, const char *name, struct error *e)
{
	*other = (struct forward_data) { .folder = f->folder, .name = name, .tally = f->tally };
	return forward_open(other, e);
}

/* The models of the case, made on f's machine from the files that hold their weights. */
struct e2e_models {
	struct model *unet, *t5, *vae, *clip;
};

static bool e2e_open(struct forward_data *f, struct e2e_models *models, struct error *e)
{
	static const struct {
		const char *file;
		const struct family *family;
	} others[] = { { "flux", &family_flux }, { "t5", &family_t5 }, { "flux_ae", &family_flux_ae } };
	struct model **into[] = { &models->unet, &models->t5, &models->vae };
	bool fine = true;

	for (size_t i = 0; i < ARRAY_SIZE(others) && fine; i++) {
		struct forward_data other;

		fine = open_other(f, &other, others[i].file, e);
		if (fine)
			*into[i] = forward_model(f, others[i].family, json_object_get(other.json, "config"), other.tensors,
						 "weights.", DTYPE_F32, 1.0F, e);
		fine = fine && *into[i];
		forward_close(&other);
	}
	if (fine)
		models->clip = forward_model(f, &family_clip_l, json_object_get(f->json, "clip_config"), f->tensors, "clip_l.",
					     DTYPE_F32, 1.0F, e);
	return fine && models->clip;
}

static void e2e_text(struct forward_data *f, const struct e2e_models *models)
{
	const struct clip_config *clip = models->clip->config;
	const struct t5_config *t5 = models->t5->config;
	struct tokens tokens = { .rows = 1 };
	size_t count = 0;
	struct error e = ERROR_INIT;
	int64_t *ids = forward_ids(f, "text", "clip_tokens", &count);
	float unused[77 * 4096];
	float values[4096 * 4];
	struct compute pass;

	tokens.ids = ids;
	tokens.length = count;
	compute_begin(&pass, models->clip, f->device, DTYPE_F32, &e);
	if (ids && clip->hidden <= 4096 && count <= 77)
		text_clip_encode(&pass, clip, &tokens, &(struct clip_options) { .project = false }, unused, values);
	if (compute_end(&pass))
		forward_compare(f, "text", "out.pooled", forward_tensor(f, "text.out.pooled"), values, (size_t)clip->hidden,
				1e-5);
	else
		fail(f, "text", &e);
	free(ids);
	ids = forward_ids(f, "text", "t5_tokens", &count);
	tokens.ids = ids;
	tokens.length = count;
	compute_begin(&pass, models->t5, f->device, DTYPE_F32, &e);
	if (ids && count * (size_t)t5->width <= ARRAY_SIZE(values))
		text_t5_encode(&pass, t5, &tokens, false, values);
	if (compute_end(&pass))
		forward_compare(f, "text", "out.cond", forward_tensor(f, "text.out.cond"), values, count * (size_t)t5->width,
				1e-5);
	else
		fail(f, "text", &e);
	free(ids);
}

struct step_tap {
	struct sample_tap tap;
	const struct forward_data *f;
	const char *case_name;
	size_t compared;
};

static void told(void *context, const char *name, unsigned step, const float *values, size_t count)
{
	struct step_tap *tap = context;
	const struct safetensors_tensor *golden = forward_tensor(tap->f, "%s.act.%s.%u", tap->case_name, name, step);

	if (!golden)
		return;
	tap->compared++;
	forward_compare(tap->f, tap->case_name, golden->name, golden, values, count, 1e-5);
}

/* Row `row` of the network's first call, as conditioning. */
static bool read_conditioning(const struct forward_data *f, const char *name, size_t row, struct conditioning *out)
{
	const struct safetensors_tensor *context = forward_tensor(f, "%s.act.call0.c_crossattn", name);
	const struct safetensors_tensor *pooled = forward_tensor(f, "%s.act.call0.y", name);
	float *contexts = forward_values(f, context);
	float *pooleds = forward_values(f, pooled);
	float *guidance = forward_input(f, "%s.act.call0.guidance", name);
	bool fine = contexts && pooleds && guidance;

	*out = (struct conditioning) { .guidance = fine ? (double)guidance[row] : NAN };
	if (fine) {
		size_t count = context->shape[1] * context->shape[2];

		fine = values_new(&out->cond, f->machine, 3,
				  (int64_t[]) { 1, (int64_t)context->shape[1], (int64_t)context->shape[2] }, NULL) &&
		       values_new(&out->pooled, f->machine, 2, (int64_t[]) { 1, (int64_t)pooled->shape[1] }, NULL);
		if (fine) {
			memcpy(out->cond.values, contexts + row * count, count * sizeof(float));
			memcpy(out->pooled.values, pooleds + row * pooled->shape[1], pooled->shape[1] * sizeof(float));
		}
	}
	free(contexts);
	free(pooleds);
	free(guidance);
	return fine;
}

static void compare_image(const struct forward_data *f, const char *name, const struct values *image)
{
	const struct safetensors_tensor *golden = forward_tensor(f, "%s.out.image", name);
	float *wanted = forward_values(f, golden);
	int worst = 0;

	for (size_t i = 0; wanted && golden->element_count == values_count(image) && i < golden->element_count; i++) {
		int difference = abs((int)(wanted[i] * 255.0F) - (int)(image->values[i] * 255.0F));

		worst = difference > worst ? difference : worst;
	}
	if (wanted && golden->element_count == values_count(image) && worst <= 1)
		tally_pass(f->tally);
	else
		tally_fail(f->tally, name, "the image differs by %d levels", worst);
	free(wanted);
}

/* Everything that does not come from the case's own description stands here: seed, steps, cfg, what is compared. */
static void e2e_sample(struct forward_data *f, const struct e2e_models *models, const char *name, const json_t *description)
{
	struct step_tap tap = { .tap = { .told = told }, .f = f, .case_name = name };
	struct inference inference = { .machine = f->machine, .tap = &tap.tap };
	double cfg = json_number_value(json_object_get(description, "cfg"));
	size_t rows = cfg != 1.0 ? 2 : 1;
	struct conditioning conditionings[2] = { { .guidance = NAN }, { .guidance = NAN } };
	const struct safetensors_tensor *latent_in = forward_tensor(f, "%s.in.latent_in", name);
	struct values latent = { .rank = 4, .values = forward_values(f, latent_in) };
	struct values out = { .rank = 0 };
	struct values image = { .rank = 0 };
	struct sample_request request = { .sampler = json_string_value(json_object_get(description, "sampler")),
					  .cfg = cfg,
					  .positive = &conditionings[rows - 1],
					  .negative = rows == 2 ? &conditionings[0] : NULL,
					  .latent = &latent,
					  .seed = (uint64_t)json_integer_value(json_object_get(description, "seed")),
					  .add_noise = true };
	float *sigmas = NULL;
	struct error e = ERROR_INIT;
	struct noise noise;
	float *drawn;

	tap.tap.context = &tap;
	for (size_t i = 0; i < rows; i++) {
		if (!read_conditioning(f, name, i, &conditionings[i]))
			error_set(&e, ERROR_FORMAT, "there is no conditioning");
	}
	for (unsigned i = 0; latent_in && i < 4; i++)
		latent.shape[i] = (int64_t)latent_in->shape[i];
	drawn = latent.values ? array_new(values_count(&latent), sizeof(*drawn), &e) : NULL;
	if (error_is_set(&e) || !drawn ||
	    !inference_sigmas(&inference, models->unet, NAN, json_string_value(json_object_get(description, "scheduler")),
			      (unsigned)json_integer_value(json_object_get(description, "steps")),
			      json_number_value(json_object_get(description, "denoise")), &sigmas, &request.sigma_count, &e))
		goto out;
	noise_seed(&noise, request.seed);
	noise_fill(&noise, drawn, values_count(&latent));
	forward_compare(f, name, "in.noise", forward_tensor(f, "%s.in.noise", name), drawn, values_count(&latent), 0);
	forward_compare(f, name, "in.sigmas", forward_tensor(f, "%s.in.sigmas", name), sigmas, request.sigma_count, 0);
	request.sigmas = sigmas;
	if (!inference_sample(&inference, models->unet, f->device, &request, &out, &e))
		goto out;
	forward_compare(f, name, "out.latent", forward_tensor(f, "%s.out.latent", name), out.values, values_count(&out), 1e-5);
	if (tap.compared != 4 * (request.sigma_count - 1))
		tally_fail(f->tally, name, "%zu values of the steps were compared", tap.compared);
	if (inference_decode(&inference, models->vae, f->device, &out, &image, &e))
		compare_image(f, name, &image);
out:
	if (error_is_set(&e))
		fail(f, name, &e);
	free(drawn);
	free(sigmas);
	values_free(&image);
	values_free(&out);
	values_free(&latent);
	compute_conditioning_free(&conditionings[0]);
	compute_conditioning_free(&conditionings[1]);
}

void forward_e2e(struct forward_data *f)
{
	struct e2e_models models = { .unet = NULL };
	struct error e = ERROR_INIT;
	const char *name;
	json_t *description;

	if (!e2e_open(f, &models, &e)) {
		fail(f, "models", &e);
	} else {
		e2e_text(f, &models);
		json_object_foreach(json_object_get(f->json, "cases"), name, description)
		{
			if (strcmp(name, "text") != 0)
				e2e_sample(f, &models, name, description);
		}
	}
	model_free(models.unet);
	model_free(models.t5);
	model_free(models.vae);
	model_free(models.clip);
}

/* ---- noise ---- */

static void sha256_of(const float *values, size_t count, char text[65])
{
	struct sha256_ctx sum;
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_init(&sum);
	sha256_update(&sum, count * sizeof(*values), (const uint8_t *)values);
	sha256_digest(&sum, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static uint64_t seed_of(const json_t *value)
{
	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : (uint64_t)json_integer_value(value);
}

void forward_noise(struct forward_data *f)
{
	size_t index;
	json_t *row;

	json_array_foreach(json_object_get(f->json, "cases"), index, row)
	{
		const char *wanted = json_string_value(json_object_get(row, "sha256"));
		const char *key = json_string_value(json_object_get(row, "key"));
		size_t count = 1;
		size_t dimension;
		json_t *extent;
		float *values;
		struct noise noise;
		char sum[65] = "";

		json_array_foreach(json_object_get(row, "shape"), dimension, extent) count *=
			(size_t)json_integer_value(extent);
		values = array_new(count, sizeof(*values), NULL);
		if (!values)
			return;
		noise_seed(&noise, seed_of(json_object_get(row, "seed")));
		noise_fill(&noise, values, count);
		sha256_of(values, count, sum);
		if (wanted && strcmp(sum, wanted) == 0)
			tally_pass(f->tally);
		else
			tally_fail(f->tally, key ? key : "noise", "other bits: sha256 %s", sum);
		free(values);
	}
}

/* ---- schedules ---- */

static bool table_of(const char *type, const json_t *settings, struct sigma_table *table, struct error *e)
{
	const json_t *given = json_object_get(settings, "shift");
	const json_t *factor = json_object_get(settings, "multiplier");
	double shift = json_is_number(given) ? json_number_value(given) : 1.15;
	double multiplier = json_is_number(factor) ? json_number_value(factor) : 1000;

	if (strcmp(type, "FLUX") == 0)
		return schedule_table_make(table, SAMPLING_SHIFT_EXPONENTIAL, shift, 1, e);
	return schedule_table_make(table, SAMPLING_SHIFT_LINEAR, shift, multiplier, e);
}

static bool type_is_built(const char *model_type)
{
	return strcmp(model_type, "FLUX") == 0 || strcmp(model_type, "FLOW") == 0;
}

static bool scheduler_is_built(const char *name)
{
	for (size_t i = 0; schedule_names[i]; i++) {
		if (strcmp(schedule_names[i], name) == 0)
			return true;
	}
	return false;
}

/* SCHEDULER/STEPS/denoiseX, with _unipc after it where one step more is made and the second last sigma taken out. */
static void run_schedule(struct forward_data *f, const char *type, const struct sigma_table *table, const char *key,
			 const json_t *wanted)
{
	char scheduler[64];
	char name[128];
	unsigned steps;
	double denoise;
	float *sigmas;
	size_t count;
	struct error e = ERROR_INIT;
	bool same;

	snprintf(name, sizeof(name), "%s %s", type, key);
	if (sscanf(key, "%63[^/]/%u/denoise%lf", scheduler, &steps, &denoise) != 3) {
		tally_fail(f->tally, name, "cannot be read");
		return;
	}
	if (!scheduler_is_built(scheduler)) {
		snprintf(name, sizeof(name), "scheduler %s", scheduler);
		tally_not_built(f->tally, name, 1);
		return;
	}
	if (strstr(key, "_unipc")) {
		tally_not_built(f->tally, "sampler uni_pc: its schedules", 1);
		return;
	}
	if (!schedule_make(table, scheduler, steps, denoise, &sigmas, &count, &e)) {
		fail(f, name, &e);
		return;
	}
	same = count == json_array_size(wanted);
	for (size_t i = 0; same && i < count; i++)
		same = sigmas[i] == (float)json_number_value(json_array_get(wanted, i));
	if (same)
		tally_pass(f->tally);
	else
		tally_fail(f->tally, name, "%zu sigmas, other bits", count);
	free(sigmas);
}

void forward_schedules(struct forward_data *f)
{
	const char *type;
	json_t *description;

	json_object_foreach(json_object_get(f->json, "types"), type, description)
	{
		struct sigma_table table;
		struct error e = ERROR_INIT;
		const char *key;
		const char *model_type = json_string_value(json_object_get(description, "model_type"));
		char what[96];
		json_t *wanted;

		if (!type_is_built(model_type)) {
			snprintf(what, sizeof(what), "sampling type %s: its schedules", model_type);
			tally_not_built(f->tally, what, json_object_size(json_object_get(description, "schedules")));
			continue;
		}
		if (!table_of(model_type, json_object_get(description, "sampling_settings"), &table, &e)) {
			fail(f, type, &e);
			continue;
		}
		json_object_foreach(json_object_get(description, "schedules"), key, wanted)
			run_schedule(f, type, &table, key, wanted);
		schedule_table_free(&table);
	}
}

/* ---- samplers ---- */

struct toy {
	const struct forward_data *f;
	const char *case_name;
	bool is_linear;
};

/* x0 = 0.7 x, or 0.5 tanh(x) + 0.2 x / (1 + sigma). */
static bool toy_denoise(void *context, struct sampler_run *run, unsigned step, float sigma, struct error *e)
{
	const struct toy *toy = context;

	(void)e;
	forward_compare(toy->f, toy->case_name, "model_in", forward_tensor(toy->f, "%s.model_in.%u", toy->case_name, step),
			run->x, run->count, 1e-6);
	for (size_t i = 0; i < run->count; i++) {
		float x = run->x[i];

		run->denoised[i] = toy->is_linear ? 0.7F * x : 0.5F * tanhf(x) + 0.2F * x / (1.0F + sigma);
	}
	return true;
}

static const char *not_built(const json_t *description)
{
	const char *sampler = json_string_value(json_object_get(description, "sampler"));
	const char *scheduler = json_string_value(json_object_get(description, "scheduler"));

	const char *type = json_string_value(json_object_get(description, "type"));

	if (!sampler || !sampler_find(sampler, NULL))
		return sampler ? sampler : "without a name";
	if (type && (strncmp(type, "eps", 3) == 0 || strncmp(type, "v_prediction", 12) == 0))
		return type;
	return scheduler && scheduler_is_built(scheduler) ? NULL : scheduler;
}

static bool type_table(const struct forward_data *f, const char *type, struct sigma_table *table, struct error *e)
{
	struct forward_data schedules;
	const json_t *description;
	bool fine = open_other(f, &schedules, "schedules", e);

	if (fine) {
		description = json_object_get(json_object_get(schedules.json, "types"), type);
		fine = description ? table_of(json_string_value(json_object_get(description, "model_type")),
					      json_object_get(description, "sampling_settings"), table, e)
				   : error_set(e, ERROR_FORMAT, "there is no sampling type %s", type);
	}
	forward_close(&schedules);
	return fine;
}

static void run_sampler(struct forward_data *f, const char *name, const json_t *description)
{
	struct toy toy = { .f = f,
			   .case_name = name,
			   .is_linear = strcmp(json_string_value(json_object_get(description, "denoiser")), "lin") == 0 };
	struct sampler_run run = { .context = &toy, .denoise = toy_denoise };
	const struct safetensors_tensor *final = forward_tensor(f, "%s.final", name);
	struct sigma_table table;
	struct error e = ERROR_INIT;
	struct noise noise;
	float *sigmas = NULL;
	float *latent;

	if (!final || !type_table(f, json_string_value(json_object_get(description, "type")), &table, &e)) {
		fail(f, name, &e);
		return;
	}
	run.count = final->element_count;
	run.x = array_new(run.count, sizeof(float), &e);
	run.denoised = array_new(run.count, sizeof(float), &e);
	if (run.x && run.denoised &&
	    schedule_make(&table, json_string_value(json_object_get(description, "scheduler")),
			  (unsigned)json_integer_value(json_object_get(description, "steps")),
			  json_number_value(json_object_get(description, "denoise")), &sigmas, &run.sigma_count, &e)) {
		run.sigmas = sigmas;
		noise_seed(&noise, seed_of(json_object_get(f->json, "seed")));
		noise_fill(&noise, run.x, run.count);
		latent = strstr(name, "img2img") ? forward_values(f, forward_tensor(f, "img2img_latent")) : NULL;
		sampler_mix_noise(&run, latent);
		free(latent);
		if (sampler_find(json_string_value(json_object_get(description, "sampler")), &e)->run(&run, &e)) {
			sampler_unmix_noise(&run);
			forward_compare(f, name, "final", final, run.x, run.count, 1e-6);
		}
	}
	if (error_is_set(&e))
		fail(f, name, &e);
	free(sigmas);
	free(run.x);
	free(run.denoised);
	schedule_table_free(&table);
}

void forward_samplers(struct forward_data *f)
{
	const char *name;
	json_t *description;

	json_object_foreach(json_object_get(f->json, "cases"), name, description)
	{
		const char *absent = not_built(description);
		char what[96];

		if (absent) {
			snprintf(what, sizeof(what), "sampler, scheduler or sampling type %s", absent);
			tally_not_built(f->tally, what, 1);
		} else {
			run_sampler(f, name, description);
		}
	}
}
