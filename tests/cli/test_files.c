/* Commands about files: inspect says what a file is, or what is wrong with it and where; synth makes one. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static char *folder;

static void set_up(void)
{
	folder = harness_make_folder();
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static const json_t *first_model(const json_t *report)
{
	return json_array_get(json_object_get(report, "models"), 0);
}

static void assert_text(const json_t *object, const char *member, const char *wanted)
{
	ck_assert_str_eq(json_string_value(json_object_get(object, member)), wanted);
}

START_TEST(a_made_up_file_is_inspected_as_what_it_was_made)
{
	json_t *report;

	free(run_text(0, "synth wan2.2_ti2v_5b --zeros --out '%s/w.safetensors'", folder));
	report = run_json(0, "inspect --json '%s/w.safetensors'", folder);
	assert_text(first_model(report), "family", "wan");
	assert_text(first_model(report), "upstream", "WAN22_T2V");
	ck_assert_int_eq(json_integer_value(json_object_get(first_model(report), "blocks")), 518);
	ck_assert_int_eq(json_integer_value(json_object_get(first_model(report), "loadlist_bytes")), 9999643008);
	ck_assert_uint_eq(json_array_size(json_object_get(report, "wrong")), 0);
	json_decref(report);
}
END_TEST

START_TEST(a_report_is_a_screen_of_80_columns)
{
	static const char *const names[] = { "sdxl_base_checkpoint", "flux", "qwen2.5_vl" };

	for (size_t i = 0; i < 3; i++) {
		size_t lines = 0;
		char *text;

		free(run_text(0, "synth %s --zeros --out '%s/m.safetensors'", names[i], folder));
		text = run_text(0, "inspect '%s/m.safetensors'", folder);
		for (char *rest = text, *line; (line = strsep(&rest, "\n")) && rest; lines++)
			ck_assert_msg(lines == 0 || strlen(line) <= 80, "%s", line); /* the first begins with the path */
		ck_assert_uint_le(lines, 30);
		free(text);
	}
}
END_TEST

/* A safetensors file of one tensor of zeros. */
static char *write_tensor(const char *file, const char *name, const char *shape, size_t data_bytes)
{
	char bytes[4096] = { 0 };
	uint64_t length =
		(uint64_t)snprintf(bytes + 8, 1000, "{\"%s\":{\"dtype\":\"F16\",\"shape\":[%s],\"data_offsets\":[0,%zu]}}",
				   name, shape, data_bytes);

	memcpy(bytes, &length, 8);
	return write_file(folder, file, bytes, 8 + length + data_bytes);
}

START_TEST(a_lora_is_told_with_its_rank)
{
	char *path = write_tensor("l.safetensors", "lora_unet_x.lora_down.weight", "4,8", 64);
	json_t *report = run_json(0, "inspect --json '%s'", path);

	assert_text(report, "kind", "a LoRA in safetensors");
	ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(report, "rank"), 0)), 4);
	json_decref(report);
	free(path);
}
END_TEST

START_TEST(a_strangers_file_is_shown_by_its_tensors)
{
	char *path = write_tensor("s.safetensors", "foo.weight", "4,8", 64);
	char *text = run_text(0, "inspect '%s'", path);

	ck_assert_ptr_nonnull(strstr(text, "no family that is built in"));
	ck_assert_ptr_nonnull(strstr(text, "foo.weight F16 4x8"));
	free(text);
	free(path);
}
END_TEST

START_TEST(a_quantised_file_is_told_with_its_types)
{
	char *text = run_text(0, "inspect tests/data/numerics/files/tiny_t5.gguf");

	ck_assert_ptr_nonnull(strstr(text, "GGUF version 3"));
	ck_assert_ptr_nonnull(strstr(text, "IQ4_NL 36 B in 1"));
	ck_assert_ptr_nonnull(strstr(text, "general.architecture = t5"));
	free(text);
}
END_TEST

START_TEST(an_index_names_the_shard_that_is_not_there)
{
	static const char index[] = "{\"weight_map\":{\"foo.weight\":\"s.safetensors\",\"bar\":\"t.safetensors\",\"baz\":"
				    "\"s.safetensors\",\"up\":\"../x\"}}";
	char *shard = write_tensor("s.safetensors", "foo.weight", "4,8", 64);
	char *path = write_file(folder, "m.safetensors.index.json", index, sizeof(index) - 1);
	json_t *report = run_json(7, "inspect --json '%s'", path);
	const json_t *wrong = json_object_get(report, "wrong");

	ck_assert_uint_eq(json_array_size(wrong), 3);
	ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(wrong, 0)), "t.safetensors: No such file"));
	ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(wrong, 1)), "baz is not in s.safetensors"));
	ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(wrong, 2)), "up is in ../x, which is not beside"));
	json_decref(report);
	free(path);
	free(shard);
}
END_TEST

