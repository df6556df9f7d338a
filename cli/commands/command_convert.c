#include <string.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/units.h"
#include "core/tensor/transcode/transcode.h"

struct convert_settings {
	const char *format, *dtype, *out, *architecture;
	bool half, stochastic, drop_values, json;
};

/* Without --to the new file's name says it. */
static bool read_format(const struct convert_settings *settings, enum weights_format *format, struct error *e)
{
	const char *dot = strrchr(settings->out, '.');
	const char *name = settings->format ? settings->format : dot ? dot + 1 : "";

	if (weights_format_from_name(name, format))
		return true;
	return error_set(e, ERROR_USAGE, "\"%.40s\" is no format: --to safetensors or --to gguf", name);
}

static bool read_type(const char *name, struct weights_type *type, struct error *e)
{
	return weights_type_from_name(name, type) ||
	       error_set(e, ERROR_USAGE, "\"%.40s\" is no element type: F32, BF16, F16, F8_E4M3, Q8_0, Q4_0, ...", name);
}

static void on_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	struct progress *progress = context;

	progress->total = (size_t)total_bytes;
	progress_update(progress, (size_t)done_bytes);
}

static void print_result(struct cli *cli, const struct transcode_request *request, const struct transcode_result *result,
			 bool json)
{
	char from[UNITS_TEXT_MAX];
	char to[UNITS_TEXT_MAX];
	json_t *object;

	if (!json) {
		fprintf(cli->out, "%s: %zu tensors, %zu of them of another type now; %s of elements became %s\n", request->to,
			result->tensors, result->changed, units_bytes(result->from_bytes, from),
			units_bytes(result->to_bytes, to));
		if (result->unscaled)
			fprintf(cli->out, "the scales of %zu weights are multiplied in, and their tensors left out\n",
				result->unscaled);
		return;
	}
	object = json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "schema", 1, "file", request->to, "format",
			   weights_format_name(request->format), "tensors", (json_int_t)result->tensors, "changed",
			   (json_int_t)result->changed, "unscaled", (json_int_t)result->unscaled, "from_bytes",
			   (json_int_t)result->from_bytes, "to_bytes", (json_int_t)result->to_bytes);
	json_dumpf(object, cli->out, JSON_COMPACT);
	fputc('\n', cli->out);
	json_decref(object);
}

static bool convert(struct cli *cli, const char *from, const struct convert_settings *settings, struct error *e)
{
	struct progress progress;
	const struct bulk_watcher watcher = { .progress = on_progress, .context = &progress, .interrupted = cli->interrupted };
	struct weights_type type;
	struct transcode_request request = {
		.from = from,
		.to = settings->out,
		.type = settings->dtype ? &type : NULL,
		.in_half = settings->half,
		.stochastic = settings->stochastic,
		.architecture = settings->architecture,
		.drop_values = settings->drop_values,
		.watcher = &watcher,
		.log = cli->log,
	};
	struct transcode_result result;
	bool fine;

	if (!read_format(settings, &request.format, e) || (settings->dtype && !read_type(settings->dtype, &type, e)))
		return false;
	progress_begin_bytes(&progress, cli, "converting", 0);
	fine = transcode(&request, &result, e);
	progress_end(&progress);
	if (fine)
		print_result(cli, &request, &result, settings->json);
	return fine;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct convert_settings settings = { .format = NULL };
	const struct option options[] = {
		TEXT_OPTION("to", "FORMAT", "safetensors or gguf (default: as --out ends)", &settings.format),
		TEXT_OPTION("dtype", "TYPE",
			    "of floating point tensors: F32, BF16, F16, F8_E4M3, F8_E5M2; for gguf also Q8_0, Q5_1, ...",
			    &settings.dtype),
		TEXT_OPTION("out", "FILE", "the new file; it appears whole or not at all", &settings.out),
		FLAG_OPTION("half",
			    "quantised elements become numbers in half precision, as ComfyUI-GGUF's do (default: exactly)",
			    &settings.half),
		FLAG_OPTION("stochastic",
			    "round to F8 by chance, seeded by each tensor's name, as ComfyUI does for patched weights",
			    &settings.stochastic),
		TEXT_OPTION("architecture", "NAME", "general.architecture of a gguf file: flux, wan, t5, ...",
			    &settings.architecture),
		FLAG_OPTION("drop-values", "leave out values that safetensors' metadata cannot hold", &settings.drop_values),
		FLAG_OPTION("json", "print one JSON object", &settings.json),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_convert, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc != 2)
		error_set(&e, ERROR_USAGE, "one file is converted at a time");
	else if (!settings.out)
		error_set(&e, ERROR_USAGE, "say where to: --out FILE");
	else if (convert(cli, argv[1], &settings, &e))
		return 0;
	return command_fail(cli, command_convert.name, &e);
}

const struct command command_convert = {
	.name = "convert",
	.summary = "a file of weights into another format or element type; refuses what would be lost",
	.synopsis = "[options] FILE --out FILE",
	.examples =
		"  residency convert flux1-dev.safetensors --dtype Q8_0 --architecture flux --out flux1-dev-Q8_0.gguf\n"
		"  residency convert flux1-dev-Q4_K_S.gguf --dtype BF16 --half --out flux1-dev.safetensors\n"
		"  residency convert model.safetensors.index.json --dtype F8_E4M3 --stochastic --out model-fp8.safetensors\n",
	.run = run,
};
