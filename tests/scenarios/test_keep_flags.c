/* test_keep_flags.c - is this model to be kept? The engine's loaders and the judge of a live server answer alike.
 *
 * One workflow is run on the simulated engine, whose records say what was asked for the text encoder, and read as for a server,
 * whose probe names a model by its file without folder and ending, cut to a record's 63 bytes. The tables in probes/comfyui are
 * compared with the table of keep flags as text, row by row.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/keep_flag.h"
#include "core/base/strbuf.h"
#include "core/manager/policy.h"
#include "core/workflow/library/model_library.h"
#include "scenarios/subject/live_workflow.h"
#include "scenarios/subject/subject.h"
#include "tests/fixtures/subject.h"
#include "tests/harness/harness.h"

/* A workflow whose node 1 is the loader of a text encoder: its class, its files and its flags. */
#define FILE_INPUT(name) "\"clip_name\":\"" name "\""
#define CLIP(class_type, inputs)                                                                                               \
	"{\"1\":{\"class_type\":\"" class_type "\",\"inputs\":{" inputs ",\"type\":\"flux\",\"device\":\"cuda:0\","            \
	"\"virtual_vram_gb\":0.001,\"donor_device\":\"cpu\",\"expert_mode_allocations\":\"\"}},"                               \
	"\"2\":{\"class_type\":\"CLIPTextEncode\",\"inputs\":{\"text\":\"x\",\"clip\":[\"1\",0]}},"                            \
	"\"3\":{\"class_type\":\"EmptySD3LatentImage\",\"inputs\":{\"width\":64,\"height\":64,\"batch_size\":1}},"             \
	"\"4\":{\"class_type\":\"UNETLoader\",\"inputs\":{\"unet_name\":\"flux1-small.safetensors\",\"weight_dtype\":"         \
	"\"default\"}},\"5\":{\"class_type\":\"KSampler\",\"inputs\":{\"model\":[\"4\",0],\"positive\":[\"2\",0],"             \
	"\"negative\":[\"2\",0],\"latent_image\":[\"3\",0],\"seed\":1,\"steps\":1,\"cfg\":1.0,\"sampler_name\":\"euler\","     \
	"\"scheduler\":\"simple\",\"denoise\":1.0}},\"6\":{\"class_type\":\"VAELoader\",\"inputs\":{\"vae_name\":"             \
	"\"ae-small.safetensors\"}},\"7\":{\"class_type\":\"VAEDecode\",\"inputs\":{\"samples\":[\"5\",0],\"vae\":"            \
	"[\"6\",0]}},\"8\":{\"class_type\":\"SaveImage\",\"inputs\":{\"filename_prefix\":\"x\",\"images\":[\"7\",0]}}}"
#define ONE_FILE "CLIPLoaderDisTorch2MultiGPU"
#define TWO_FILES "DualCLIPLoaderDisTorch2MultiGPU"
#define LONG_NAME "clip_l-small-finetuned-on-long-captions-with-a-name-that-says-everything"

/* ---- the two readers ---- */

static void put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	const struct record_model *model = record;

	(void)size_bytes;
	if (type == RECORD_MODEL && strcmp(model->kind, "clip") == 0)
		*(enum keep_request *)context = model->keep;
}

static enum keep_request engine_says(const char *text, const char *policy)
{
	struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct subject_setup setup = {
		.cell = 1, .catalog = &catalog, .device_mode = DEVICE_MODE_SPLIT, .policy = policy_find(policy)
	};
	enum keep_request keep = KEEP_NONE;
	struct record_sink sink = { .context = &keep, .put = put };
	struct error e = ERROR_INIT;
	struct subject *subject = fixture_subject(&sim_backend, "2x3090-nvlink.json", &e);
	json_t *workflow = json_loads(text, 0, NULL);
	const struct action prompt = { .kind = ACTION_PROMPT, .name = "w", .body = workflow };

	ck_assert_ok(subject != NULL, &e);
	ck_assert_ptr_nonnull(workflow);
	ck_assert_ok(subject->operations->begin(subject, &setup, &sink, &e), &e);
	ck_assert_ok(subject->operations->act(subject, &prompt, &e), &e);
	/* The sampler refuses the conditioning of a lone CLIP, which comes after its load. */
	ck_assert_ok(subject->operations->wait_until_idle(subject, &e) || e.kind == ERROR_NODE, &e);
	error_clear(&e);
	subject->operations->end(subject, &e);
	subject_close(subject);
	json_decref(workflow);
	return keep;
}

/* A server whose loader of a text encoder declares the input that `context` names. */
static const json_t *describe(void *context, const char *class_type, struct error *e)
{
	static json_t *described;

	(void)e;
	json_decref(described);
	described = json_pack("{s{s{s{} s{s[s]}}}}", class_type, "input", "required", "optional",
			      strcmp(class_type, ONE_FILE) == 0 ? (const char *)context : "other", "BOOLEAN");
	return described;
}

static enum keep_request live_says(const char *text, const char *stem, const char *declared)
{
	const struct live_classes classes = { .context = (void *)(uintptr_t)declared, .describe = describe };
	json_t *workflow = json_loads(text, 0, NULL);
	json_t *requests = json_object();
	enum keep_request keep = KEEP_NONE;
	struct error e = ERROR_INIT;

