/* A hundred prompts with requests to free between them, under `strict`: what was kept is read once, and nothing grows. */
#include <string.h>

#include "core/base/embed.h"
#include "core/base/json.h"
#include "core/manager/manager.h"
#include "core/workflow/engine.h"
#include "core/workflow/library/model_library.h"
#include "scenarios/workflows.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

#define PROMPTS 100
#define SETTLED_AFTER 5 /* prompts: caches have found their size */

struct counter {
	unsigned disk_loads; /* of kept models */
	unsigned adopted;
};

static void on_load(void *context, uint64_t object, const char *name, bool from_disk)
{
	struct counter *counter = context;

	(void)object;
	if (strstr(name, "flux1")) /* the one that is not kept */
		return;
	if (from_disk)
		counter->disk_loads++;
	else
		counter->adopted++;
}

static struct machine *open_machine(void)
{
	struct error e = ERROR_INIT;
	struct machine *machine = fixture_machine(&sim_backend, "2x3090-nvlink.json", &e);

	ck_assert_ok(machine, &e);
	return machine;
}

static json_t *open_workflow(void)
{
	const struct embedded_file *file = embed_find(scenario_workflows, "flux-three-loaders.json");
	struct error e = ERROR_INIT;
	json_t *workflow = json_parse(file->bytes, embed_length(file), file->name, false, &e);

	ck_assert_ok(workflow, &e);
	return workflow;
}

static uint64_t bytes_in_use(struct machine *machine)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < machine_device_count(machine); i++)
		sum += device_memory_use(machine_device(machine, i)).allocated_bytes;
	return sum;
}

/* A prompt with a seed of its own, then one of the requests in turn. */
static void go_round(struct engine *engine, json_t *workflow, unsigned round)
{
	static const char *const bodies[] = { "{}", "{\"unload_models\":true}", "{\"free_memory\":true}",
					      "{\"unload_models\":true,\"free_memory\":true}" };
	struct error e = ERROR_INIT;
	json_t *body = json_loads(bodies[3 - round % 4], 0, NULL);
	json_t *noise = json_object_get(json_object_get(json_object_get(workflow, "9"), "inputs"), "noise_seed");

	json_integer_set(noise, round);
	ck_assert_ok(engine_submit(engine, workflow, "test", &e) && engine_run_until_idle(engine, &e), &e);
	ck_assert_ok(engine_request_free(engine, body, REQUEST_HEARD, &e) && engine_run_until_idle(engine, &e), &e);
	json_decref(body);
}

START_TEST(a_hundred_prompts_under_strict_leave_objects_and_bytes_as_they_were)
{
	struct counter counter = { .disk_loads = 0 };
	struct observer observer = { .context = &counter, .load = on_load };
	static const struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct machine *machine = open_machine();
	json_t *workflow = open_workflow();
	struct error e = ERROR_INIT;
	struct engine *engine = engine_open(
		&(struct engine_options) {
			.machine = machine, .catalog = &catalog, .policy = &policy_strict, .observer = &observer },
		&e);
	struct heap_counts counts[4] = { { 0 } };
	uint64_t bytes[4] = { 0 };

	ck_assert_ok(engine, &e);
	for (unsigned round = 0; round < PROMPTS; round++) {
		struct heap_counts now;

		go_round(engine, workflow, round);
		now = heap_counts(engine_heap(engine));
		if (round / 4 == SETTLED_AFTER / 4) {
			counts[round % 4] = now;
			bytes[round % 4] = bytes_in_use(machine);
		} else if (round > SETTLED_AFTER) {
			ck_assert_uint_eq(now.objects, counts[round % 4].objects);
			ck_assert_uint_eq(now.references, counts[round % 4].references);
			ck_assert_uint_eq(now.weak_references, counts[round % 4].weak_references);
			ck_assert_uint_eq(now.size_bytes, counts[round % 4].size_bytes);
			ck_assert_uint_eq(bytes_in_use(machine), bytes[round % 4]);
		}
	}
	ck_assert_uint_eq(counter.disk_loads, 2); /* the text encoders, which are one patcher, and the VAE */
	ck_assert_uint_gt(counter.adopted, 0);
	ck_assert_ptr_null(engine_worker_died(engine));
	engine_close(engine);
	json_decref(workflow);
	machine_close(machine);
}
END_TEST

HARNESS_SUITE(long_run_suite)
{
	Suite *suite = suite_create("long run");
	TCase *tests = tcase_create("long run");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_hundred_prompts_under_strict_leave_objects_and_bytes_as_they_were);
	suite_add_tcase(suite, tests);
	return suite;
}
