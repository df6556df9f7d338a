#include <string.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/wrap.h"
#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/nearest.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "core/model/synthesis/synthesis_file.h"

struct synth_settings {
	const char *out, *dtype;
	struct option_seed seed;
	bool small, zeros, list, json;
};

static bool list_names(struct cli *cli, struct error *e)
{
	struct strbuf names = STRBUF_INIT;
	bool fine;

	for (size_t i = 0; recipe_name(i); i++)
		strbuf_printf(&names, "%s%s", i ? " " : "", recipe_name(i));
	fine = strbuf_ok(&names);
	if (fine)
		wrap_print(cli->out, "", strbuf_text(&names), 0, 80);
	strbuf_free(&names);
	return fine ? true : error_no_memory(e);
}

static bool find_recipe(const char *wanted, struct recipe *recipe, struct error *e)
{
	struct nearest nearest = nearest_to(wanted);

	if (recipe_find(wanted, recipe))
		return true;
	for (size_t i = 0; recipe_name(i); i++)
		nearest_offer(&nearest, recipe_name(i));
	error_set(e, ERROR_USAGE, "there is no family \"%.60s\"; `residency synth --list` names them", wanted);
	return nearest_suggest(&nearest, e);
}

/* "bf16", "fp8" and the names that safetensors files use; "fp8_scaled" is fp8 with scales among 16-bit tensors. */
static bool parse_dtype(const struct synth_settings *settings, struct synthesis_order *order, struct error *e)
{
	static const struct {
		const char *name;
		enum dtype dtype;
		bool scaled;
	} types[] = { { .name = "f32", .dtype = DTYPE_F32 },
		      { .name = "f16", .dtype = DTYPE_F16 },
		      { .name = "bf16", .dtype = DTYPE_BF16 },
		      { .name = "fp8", .dtype = DTYPE_F8_E4M3 },
		      { .name = "f8_e4m3", .dtype = DTYPE_F8_E4M3 },
		      { .name = "f8_e5m2", .dtype = DTYPE_F8_E5M2 },
		      { .name = "fp8_scaled", .dtype = DTYPE_BF16, .scaled = true } };

	struct nearest nearest;

	if (!settings->dtype)
		return true;
	nearest = nearest_to(settings->dtype);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		nearest_offer(&nearest, types[i].name);
		if (strcasecmp(types[i].name, settings->dtype) == 0) {
			order->dtype = types[i].dtype;
			order->scaled = types[i].scaled;
			return true;
		}
	}
	error_set(e, ERROR_USAGE, "--dtype: there is no \"%.40s\"; there are f32, f16, bf16, fp8, f8_e5m2, fp8_scaled",
		  settings->dtype);
	return nearest_suggest(&nearest, e);
}

/* ---- one file ---- */

struct synth_progress {
	struct cli *cli;
	struct progress progress;
	bool begun;
};

static bool told(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	struct synth_progress *telling = context;

	if (!telling->begun)
		progress_begin_bytes(&telling->progress, telling->cli, "writing", total_bytes);
	telling->begun = true;
	progress_update(&telling->progress, (size_t)done_bytes);
	return !*telling->cli->interrupted;
}

static bool show(struct cli *cli, const struct synth_settings *settings, const struct recipe *recipe,
		 const struct synthesis_result *result, uint64_t took_ns, struct error *e)
{
	double rate = took_ns ? (double)result->data_bytes / ((double)took_ns / NS_PER_S) : 0;
	char texts[4][UNITS_TEXT_MAX];
	json_t *object;

	if (!settings->json) {
		fprintf(cli->out, "%s: %s, %zu tensors, %s", settings->out, recipe->name, result->tensor_count,
			units_bytes(result->data_bytes, texts[0]));
		if (result->written_bytes < result->data_bytes)
			fprintf(cli->out, " of which %s are holes",
				units_bytes(result->data_bytes - result->written_bytes, texts[1]));
		fprintf(cli->out, ", in %s (%s/s)\n", units_duration(took_ns, texts[2]), units_bytes((uint64_t)rate, texts[3]));
		return true;
	}
	object = json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I}", "schema", 1, "file", settings->out, "family", recipe->name,
			   "tensors", (json_int_t)result->tensor_count, "data_bytes", (json_int_t)result->data_bytes,
			   "hole_bytes", (json_int_t)(result->data_bytes - result->written_bytes), "elapsed_ns",
			   (json_int_t)took_ns);
	if (!object)
		return error_no_memory(e);
	json_dumpf(object, cli->out, JSON_COMPACT);
	fputc('\n', cli->out);
	json_decref(object);
	return true;
}

static bool make(struct cli *cli, const struct synth_settings *settings, const char *name, struct error *e)
{
	struct recipe recipe;
	struct synth_progress telling = { .cli = cli };
	struct synthesis_order order = { .recipe = &recipe,
					 .small = settings->small,
					 .zeros = settings->zeros,
					 .seed = settings->seed.value,
					 .told = told,
					 .context = &telling };
	struct synthesis_result result;
	uint64_t started_ns = clock_now_ns();
	bool fine;

	if (!find_recipe(name, &recipe, e))
		return false;
	if (!settings->out)
		return error_set(e, ERROR_USAGE, "say where to write it: --out FILE");
	order.dtype = recipe.dtype;
	if (!parse_dtype(settings, &order, e))
		return false;
	fine = synthesis_write_file(&order, settings->out, &result, e);
	if (telling.begun)
		progress_end(&telling.progress);
	return fine && show(cli, settings, &recipe, &result, clock_now_ns() - started_ns, e);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct synth_settings settings = { .seed = { .value = 0 } };
	const struct option options[] = {
		TEXT_OPTION("out", "FILE", "where to write it (safetensors)", &settings.out),
		TEXT_OPTION("dtype", "TYPE", "f32, f16, bf16, fp8, f8_e5m2, fp8_scaled (default: as published)",
			    &settings.dtype),
		SEED_OPTION("seed", "N", "other values for another number (default 0)", &settings.seed),
		FLAG_OPTION("small", "the same architecture, small enough to run on a processor", &settings.small),
		FLAG_OPTION("zeros", "all values zero: a sparse file, whatever its size", &settings.zeros),
		FLAG_OPTION("list", "the names there are", &settings.list),
		FLAG_OPTION("json", "print one JSON object", &settings.json),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_synth, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (settings.list ? list_names(cli, &e)
	    : argc == 2	  ? make(cli, &settings, argv[1], &e)
			  : error_set(&e, ERROR_USAGE, "name one family; `residency synth --list` names them"))
		return 0;
	return command_fail(cli, command_synth.name, &e);
}

const struct command command_synth = {
	.name = "synth",
	.summary = "make a weights file of a family, seeded or sparse",
	.synopsis = "FAMILY --out FILE [options]",
	.examples = "  residency synth flux --out flux.safetensors --zeros      # 23.8 GB that take none\n"
		    "  residency synth wan2.2_ti2v_5b --dtype fp8 --seed 7 --out wan.safetensors\n"
		    "  residency synth sd15_checkpoint --small --out sd15-small.safetensors\n",
	.run = run,
};