START_TEST(a_folder_is_inspected_as_the_file_that_diffusers_puts_there)
{
	static const char index[] = "{\"weight_map\":{\"foo.weight\":\"s.safetensors\"}}";
	char *text;

	assert_complains(7, "holds none of the files that diffusers puts there: diffusion_pytorch_model.safetensors.index.json",
			 "inspect '%s'", folder);
	free(write_file(folder, "model_index.json", "{}", 2));
	assert_complains(7, "is a whole pipeline of diffusers; name one model's folder in it: transformer,", "inspect '%s'",
			 folder);
	free(write_tensor("s.safetensors", "foo.weight", "4,8", 64));
	free(write_file(folder, "model.safetensors.index.json", index, sizeof(index) - 1));
	text = run_text(0, "inspect '%s'", folder);
	ck_assert_ptr_nonnull(strstr(text, "/model.safetensors.index.json: an index of shards"));
	free(text);
}
END_TEST

START_TEST(a_workflow_is_told_with_its_files_and_whether_it_can_run)
{
	json_t *report = run_json(0, "inspect --json scenarios/workflows/flux-lora.json");

	assert_text(report, "format", "api");
	ck_assert(json_is_true(json_object_get(report, "runs_here")));
	ck_assert_uint_ge(json_array_size(json_object_get(report, "files")), 4);
	json_decref(report);
}
END_TEST

START_TEST(topologies_and_stores_are_known)
{
	json_t *report = run_json(0, "inspect --json scenarios/topologies/mixed.json");

	assert_text(report, "kind", "a topology");
	json_decref(report);
	free(run_text(0, "bench links --topology host-2gpu --backend sim --store '%s/s.db'", folder));
	report = run_json(0, "inspect --json '%s/s.db'", folder);
	assert_text(report, "kind", "a store of runs (SQLite)");
	ck_assert_int_eq(json_integer_value(json_object_get(report, "runs")), 1);
	json_decref(report);
}
END_TEST

START_TEST(what_cannot_be_read_says_what_it_is)
{
	char *pickle = write_file(folder, "p.pt", "\x80\x02}q", 4);
	char *zip = write_file(folder, "z.ckpt", "PK\x03\x04....", 8);
	char *json = write_file(folder, "j.json", "{\"a\":1}", 7);
	char *cut = write_file(folder, "c.safetensors", "\x10", 1);

	assert_complains(4, "pickle", "inspect '%s'", pickle);
	assert_complains(4, "torch.save", "inspect '%s'", zip);
	assert_complains(7, "no workflow", "inspect '%s'", json);
	assert_complains(7, "c.safetensors", "inspect '%s'", cut);
	assert_complains(7, "cannot open", "inspect '%s/nowhere'", folder);
	free(pickle);
	free(zip);
	free(json);
	free(cut);
}
END_TEST

START_TEST(a_name_that_synth_does_not_know_brings_the_nearest)
{
	assert_complains(2, "did you mean \"flux\"?", "synth flx --out '%s/x'", folder);
	assert_complains(2, "did you mean \"bf16\"?", "synth flux --dtype bf6 --out '%s/x'", folder);
	assert_complains(2, "--out FILE", "synth flux");
	assert_complains(2, "there are f32", "synth flux --dtype q4 --out '%s/x'", folder);
}
END_TEST

static size_t files_in_folder(void)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

