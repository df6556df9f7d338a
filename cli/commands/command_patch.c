#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "core/base/array.h"
#include "core/base/string.h"
#include "core/patch/file/patch_file.h"

#define NAMES_SHOWN 8

struct patch_settings {
	const char *model, *out, *dtype;
	struct texts loras;
	bool all_names, json;
};

/* The LoRAs that were settings for, opened. */
struct loras {
	struct patch_file_lora items[TEXTS_MAX];
	size_t count;
};

static void close_loras(struct loras *loras)
{
	for (size_t i = 0; i < loras->count; i++)
		lora_close(loras->items[i].file);
}

/* FILE or FILE:STRENGTH. What follows the last colon is a strength if it is a number. */
static bool open_lora(const char *text, struct loras *loras, struct error *e)
{
	struct patch_file_lora *lora = &loras->items[loras->count];
	const char *colon = strrchr(text, ':');
	char *path = string_copy(text, e);
	char *end;

	if (!path)
		return false;
	lora->strength = 1.0;
	if (colon && colon[1]) {
		double strength = strtod(colon + 1, &end);

		if (*end == '\0') {
			lora->strength = strength;
			path[colon - text] = '\0';
		}
	}
	lora->file = lora_open_path(path, e);
	free(path);
	if (!lora->file)
		return false;
	loras->count++;
	return true;
}

static bool open_loras(const struct patch_settings *settings, struct loras *loras, struct error *e)
{
	for (size_t i = 0; i < settings->loras.count; i++) {
		if (!open_lora(settings->loras.texts[i], loras, e))
			return false;
	}
	return true;
}

static bool check_asked(const struct patch_settings *settings, struct error *e)
{
	if (!settings->model)
		return error_set(e, ERROR_USAGE,
				 "say what to patch: a safetensors file, the index of several, or a folder of diffusers");
	if (settings->loras.count == 0)
		return error_set(e, ERROR_USAGE, "say with what: --lora FILE:STRENGTH, once for each");
	if (!settings->out)
		return error_set(e, ERROR_USAGE, "say where to: --out FILE");
	return true;
}

static bool find_dtype(const char *name, struct patch_file_request *request, struct error *e)
{
	static const enum dtype known[] = { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_F8_E4M3, DTYPE_F8_E5M2 };

	if (!name)
		return true;
	request->has_dtype = dtype_from_name(name, &request->dtype);
	for (size_t i = 0; request->has_dtype && i < ARRAY_SIZE(known); i++) {
		if (request->dtype == known[i])
			return true;
	}
	return error_set(e, ERROR_USAGE, "--dtype takes F32, F16, BF16, F8_E4M3 or F8_E5M2, not \"%.40s\"", name);
}

/* ---- what is told ---- */

struct patch_progress {
	struct cli *cli;
	struct progress progress;
	bool begun;
};

static bool told(void *context, size_t done, size_t count)
{
	struct patch_progress *telling = context;

	if (!telling->begun)
		progress_begin(&telling->progress, telling->cli, "tensors", count);
	telling->begun = true;
	progress_update(&telling->progress, done);
	return !*telling->cli->interrupted;
}

static void complain_of_unused(const struct cli *cli, const struct lora_match *match, bool all)
{
	if (match->unused_count == 0)
		return;
	fprintf(cli->err, "residency patch: %s: %zu tensors mean nothing to this model:\n", lora_name(match->lora),
		match->unused_count);
	for (size_t i = 0; i < match->unused_count && (all || i < NAMES_SHOWN); i++)
		fprintf(cli->err, "    %s\n", match->unused[i]);
	if (!all && match->unused_count > NAMES_SHOWN)
		fprintf(cli->err, "    ... and %zu more; --all-names shows them\n", match->unused_count - NAMES_SHOWN);
}

static json_t *lora_to_json(const struct patch_file *file, const struct loras *loras, size_t index)
{
	const struct lora_match *match = patch_file_match(file, index);
	json_t *unused = json_array();

	for (size_t i = 0; unused && i < match->unused_count; i++) {
		if (json_array_append_new(unused, json_string(match->unused[i])) != 0) {
			json_decref(unused);
			return NULL;
		}
	}
	return json_pack("{s:s, s:f, s:I, s:o}", "file", lora_name(match->lora), "strength", loras->items[index].strength,
			 "adapters", (json_int_t)match->count, "unused", unused);
}

