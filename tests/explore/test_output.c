/* Where models wait, and what was freed in between, changes no bit of an image: real weights, computed on host. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/embed.h"
#include "core/base/json.h"
#include "core/manager/policy.h"
#include "core/workflow/library/model_library.h"
#include "scenarios/topologies.h"
#include "scenarios/workflows.h"
#include "tests/explore/fixture.h"
#include "tests/harness/harness.h"

#define ACTIONS 14

static const char *const files[] = { "flux-three-loaders.json", "flux-lora.json", "flux-all-kept.json" };

struct bench {
	struct subject *subject;
	json_t *workflows[ARRAY_SIZE(files)];
	char hashes[ARRAY_SIZE(files)][80]; /* of the first time */
	char newest[80];
	uint64_t chance;
};

static void on_image(void *context, const struct image_event *event)
{
	struct bench *bench = context;

	ck_assert_uint_lt(strlen(event->hash), sizeof(bench->newest));
	strcpy(bench->newest, event->hash);
}

static struct bench open_bench(void)
{
	const struct embedded_file *file = embedded_find(scenario_topologies, "host-2gpu.json");
	struct error e = ERROR_INIT;
	struct topology *topology = topology_parse(file->bytes, embedded_length(file), file->name, &e);
	struct bench bench = { .chance = 1 };

	ck_assert_ok(topology, &e);
	bench.subject = subject_engine_open(topology, &backend_host, NULL, NULL, &e);
	ck_assert_ok(bench.subject, &e);
	topology_free(topology);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		file = embedded_find(scenario_workflows, files[i]);
		bench.workflows[i] = json_parse(file->bytes, embedded_length(file), files[i], false, &e);
		ck_assert_ok(bench.workflows[i], &e);
	}
	return bench;
}

static void close_bench(struct bench *bench)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		json_decref(bench->workflows[i]);
	subject_close(bench->subject);
}

static size_t below(struct bench *bench, size_t count)
{
	bench->chance = bench->chance * 6364136223846793005 + 1442695040888963407;
	return (size_t)(bench->chance >> 33) % count;
}

/* An image that comes out of a cache is not made again, and is not compared. */
static void prompt(struct bench *bench, const struct policy *policy)
{
	size_t i = below(bench, ARRAY_SIZE(files));
	const struct subject_operations *subject = bench->subject->operations;
	struct error e = ERROR_INIT;

	bench->newest[0] = '\0';
	ck_assert_ok(subject->prompt(bench->subject, bench->workflows[i], files[i], &e) &&
			     subject->wait_until_idle(bench->subject, &e),
		     &e);
	if (!bench->newest[0])
		return;
	if (!bench->hashes[i][0])
		strcpy(bench->hashes[i], bench->newest);
	ck_assert_msg(strcmp(bench->newest, bench->hashes[i]) == 0, "%s under %s: other bits", files[i], policy->name);
}

static void free_something(struct bench *bench)
{
	static const char *const bodies[] = { "{\"unload_models\":true}", "{\"free_memory\":true}",
					      "{\"unload_models\":true,\"release_kept\":true}" };
	const struct subject_operations *subject = bench->subject->operations;
	json_t *body = json_loads(bodies[below(bench, ARRAY_SIZE(bodies))], 0, NULL);
	struct error e = ERROR_INIT;

	if (below(bench, 4))
		ck_assert_ok(subject->request_free(bench->subject, body, REQUEST_HEARD, &e) &&
				     subject->wait_until_idle(bench->subject, &e),
			     &e);
	else
		ck_assert_ok(subject->free_memory(bench->subject, &e) && subject->wait_until_idle(bench->subject, &e), &e);
	json_decref(body);
}

START_TEST(an_image_has_the_same_bits_whatever_was_freed_before_under_any_policy)
{
	static const struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct bench bench = open_bench();
	static const struct record_sink nowhere = { .context = NULL };
	struct error e = ERROR_INIT;

	subject_engine_on_image(bench.subject, on_image, &bench);
	for (size_t i = 0; policies[i]; i++) {
		struct subject_setup setup = { .cell = 1, .policy = policies[i], .catalog = &catalog };
		const struct subject_operations *subject = bench.subject->operations;

		ck_assert_ok(subject->begin(bench.subject, &setup, &nowhere, &e), &e);
		for (size_t action = 0; action < (is_long() ? 10 * ACTIONS : ACTIONS); action++) {
			if (action % 2 == 0)
				prompt(&bench, policies[i]);
			else
				free_something(&bench);
		}
		ck_assert_ok(subject->end(bench.subject, &e), &e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		ck_assert_msg(bench.hashes[i][0], "%s made no image", files[i]);
	ck_assert_str_ne(bench.hashes[1], bench.hashes[2]); /* with a LoRA, and without */
	close_bench(&bench);
}
END_TEST

HARNESS_SUITE(output_suite)
{
	Suite *suite = suite_create("output");
	TCase *tests = tcase_create("output");

	tcase_set_timeout(tests, is_long() ? 1200 : 200);
	tcase_add_test(tests, an_image_has_the_same_bits_whatever_was_freed_before_under_any_policy);
	suite_add_tcase(suite, tests);
	return suite;
}