START_TEST(a_full_disk_leaves_nothing_behind)
{
	struct rlimit small = { .rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY };
	struct rlimit before;

	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = before.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_complains(6, "m.safetensors", "synth flux_ae --out '%s/m.safetensors'", folder);
	setrlimit(RLIMIT_FSIZE, &before);
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(a_plan_of_a_file_walks_upstreams_load_list)
{
	json_t *of_file;
	json_t *of_list;

	free(run_text(0, "synth ltxv --zeros --out '%s/l.safetensors'", folder));
	of_file = run_json(0, "plan --json --alloc '#cuda:0;1;cpu' --model '%s/l.safetensors'", folder);
	of_list = run_json(0, "plan --json --alloc '#cuda:0;1;cpu' --loadlist "
			      "tests/data/loadlists/ltxv_2b_transformer.bf16.tsv.gz");
	ck_assert(json_equal(json_object_get(of_file, "blocks"), json_object_get(of_list, "blocks")));
	json_decref(of_file);
	json_decref(of_list);
}
END_TEST

START_TEST(a_workflow_runs_on_files_of_published_names_and_shapes)
{
	char *text;

	free(run_text(0, "synth flux --small --out '%s/flux1-small.safetensors'", folder));
	free(run_text(0, "synth t5 --small --out '%s/t5-small.safetensors'", folder));
	free(run_text(0, "synth clip_l --small --out '%s/clip_l-small.safetensors'", folder));
	free(run_text(0, "synth flux_ae --small --out '%s/ae-small.safetensors'", folder));
	text = run_text(0, "replay flux-three-loaders --store none --models '%s'", folder);
	free(text);
}
END_TEST

START_TEST(published_files_are_known_by_their_tensors_alone)
{
	json_t *report;

	free(run_text(0, "synth flux --zeros --out '%s/flux1-dev.safetensors'", folder));
	free(run_text(0, "synth t5xxl_file_with_embed_tokens --zeros --out '%s/t5xxl_fp16.safetensors'", folder));
	free(run_text(0, "synth clip_l --zeros --out '%s/clip_l.safetensors'", folder));
	free(run_text(0, "synth flux_ae --zeros --out '%s/ae.safetensors'", folder));
	report = run_json(0, "replay flux-dev-1024 --backend sim --json --store none --models '%s'", folder);
	json_decref(report);
}
END_TEST

/* One byte of a small file's header: a tensor of another name. */
static void spoil(const char *path, const char *name)
{
	FILE *file = fopen(path, "r+be");
	char header[65536] = { 0 };
	char *at = NULL;

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_gt(fread(header, 1, sizeof(header), file), 8);
	for (size_t i = 8; i + strlen(name) < sizeof(header) && !at; i++)
		at = memcmp(header + i, name, strlen(name)) == 0 ? header + i : NULL;
	ck_assert_ptr_nonnull(at);
	fseek(file, at - header, SEEK_SET);
	fputc('X', file);
	fclose(file);
}

START_TEST(a_model_file_that_lacks_a_tensor_is_refused_by_its_name)
{
	char path[512];

	free(run_text(0, "synth flux --small --out '%s/flux1-small.safetensors'", folder));
	snprintf(path, sizeof(path), "%s/flux1-small.safetensors", folder);
	spoil(path, "single_blocks.1.linear2.bias");
	assert_complains(7, "are missing, the first is single_blocks.1.linear2.bias",
			 "replay flux-three-loaders --store none --models '%s'", folder);
}
END_TEST

START_TEST(a_loader_of_another_kind_says_what_the_file_is)
{
	free(run_text(0, "synth flux_ae --small --out '%s/flux1-small.safetensors'", folder));
	assert_complains(7, "is a flux_ae; the loader wants a diffusion model",
			 "replay flux-three-loaders --store none --models '%s'", folder);
}
END_TEST

HARNESS_SUITE(files_suite)
{
	Suite *suite = suite_create("files");
	TCase *tcase = tcase_create("files");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_made_up_file_is_inspected_as_what_it_was_made);
	tcase_add_test(tcase, a_report_is_a_screen_of_80_columns);
	tcase_add_test(tcase, a_lora_is_told_with_its_rank);
	tcase_add_test(tcase, a_strangers_file_is_shown_by_its_tensors);
	tcase_add_test(tcase, a_quantised_file_is_told_with_its_types);
	tcase_add_test(tcase, a_folder_is_inspected_as_the_file_that_diffusers_puts_there);
	tcase_add_test(tcase, an_index_names_the_shard_that_is_not_there);
	tcase_add_test(tcase, a_workflow_is_told_with_its_files_and_whether_it_can_run);
	tcase_add_test(tcase, topologies_and_stores_are_known);
	tcase_add_test(tcase, what_cannot_be_read_says_what_it_is);
	tcase_add_test(tcase, a_name_that_synth_does_not_know_brings_the_nearest);
	tcase_add_test(tcase, a_full_disk_leaves_nothing_behind);
	tcase_add_test(tcase, a_plan_of_a_file_walks_upstreams_load_list);
	tcase_add_test(tcase, a_workflow_runs_on_files_of_published_names_and_shapes);
	tcase_add_test(tcase, published_files_are_known_by_their_tensors_alone);
	tcase_add_test(tcase, a_model_file_that_lacks_a_tensor_is_refused_by_its_name);
	tcase_add_test(tcase, a_loader_of_another_kind_says_what_the_file_is);
	suite_add_tcase(suite, tcase);
	return suite;
}
