/* Models from files: every byte in its place, told as it comes, and nothing where somebody stops it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/tensor/safetensors/safetensors.h"
#include "core/workflow/library/model_library.h"
#include "core/workflow/library/weights_read.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

static char *folder;
static char path[256];
static struct machine *machine;

static void make(void)
{
	struct error e = ERROR_INIT;
	char arguments[400];

	machine = fixture_machine(harness_backend, "host-2gpu.json", &e);
	ck_assert_ok(machine, &e);
	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/mine.safetensors", folder);
	snprintf(arguments, sizeof(arguments), "synth flux --small --seed 5 --out '%s'", path);
	ck_assert_int_eq(harness_residency(arguments, NULL, NULL), 0);
}

static void unmake(void)
{
	machine_close(machine);
	harness_remove_folder(folder);
}

static struct model *open_mine(const struct bulk_watcher *watcher, struct error *e)
{
	struct model_library library = { .folder = folder, .watcher = watcher };
	struct catalog catalog = model_library_catalog(&library);
	struct model_source source = { .kind = MODEL_UNET, .files = { "mine.safetensors" }, .file_count = 1 };

	return catalog.open(catalog.context, &source, machine, machine_device(machine, 0), e);
}

START_TEST(a_model_has_the_bytes_of_its_file)
{
	struct error e = ERROR_INIT;
	struct model *model = open_mine(NULL, &e);
	struct safetensors *file = safetensors_open(path, &e);

	ck_assert_ok(model && file, &e);
	ck_assert_uint_eq(model->parameter_count, safetensors_count(file));
	for (size_t i = 0; i < model->parameter_count; i++) {
		const struct parameter *parameter = &model->parameters[i];
		const struct safetensors_tensor *tensor = safetensors_find(file, parameter->name);

		ck_assert_ptr_nonnull(tensor);
		ck_assert_uint_eq(tensor->size_bytes, parameter->size_bytes);
		ck_assert_mem_eq(tensor->bytes, harness_bytes(&parameter->resting), parameter->size_bytes);
	}
	safetensors_close(file);
	model_free(model);
}
END_TEST

static void on_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	uint64_t *seen = context;

	ck_assert_uint_ge(done_bytes, seen[0]);
	seen[0] = done_bytes;
	seen[1] = total_bytes;
}

START_TEST(loading_tells_how_many_bytes_are_in_place)
{
	uint64_t seen[2] = { 0 };
	struct bulk_watcher watcher = { .progress = on_progress, .context = seen };
	struct error e = ERROR_INIT;
	struct model *model = open_mine(&watcher, &e);

	ck_assert_ok(model, &e);
	ck_assert_uint_eq(seen[0], model->size_bytes);
	ck_assert_uint_eq(seen[1], model->size_bytes);
	model_free(model);
}
END_TEST

START_TEST(loading_that_is_interrupted_gives_no_model_and_its_memory_back)
{
	bool interrupted = true;
	struct bulk_watcher watcher = { .interrupted = &interrupted };
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(open_mine(&watcher, &e));
	ck_assert_int_eq(e.kind, ERROR_INTERRUPTED);
	ck_assert_uint_eq(device_memory_use(machine_device(machine, 0)).allocated_bytes, 0);
}
END_TEST

/* ---- what stands beside a device ---- */

#define LARGE_BYTES (48 * MIB)
#define LARGE_COUNT 4

static uint64_t written_bytes, most_beside_bytes;

static bool count_write(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, const void *from,
			struct error *e)
{
	written_bytes += size_bytes;
	return guarded_backend.write(state, d, address, offset_bytes, size_bytes, from, e);
}

static void note_beside(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	(void)context;
	ck_assert_uint_eq(total_bytes, LARGE_COUNT * LARGE_BYTES);
	if (done_bytes - written_bytes > most_beside_bytes)
		most_beside_bytes = done_bytes - written_bytes;
}

START_TEST(off_host_a_model_is_read_a_window_at_a_time)
{
	const struct bulk_watcher watcher = { .progress = note_beside };
	struct backend counting = guarded_backend;
	struct parameter_description parameters[LARGE_COUNT];
	struct parameter_origin origins[LARGE_COUNT] = { { .path = NULL } };
	struct tensor_row rows[LARGE_COUNT] = { { .name = NULL } };
	struct block_description block = { .name = "all", .type = "Linear", .parameter_count = LARGE_COUNT };
	struct error e = ERROR_INIT;
	struct machine *counted;
	struct model *model;

	counting.write = count_write;
	counted = machine_open(machine_topology(machine), &counting, &e);
	ck_assert_ok(counted, &e);
	ck_assert_int_eq(truncate(path, LARGE_COUNT * LARGE_BYTES), 0);
	for (unsigned i = 0; i < LARGE_COUNT; i++) {
		static const char *const names[LARGE_COUNT] = { "a", "b", "c", "d" };

		parameters[i] = (struct parameter_description) {
			.name = names[i], .dtype = DTYPE_F32, .rank = 1, .shape = { LARGE_BYTES / sizeof(float) }
		};
		rows[i] = (struct tensor_row) { .name = names[i], .size_bytes = LARGE_BYTES, .file_offset = i * LARGE_BYTES };
		origins[i] =
			(struct parameter_origin) { .path = path, .rows = { &rows[i] }, .part_count = { 1 }, .piece_count = 1 };
	}
	model = model_new(counted, machine_device(counted, 0), "large", MODEL_UNET, &block, 1, parameters, LARGE_COUNT, &e);
	ck_assert_ok(model, &e);
	written_bytes = 0;
	most_beside_bytes = 0;
	ck_assert_ok(weights_read(model, origins, &watcher, &e), &e);
	ck_assert_uint_eq(written_bytes, LARGE_COUNT * LARGE_BYTES);
	ck_assert_uint_eq(most_beside_bytes, LARGE_BYTES);
	model_free(model);
	machine_close(counted);
}
END_TEST

HARNESS_SUITE(library_suite)
{
	const TTest *const claims[] = {
		a_model_has_the_bytes_of_its_file,
		loading_tells_how_many_bytes_are_in_place,
		loading_that_is_interrupted_gives_no_model_and_its_memory_back,
		off_host_a_model_is_read_a_window_at_a_time,
	};
	Suite *suite = suite_create("library");

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	return suite;
}