	ck_assert_ok(live_keep_read(workflow, NULL, declared ? &classes : NULL, requests, &e), &e);
	live_keep_find(requests, stem, &keep);
	json_decref(requests);
	json_decref(workflow);
	return keep;
}

/* ---- the same answer ---- */

static const struct kept_case {
	const char *what;
	const char *stem; /* of the text encoder's file */
	const char *workflow;
	enum keep_request right;
} cases[] = {
	{ .what = "keep_loaded true",
	  .stem = "clip_l-small",
	  .workflow = CLIP(ONE_FILE, FILE_INPUT("clip_l-small.safetensors") ",\"keep_loaded\":true"),
	  .right = KEEP_YES },
	{ .what = "eject_models true",
	  .stem = "clip_l-small",
	  .workflow = CLIP(ONE_FILE, FILE_INPUT("clip_l-small.safetensors") ",\"eject_models\":true"),
	  .right = KEEP_NO },
	{ .what = "a loader of two files",
	  .stem = "clip_l-small",
	  .workflow = CLIP(TWO_FILES, "\"clip_name1\":\"clip_l-small.safetensors\",\"clip_name2\":\"t5-small.safetensors\","
				      "\"keep_loaded\":true"),
	  .right = KEEP_YES },
	{ .what = "keep_loaded and eject_models true, of a version that is not known",
	  .stem = "clip_l-small",
	  .workflow = CLIP(ONE_FILE, FILE_INPUT("clip_l-small.safetensors") ",\"keep_loaded\":true,\"eject_models\":true"),
	  .right = KEEP_NO },
	{ .what = "a plus sign in the file's name",
	  .stem = "clip_l-small+detail",
	  .workflow = CLIP(ONE_FILE, FILE_INPUT("clip_l-small+detail.safetensors") ",\"keep_loaded\":true"),
	  .right = KEEP_YES },
	{ .what = "a name longer than a record's",
	  .stem = LONG_NAME,
	  .workflow = CLIP(ONE_FILE, FILE_INPUT(LONG_NAME ".safetensors") ",\"keep_loaded\":true"),
	  .right = KEEP_YES },
};

START_TEST(the_engine_and_a_live_judge_read_the_same_request)
{
	const struct kept_case *c = &cases[_i];

	ck_assert_msg(engine_says(c->workflow, "strict") == c->right, "engine: %s", c->what);
	ck_assert_msg(live_says(c->workflow, c->stem, NULL) == c->right, "live: %s", c->what);
}
END_TEST

START_TEST(each_version_reads_the_flag_that_it_declares)
{
	static const char both[] =
		CLIP(ONE_FILE, FILE_INPUT("clip_l-small.safetensors") ",\"keep_loaded\":true,\"eject_models\":true");

	for (size_t i = 0; policies[i]; i++) {
		const char *own = policies[i]->keep_input;
		enum keep_request right = own && strcmp(own, "keep_loaded") == 0 ? KEEP_YES : KEEP_NO;

		ck_assert_msg(engine_says(both, policies[i]->name) == right, "engine: %s", policies[i]->name);
		ck_assert_msg(live_says(both, "clip_l-small", own) == right, "live: %s", policies[i]->name);
	}
}
END_TEST

START_TEST(a_workflow_of_another_generation_asks_for_the_same)
{
	static const char keeps[] = CLIP(ONE_FILE, FILE_INPUT("clip_l-small.safetensors") ",\"keep_loaded\":true");
	static const char ejects[] = CLIP(ONE_FILE, FILE_INPUT("clip_l-small.safetensors") ",\"eject_models\":true");

	for (size_t i = 0; policies[i]; i++) {
		ck_assert_msg(engine_says(keeps, policies[i]->name) == KEEP_YES, "%s", policies[i]->name);
		ck_assert_msg(engine_says(ejects, policies[i]->name) == KEEP_NO, "%s", policies[i]->name);
	}
}
END_TEST

START_TEST(names_that_differ_late_are_two)
{
	json_t *requests = json_pack("{sb sb}", LONG_NAME "-1", 1, LONG_NAME "-2", 0);
	enum keep_request keep = KEEP_NONE;

	ck_assert(live_keep_find(requests, LONG_NAME "-1", &keep) && keep == KEEP_YES);
	ck_assert(live_keep_find(requests, LONG_NAME "-2+clone", &keep) && keep == KEEP_NO);
	ck_assert(!live_keep_find(requests, LONG_NAME, &keep));
	json_decref(requests);
}
END_TEST

/* ---- what is sent to a server ---- */

