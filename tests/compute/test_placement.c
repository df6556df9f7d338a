/* The output does not depend on where weights wait: one device, two or four, any allocation. */
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/compute/inference.h"
#include "core/workflow/library/model_library.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

static struct machine *open_machine(const char *topology_file, const struct backend *backend)
{
	struct error e = ERROR_INIT;
	struct machine *machine = fixture_machine(backend, topology_file, &e);

	openblas_set_num_threads(1);
	ck_assert_ok(machine, &e);
	return machine;
}

static struct model *open_model(struct machine *machine, enum model_kind kind, const char *file, const char *second)
{
	static const struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct model_source source = { .kind = kind, .files = { file, second }, .file_count = second ? 2 : 1, .type = "flux" };
	struct error e = ERROR_INIT;
	struct model *model = catalog.open(catalog.context, &source, machine, machine_device(machine, 0), &e);

	ck_assert_ok(model, &e);
	return model;
}

/* Block i rests on device (i * step) % count. */
static void spread(struct model *model, size_t step)
{
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < model->block_count; i++) {
		struct device *to = machine_device(model->machine, i * step % machine_device_count(model->machine));

		ck_assert_ok(model_move_block(model, i, to, &e), &e);
	}
}

struct picture {
	char text[VALUES_HASH_MAX], latent[VALUES_HASH_MAX], image[VALUES_HASH_MAX];
};

/* Text to latent to image; every model's blocks are spread with `step` (0: all stay on cpu). */
static void draw(struct machine *machine, size_t step, struct picture *picture)
{
	struct inference inference = { .machine = machine };
	struct device *compute = machine_device(machine, 1);
	struct model *clip = open_model(machine, MODEL_CLIP, "t5-small.safetensors", "clip_l-small.safetensors");
	struct model *unet = open_model(machine, MODEL_UNET, "flux1-small.safetensors", NULL);
	struct model *vae = open_model(machine, MODEL_VAE, "ae-small.safetensors", NULL);
	struct sample_request request = { .sampler = "euler", .cfg = 1, .seed = 42, .add_noise = true };
	struct conditioning conditioning;
	struct values latent;
	struct values sampled;
	struct values image;
	struct error e = ERROR_INIT;
	float *sigmas;

	spread(clip, step);
	spread(unet, step);
	spread(vae, step);
	ck_assert_ok(inference_encode_text(&inference, clip, compute, "a lighthouse, at dusk", &conditioning, &e), &e);
	ck_assert_ok(inference_sigmas(&inference, unet, NAN, "simple", 2, 1.0, &sigmas, &request.sigma_count, &e), &e);
	ck_assert_ok(values_new(&latent, machine, 4, (int64_t[]) { 1, 16, 6, 4 }, &e), &e);
	request.sigmas = sigmas;
	request.positive = &conditioning;
	request.latent = &latent;
	ck_assert_ok(inference_sample(&inference, unet, compute, &request, &sampled, &e), &e);
	ck_assert_ok(inference_decode(&inference, vae, compute, &sampled, &image, &e), &e);
	values_hash(&conditioning.cond, picture->text);
	values_hash(&sampled, picture->latent);
	values_hash(&image, picture->image);
	for (size_t i = 0; image.values && i < values_count(&image); i++)
		ck_assert(image.values[i] >= 0 && image.values[i] <= 1);
	free(sigmas);
	values_free(&latent);
	values_free(&sampled);
	values_free(&image);
	compute_conditioning_free(&conditioning);
	model_free(clip);
	model_free(unet);
	model_free(vae);
}

static void draw_on(const char *topology_file, size_t step, struct picture *picture)
{
	struct machine *machine = open_machine(topology_file, &host_backend);

	draw(machine, step, picture);
	for (size_t i = 0; i < machine_device_count(machine); i++)
		ck_assert_uint_eq(device_memory_use(machine_device(machine, i)).allocated_bytes, 0);
	machine_close(machine);
}