static bool print_json(const struct cli *cli, const struct patch_settings *settings, const struct patch_file *file,
		       const struct loras *loras, struct error *e)
{
	json_t *list = json_array();
	json_t *object;

	for (size_t i = 0; list && i < loras->count; i++) {
		if (json_array_append_new(list, lora_to_json(file, loras, i)) != 0) {
			json_decref(list);
			return error_no_memory(e);
		}
	}
	object =
		json_pack("{s:s, s:s, s:I, s:I, s:o}", "model", settings->model, "out", settings->out, "tensors",
			  (json_int_t)patch_file_tensors(file), "patched", (json_int_t)patch_file_patched(file), "loras", list);
	if (!object)
		return error_no_memory(e);
	json_dumpf(object, cli->out, JSON_INDENT(2));
	fputc('\n', cli->out);
	json_decref(object);
	return true;
}

static void print(const struct cli *cli, const struct patch_settings *settings, const struct patch_file *file,
		  const struct loras *loras)
{
	for (size_t i = 0; i < loras->count; i++) {
		const struct lora_match *match = patch_file_match(file, i);

		fprintf(cli->out, "%s at %g: %zu adapters, %zu tensors unused\n", lora_name(match->lora),
			loras->items[i].strength, match->count, match->unused_count);
	}
	fprintf(cli->out, "%s: %zu of %zu tensors patched\n", settings->out, patch_file_patched(file),
		patch_file_tensors(file));
}

/* ---- the work ---- */

static bool patch(struct cli *cli, const struct patch_settings *settings, const struct loras *loras, struct error *e)
{
	struct patch_progress telling = { .cli = cli };
	struct patch_file_request request = { .model = settings->model,
					      .out = settings->out,
					      .loras = loras->items,
					      .lora_count = loras->count,
					      .log = cli->log,
					      .context = &telling,
					      .told = told };
	struct patch_file *file;
	bool fine;

	if (!find_dtype(settings->dtype, &request, e))
		return false;
	file = patch_file_begin(&request, e);
	if (!file)
		return false;
	for (size_t i = 0; i < loras->count; i++)
		complain_of_unused(cli, patch_file_match(file, i), settings->all_names);
	fine = patch_file_write(file, e);
	if (telling.begun)
		progress_end(&telling.progress);
	if (fine && settings->json)
		fine = print_json(cli, settings, file, loras, e);
	else if (fine)
		print(cli, settings, file, loras);
	patch_file_end(file);
	return fine;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct patch_settings settings = { .model = NULL };
	const struct option options[] = {
		TEXTS_OPTION("lora", "FILE[:STRENGTH]", "apply it, after those named before (strength 1 unless given)",
			     &settings.loras),
		TEXT_OPTION("out", "FILE", "where the result goes; written aside and renamed when it is whole", &settings.out),
		TEXT_OPTION("dtype", "TYPE", "what weights become before they are patched: F32, F16, BF16, F8_E4M3, F8_E5M2",
			    &settings.dtype),
		FLAG_OPTION("all-names", "name every tensor of a LoRA that means nothing to the model", &settings.all_names),
		FLAG_OPTION("json", "print one JSON object", &settings.json),
	};
	struct loras loras = { .count = 0 };
	struct error e = ERROR_INIT;
	int exit_code;
	bool fine;

	if (!command_parse(cli, &command_patch, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	settings.model = argc > 1 ? argv[1] : NULL;
	if (argc > 2)
		error_set(&e, ERROR_USAGE, "one model at a time, not \"%.80s\" too", argv[2]);
	fine = !error_is_set(&e) && check_asked(&settings, &e) && open_loras(&settings, &loras, &e) &&
	       patch(cli, &settings, &loras, &e);
	close_loras(&loras);
	return fine ? 0 : command_fail(cli, command_patch.name, &e);
}

const struct command command_patch = {
	.name = "patch",
	.summary = "apply LoRAs to a weights file as the engine does, and write the result",
	.synopsis = "MODEL --lora FILE[:STRENGTH] [--lora ...] --out FILE [options]",
	.examples = "  residency patch flux1-dev.safetensors --lora detail.safetensors:0.8 --out flux1-detail.safetensors\n"
		    "  residency patch unet.safetensors --lora a.safetensors --lora b.safetensors:-0.5 --dtype F8_E4M3 --out "
		    "c.safetensors\n"
		    "  residency patch Wan2.2-T2V-A14B/high_noise_model --lora lightning.safetensors --out "
		    "high-noise.safetensors\n",
	.run = run,
};
