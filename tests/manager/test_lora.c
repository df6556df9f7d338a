/* A clone with a LoRA: put into the weights where they are loaded, into copies where they are cast, and taken out to the byte. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/embed.h"
#include "core/compute/inference.h"
#include "core/manager/manager.h"
#include "core/workflow/model_library.h"
#include "scenarios/topologies.h"
#include "tests/harness/harness.h"
#include "tests/manager/suites.h"

static struct topology *topology;
static struct machine *machine;
static struct heap *heap;
static struct manager *manager;
static struct object *root;
static struct reference hold_base, hold_clone;
static struct patcher *base, *with_lora;

static const struct object_class root_class = { .name = "test" };

static void make(void)
{
	const struct embedded_file *file = embedded_find(scenario_topologies, "host-2gpu.json");
	static const struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct model_source source = { .kind = MODEL_UNET, .files = { "flux1-small.safetensors" }, .file_count = 1 };
	struct patcher_change change = { .key = "lora", .lora_strength = 0.8, .sampling_shift = NAN };
	struct error e = ERROR_INIT;

	openblas_set_num_threads(1);
	topology = topology_parse(file->bytes, embedded_length(file), file->name, &e);
	machine = machine_open(topology, &backend_host, &e);
	heap = heap_new(&e);
	root = heap_root(heap, &root_class, "test", &e);
	manager = manager_new(&(struct manager_options) { .heap = heap,
							  .machine = machine,
							  .policy = &policy_strict,
							  .load_device = machine_device(machine, 1),
							  .offload_device = machine_device(machine, 0) },
			      &e);
	ck_assert_ok(manager, &e);
	base = patcher_new(manager, catalog.open(catalog.context, &source, machine, machine_device(machine, 0), &e),
			   machine_device(machine, 1), "base", &e);
	ck_assert_ok(base, &e);
	reference_set(&hold_base, root, &base->object, "base");
	change.lora = lora_open(NULL, "flux-lora-small.safetensors", &e);
	with_lora = patcher_clone(base, &change, &e);
	lora_close(change.lora);
	ck_assert_ok(with_lora, &e);
	reference_set(&hold_clone, root, &with_lora->object, "clone");
}

static void unmake(void)
{
	heap_free(heap);
	manager_free(manager);
	machine_close(machine);
	topology_free(topology);
	hold_base = hold_clone = (struct reference) { .label = NULL };
}

static uint64_t hash_weights(const struct model *model)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < model->parameter_count; i++)
		hash = XXH3_64bits_withSeed(model->parameters[i].resting.address, model->parameters[i].size_bytes, hash);
	return hash;
}

static void sample(const struct patcher *patcher, char hash[VALUES_HASH_MAX])
{
	struct patch_pending pending = patcher_pending(patcher);
	struct inference inference = { .machine = machine, .pending = &pending };
	struct conditioning conditioning = { .guidance = 3.5 };
	struct sample_request request = {
		.sampler = "euler", .cfg = 1, .seed = 7, .add_noise = true, .positive = &conditioning
	};
	struct values latent;
	struct values out;
	struct error e = ERROR_INIT;
	float *sigmas;
	bool fine = inference_sigmas(patcher_model(patcher), NAN, "simple", 2, 1.0, &sigmas, &request.sigma_count, &e) &&
		    values_new(&latent, machine, 4, (int64_t[]) { 1, 16, 4, 4 }, &e) &&
		    values_new(&conditioning.cond, machine, 3, (int64_t[]) { 1, 8, 64 }, &e) &&
		    values_new(&conditioning.pooled, machine, 2, (int64_t[]) { 1, 32 }, &e);

	ck_assert_ok(fine, &e);
	request.sigmas = sigmas;
	request.latent = &latent;
	ck_assert_ok(inference_sample(&inference, patcher_model(patcher), patcher->load_device, &request, &out, &e), &e);
	values_hash(&out, hash);
	values_free(&out);
	values_free(&latent);
	conditioning_free(&conditioning);
	free(sigmas);
}

/* Loads so many bytes and samples; *cast says how many blocks stayed behind. */
static void load_and_sample(struct patcher *patcher, double bytes, size_t *cast, char hash[VALUES_HASH_MAX])
{
	const struct inner *inner = patcher_inner(patcher);
	struct error e = ERROR_INIT;

	ck_assert_ok(patcher_partially_load(patcher, bytes, false, NULL, &e), &e);
	*cast = 0;
	for (size_t i = 0; i < inner->model->block_count; i++)
		*cast += inner->cast[i];
	sample(patcher, hash);
}