START_TEST(a_server_is_sent_its_own_flag_with_the_meaning_that_counts)
{
	static const struct {
		const char *flags, *declared;
		bool sent; /* as the declared flag's value */
	} sends[] = {
		{ .flags = "\"keep_loaded\":true", .declared = "eject_models", .sent = false },
		{ .flags = "\"keep_loaded\":false", .declared = "eject_models", .sent = true },
		{ .flags = "\"eject_models\":true", .declared = "keep_loaded", .sent = false },
		{ .flags = "\"keep_loaded\":true,\"eject_models\":true", .declared = "eject_models", .sent = true },
		{ .flags = "\"keep_loaded\":true,\"eject_models\":true", .declared = "keep_loaded", .sent = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sends); i++) {
		const struct live_classes classes = { .context = (void *)(uintptr_t)sends[i].declared, .describe = describe };
		struct error e = ERROR_INIT;
		const json_t *inputs;
		json_t *workflow;
		json_t *fitted;
		char text[256];
		size_t flags = 0;

		snprintf(text, sizeof(text), "{\"1\":{\"class_type\":\"" ONE_FILE "\",\"inputs\":{%s}}}", sends[i].flags);
		workflow = json_loads(text, 0, NULL);
		fitted = live_workflow(workflow, &classes, &e);
		ck_assert_ok(fitted != NULL, &e);
		inputs = json_object_get(json_object_get(fitted, "1"), "inputs");
		for (const struct keep_flag *flag = keep_inputs; flag->name; flag++)
			flags += json_object_get(inputs, flag->name) != NULL;
		ck_assert_msg(flags == 1, "%s", text);
		ck_assert_msg(json_is_true(json_object_get(inputs, sends[i].declared)) == sends[i].sent, "%s", text);
		json_decref(fitted);
		json_decref(workflow);
	}
}
END_TEST

/* ---- the Python of the probe node ---- */

static char *source(const char *path)
{
	struct error e = ERROR_INIT;
	size_t size;
	char *text = file_read_whole(path, &size, &e);

	ck_assert_ok(text != NULL, &e);
	return text;
}

static void assert_has(const char *path, const char *expected)
{
	char *text = source(path);

	ck_assert_msg(strstr(text, expected) != NULL, "%s does not have, as core/base/keep_flag.c would say it:\n%s", path,
		      expected);
	free(text);
}

START_TEST(the_probe_node_reads_the_attributes_of_the_table)
{
	struct strbuf expected = STRBUF_INIT;
	struct error e = ERROR_INIT;
	char *text;

	strbuf_printf(&expected, "KEEP_FLAGS = (\n");
	for (const struct keep_flag *flag = keep_attributes; flag->name; flag++)
		strbuf_printf(&expected, "    (\"%s\", %s),\n", flag->name, flag->true_keeps ? "True" : "False");
	strbuf_printf(&expected, ")\n");
	text = strbuf_finish(&expected, &e);
	ck_assert_ok(text != NULL, &e);
	assert_has("probes/comfyui/observe.py", text);
	free(text);
}
END_TEST

START_TEST(the_guard_reads_the_inputs_of_the_table)
{
	struct strbuf expected = STRBUF_INIT;
	struct error e = ERROR_INIT;
	char *text;

	strbuf_printf(&expected, "KEEP_INPUTS = {");
	for (const struct keep_flag *flag = keep_inputs; flag->name; flag++)
		strbuf_printf(&expected, "%s\"%s\": %s", flag == keep_inputs ? "" : ", ", flag->name,
			      flag->true_keeps ? "True" : "False");
	strbuf_printf(&expected, "}");
	text = strbuf_finish(&expected, &e);
	ck_assert_ok(text != NULL, &e);
	assert_has("probes/comfyui/guard.py", text);
	free(text);
}
END_TEST

/* routes.py tells generations apart by the names of their flags. */
START_TEST(the_probe_node_tells_versions_apart_by_flags_of_the_table)
{
	char *text = source("probes/comfyui/routes.py");
	unsigned found = 0;

	for (const char *at = text; (at = strstr(at, "_mgpu_"));) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strspn(at, "abcdefghijklmnopqrstuvwxyz_"), at);
		ck_assert_msg(keep_flag_find(keep_attributes, name) != NULL, "%s is not in the table", name);
		at += strlen(name);
		found++;
	}
	ck_assert_uint_gt(found, 0);
	ck_assert_ptr_nonnull(strstr(text, "\"eject_models\" in text"));
	ck_assert_ptr_nonnull(keep_flag_find(keep_inputs, "eject_models"));
	free(text);
}
END_TEST

HARNESS_SUITE(keep_flags_suite)
{
	Suite *suite = suite_create("keep flags");
	TCase *tests = tcase_create("keep flags");

	tcase_add_loop_test(tests, the_engine_and_a_live_judge_read_the_same_request, 0, ARRAY_SIZE(cases));
	tcase_add_test(tests, each_version_reads_the_flag_that_it_declares);
	tcase_add_test(tests, a_workflow_of_another_generation_asks_for_the_same);
	tcase_add_test(tests, names_that_differ_late_are_two);
	tcase_add_test(tests, a_server_is_sent_its_own_flag_with_the_meaning_that_counts);
	tcase_add_test(tests, the_probe_node_reads_the_attributes_of_the_table);
	tcase_add_test(tests, the_guard_reads_the_inputs_of_the_table);
	tcase_add_test(tests, the_probe_node_tells_versions_apart_by_flags_of_the_table);
	suite_add_tcase(suite, tests);
	return suite;
}