START_TEST(one_device_two_and_four_draw_the_same_bits)
{
	static const char *const topologies[] = { "host-1gpu.json", "host-2gpu.json", "host-4gpu.json" };
	struct picture reference;
	struct picture other;

	draw_on(topologies[0], 0, &reference);
	ck_assert_uint_eq(strlen(reference.image), 32);
	for (size_t t = 0; t < ARRAY_SIZE(topologies); t++) {
		for (size_t step = 0; step < 4; step++) {
			draw_on(topologies[t], step, &other);
			ck_assert_str_eq(other.text, reference.text);
			ck_assert_str_eq(other.latent, reference.latent);
			ck_assert_str_eq(other.image, reference.image);
		}
	}
}
END_TEST

START_TEST(the_simulator_runs_the_same_forward_without_bytes)
{
	struct machine *machine = open_machine("2x3090-nvlink.json", &sim_backend);
	struct picture picture;

	draw(machine, 1, &picture);
	ck_assert_str_eq(picture.image, "");
	ck_assert_uint_gt(machine_now_ns(machine), 0);
	machine_close(machine);
}
END_TEST

START_TEST(waiting_weights_cost_time_on_the_simulator)
{
	struct machine *near = open_machine("2x3090-nvlink.json", &sim_backend);
	struct machine *far = open_machine("2x3090-nvlink.json", &sim_backend);
	struct model *models[] = { open_model(near, MODEL_VAE, "ae.safetensors", NULL),
				   open_model(far, MODEL_VAE, "ae.safetensors", NULL) };
	struct machine *machines[] = { near, far };
	uint64_t took_ns[2];
	struct error e = ERROR_INIT;

	ck_assert_ok(model_move(models[0], machine_device(near, 1), &e), &e);
	for (size_t i = 0; i < 2; i++) {
		struct inference inference = { .machine = machines[i] };
		struct values latent = { .rank = 4, .shape = { 1, 16, 32, 32 } };
		struct values image;
		uint64_t before_ns = machine_now_ns(machines[i]);

		ck_assert_ok(inference_decode(&inference, models[i], machine_device(machines[i], 1), &latent, &image, &e), &e);
		took_ns[i] = machine_now_ns(machines[i]) - before_ns;
		values_free(&image);
		model_free(models[i]);
		machine_close(machines[i]);
	}
	ck_assert_uint_gt(took_ns[1], took_ns[0]);
}
END_TEST

START_TEST(a_device_too_small_is_an_error_that_names_it)
{
	struct error e = ERROR_INIT;
	struct machine *machine = fixture_card(&host_backend, 4 * GIB, 4 * MIB, &e);
	struct inference inference = { .machine = machine };
	struct model *vae = open_model(machine, MODEL_VAE, "ae-small.safetensors", NULL);
	struct values latent;
	struct values image;

	ck_assert_ok(values_new(&latent, machine, 4, (int64_t[]) { 1, 16, 64, 64 }, &e), &e);
	ck_assert(!inference_decode(&inference, vae, machine_device(machine, 1), &latent, &image, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_ptr_nonnull(strstr(e.text, "cuda:0"));
	ck_assert_uint_eq(device_memory_use(machine_device(machine, 1)).allocated_bytes, 0);
	values_free(&latent);
	model_free(vae);
	machine_close(machine);
}
END_TEST

HARNESS_SUITE(placement_suite)
{
	Suite *suite = suite_create("placement");
	TCase *tests = tcase_create("placement");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, one_device_two_and_four_draw_the_same_bits);
	tcase_add_test(tests, the_simulator_runs_the_same_forward_without_bytes);
	tcase_add_test(tests, waiting_weights_cost_time_on_the_simulator);
	tcase_add_test(tests, a_device_too_small_is_an_error_that_names_it);
	suite_add_tcase(suite, tests);
	return suite;
}