START_TEST(a_lora_gives_the_same_bits_loaded_whole_in_part_and_not_at_all)
{
	char whole[VALUES_HASH_MAX];
	char part[VALUES_HASH_MAX];
	char none[VALUES_HASH_MAX];
	char plain[VALUES_HASH_MAX];
	struct error e = ERROR_INIT;
	size_t cast;

	load_and_sample(with_lora, ALL_MEMORY, &cast, whole);
	ck_assert_uint_eq(cast, 0);
	ck_assert_ok(patcher_detach(with_lora, &e), &e);
	load_and_sample(with_lora, 2e6, &cast, part);
	ck_assert_uint_gt(cast, 0);
	ck_assert_ok(patcher_detach(with_lora, &e), &e);
	load_and_sample(with_lora, 0.1, &cast, none);
	ck_assert_ok(patcher_detach(with_lora, &e), &e);
	load_and_sample(base, ALL_MEMORY, &cast, plain);
	ck_assert_str_eq(whole, part);
	ck_assert_str_eq(whole, none);
	ck_assert_str_ne(whole, plain);
}
END_TEST

START_TEST(upstream_patches_what_is_cast_in_the_type_of_the_pass)
{
	char whole[VALUES_HASH_MAX];
	char part[VALUES_HASH_MAX];
	struct error e = ERROR_INIT;
	size_t cast;

	manager->policy = &policy_stock;
	load_and_sample(with_lora, ALL_MEMORY, &cast, whole);
	ck_assert_ok(patcher_detach(with_lora, &e), &e);
	load_and_sample(with_lora, 2e6, &cast, part);
	ck_assert_str_ne(whole, part);
}
END_TEST

START_TEST(taking_a_lora_out_restores_every_byte)
{
	uint64_t before = hash_weights(patcher_model(base));
	struct error e = ERROR_INIT;
	char ignored[VALUES_HASH_MAX];
	uint64_t freed_bytes;
	size_t cast;

	load_and_sample(with_lora, ALL_MEMORY, &cast, ignored);
	ck_assert_uint_ne(hash_weights(patcher_model(base)), before);
	ck_assert_ok(patcher_partially_unload(with_lora, 1e6, &freed_bytes, &e), &e);
	ck_assert_ok(patcher_detach(with_lora, &e), &e);
	ck_assert_uint_eq(hash_weights(patcher_model(base)), before);
}
END_TEST

START_TEST(loading_the_base_takes_the_clones_lora_out)
{
	char plain[VALUES_HASH_MAX];
	char again[VALUES_HASH_MAX];
	char ignored[VALUES_HASH_MAX];
	size_t cast;

	load_and_sample(base, ALL_MEMORY, &cast, plain);
	load_and_sample(with_lora, ALL_MEMORY, &cast, ignored);
	load_and_sample(base, ALL_MEMORY, &cast, again);
	ck_assert_str_eq(plain, again);
}
END_TEST

Suite *lora_suite(void)
{
	Suite *suite = suite_create("lora");
	TCase *tests = tcase_create("lora");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_lora_gives_the_same_bits_loaded_whole_in_part_and_not_at_all);
	tcase_add_test(tests, upstream_patches_what_is_cast_in_the_type_of_the_pass);
	tcase_add_test(tests, taking_a_lora_out_restores_every_byte);
	tcase_add_test(tests, loading_the_base_takes_the_clones_lora_out);
	suite_add_tcase(suite, tests);
	return suite;
}
