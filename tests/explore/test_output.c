/* Where models wait, and what was freed in between, changes no bit of an image: real weights, computed on host.
 * Each image is made once by a fresh engine before the tests fork; then each policy is a test with a time limit of its own. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/embed.h"
#include "core/base/json.h"
#include "core/manager/policy.h"
#include "core/workflow/library/model_library.h"
#include "scenarios/workflows.h"
#include "tests/explore/fixture.h"
#include "tests/fixtures/subject.h"
#include "tests/harness/harness.h"

#define ACTIONS 14

static const char *const files[] = { "flux-three-loaders.json", "flux-lora.json", "flux-all-kept.json" };

#define HASH_SIZE 80

/* Of each file's image by a fresh engine that nothing was freed from; made once, before the tests fork. */
static char hashes[ARRAY_SIZE(files)][HASH_SIZE];

struct bench {
	struct subject *subject;
	struct catalog catalog; /* the subject reads it until its end */
	json_t *workflows[ARRAY_SIZE(files)];
	char newest[HASH_SIZE];
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
	struct error e = ERROR_INIT;
	struct bench bench = { .chance = 1 };

	bench.subject = fixture_subject(&host_backend, "host-2gpu.json", &e);
	ck_assert_ok(bench.subject, &e);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct embedded_file *file = embed_find(scenario_workflows, files[i]);
		bench.workflows[i] = json_parse(file->bytes, embed_length(file), files[i], false, &e);
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

/* Leaves the image's hash in `newest`, or nothing when a cache had it and none was made. */
static void prompt(struct bench *bench, size_t i)
{
	const struct action action = { .kind = ACTION_PROMPT, .name = files[i], .body = bench->workflows[i] };
	const struct subject_operations *subject = bench->subject->operations;
	struct error e = ERROR_INIT;

	bench->newest[0] = '\0';
	ck_assert_ok(subject->act(bench->subject, &action, &e) && subject->wait_until_idle(bench->subject, &e), &e);
}

static void free_something(struct bench *bench)
{
	static const char *const bodies[] = { "{\"unload_models\":true}", "{\"free_memory\":true}",
					      "{\"unload_models\":true,\"release_kept\":true}" };
	const struct subject_operations *subject = bench->subject->operations;
	json_t *body = json_loads(bodies[below(bench, ARRAY_SIZE(bodies))], 0, NULL);
	struct action action = { .body = body };
	struct error e = ERROR_INIT;

	action.kind = below(bench, 4) ? ACTION_POST : ACTION_FREE_MEMORY;
	ck_assert_ok(subject->act(bench->subject, &action, &e) && subject->wait_until_idle(bench->subject, &e), &e);
	json_decref(body);
}

static void begin(struct bench *bench, const struct policy *policy)
{
	static const struct model_library library = { .folder = NULL };
	static const struct record_sink nowhere = { .context = NULL };
	struct subject_setup setup = { .cell = 1, .policy = policy, .catalog = &bench->catalog };
	struct error e = ERROR_INIT;

	*bench = open_bench();
	bench->catalog = model_library_catalog(&library);
	subject_engine_on_image(bench->subject, on_image, bench);
	ck_assert_ok(bench->subject->operations->begin(bench->subject, &setup, &nowhere, &e), &e);
}

static void end(struct bench *bench)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(bench->subject->operations->end(bench->subject, &e), &e);
	close_bench(bench);
}

static void make_each_image_once(void)
{
	struct bench bench;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		begin(&bench, policies[0]);
		prompt(&bench, i);
		ck_assert_msg(bench.newest[0], "%s made no image", files[i]);
		memcpy(hashes[i], bench.newest, HASH_SIZE);
		end(&bench);
	}
}

START_TEST(an_image_has_the_same_bits_whatever_was_freed_before)
{
	const struct policy *policy = policies[_i];
	struct bench bench;
	size_t images = 0;

	begin(&bench, policy);
	bench.chance = (uint64_t)_i + 1;
	for (size_t action = 0; action < (is_long() ? 10 * ACTIONS : ACTIONS); action++) {
		size_t file;

		if (action % 2) {
			free_something(&bench);
			continue;
		}
		file = below(&bench, ARRAY_SIZE(files));
		prompt(&bench, file);
		if (!bench.newest[0])
			continue; /* out of a cache */
		images++;
		ck_assert_msg(strcmp(bench.newest, hashes[file]) == 0, "%s under %s: other bits", files[file], policy->name);
	}
	ck_assert_uint_gt(images, 0);
	end(&bench);
}
END_TEST

START_TEST(a_lora_changes_the_image)
{
	ck_assert_str_ne(hashes[1], hashes[2]);
}
END_TEST

HARNESS_SUITE(output_suite)
{
	Suite *suite = suite_create("output");
	TCase *tests = tcase_create("output");
	int policy_count = 0;

	while (policies[policy_count])
		policy_count++;
	tcase_set_timeout(tests, is_long() ? 1200 : 200);
	tcase_add_unchecked_fixture(tests, make_each_image_once, NULL);
	tcase_add_loop_test(tests, an_image_has_the_same_bits_whatever_was_freed_before, 0, policy_count);
	tcase_add_test(tests, a_lora_changes_the_image);
	suite_add_tcase(suite, tests);
	return suite;
}
