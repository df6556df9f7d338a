#include <math.h>

#include "cli/commands.h"
#include "cli/plan/plan_check.h"
#include "cli/plan/plan_lines.h"
#include "cli/plan/plan_picture.h"
#include "cli/plan/plan_record.h"
#include "cli/plan/plan_show.h"
#include "cli/plan/plan_subject.h"
#include "cli/plan/plan_suggest.h"
#include "core/base/array.h"
#include "core/plan/versions.h"

struct plan_settings {
	struct plan_words words;
	const char *requests, *loadlists;
	const char *allocation, *check;
	const char *store; /* NULL: nothing is recorded */
	struct suggest_words suggestion;
	bool suggest, explain, json;
};

/* ---- one plan ---- */

static bool show_outlook(struct cli *cli, const struct plan_settings *settings, const struct plan_subject *subject,
			 struct plan_shown *shown, struct error *e)
{
	const struct suggest_words *words = &settings->suggestion;
	struct plan_outlook outlook = { .block_copy_seconds = NULL };
	struct pass_costs costs;
	struct plan_trial_request request = { .topology = subject->topology,
					      .free_bytes = subject->free_bytes,
					      .blocks = subject->list.blocks,
					      .costs = &costs,
					      .passes = words->passes,
					      .resident_seconds = words->resident_seconds,
					      .converts_at_source = !words->convert_at_target,
					      .interrupted = cli->interrupted };
	bool fine = plan_picture_read(words->resolution, words->frames, subject->list.blocks, subject->list.count,
				      &shown->picture, &costs, e) &&
		    plan_outlook(shown->plan, &request, &outlook, e);

	shown->outlook = &outlook;
	if (fine && settings->json)
		fine = plan_show_json(shown, cli->out, e);
	else if (fine)
		plan_show(shown, settings->explain, cli->out);
	plan_outlook_free(&outlook);
	costs_free(&costs);
	return fine;
}

static struct advise_request advise_request_of(const struct plan_subject *subject, const char *allocation)
{
	return (struct advise_request) { .rules = subject->rules,
					 .allocation = allocation,
					 .is_clip = subject->is_clip,
					 .blocks = subject->has_blocks ? subject->list.blocks : NULL,
					 .block_count = subject->list.count,
					 .devices = subject->devices,
					 .free_bytes = subject->free_bytes,
					 .device_count = subject->topology->device_count,
					 .topology = subject->topology };
}

static bool make_and_show(struct cli *cli, const struct plan_settings *settings, const struct plan_subject *subject,
			  struct error *e)
{
	struct plan_request request = { .rules = subject->rules,
					.allocation = settings->allocation,
					.is_clip = subject->is_clip,
					.blocks = subject->list.blocks,
					.block_count = subject->list.count,
					.devices = subject->devices,
					.device_count = subject->topology->device_count };
	struct plan_failure failure;
	struct plan *plan = plan_make(&request, &failure, e);
	struct plan_shown shown = { .plan = plan,
				    .request = &request,
				    .topology = subject->topology,
				    .list = &subject->list,
				    .source = subject->source };
	bool recorded = true;
	bool fine;

	if (settings->store && (plan || failure.exception)) {
		struct advise_request asked = advise_request_of(subject, settings->allocation);

		recorded = plan_record(cli, settings->store, &asked, plan ? e : NULL);
	}
	if (!plan)
		return failure.exception && subject->rules->raises ? error_context(e, "%s would raise %s", subject->rules->name,
										   subject->rules->raises(failure.exception))
								   : false;
	fine = show_outlook(cli, settings, subject, &shown, e);
	plan_free(plan);
	return fine && recorded;
}

static int plan_one(struct cli *cli, const struct plan_settings *settings, struct error *e)
{
	struct plan_subject subject;
	int exit_code = 0;

	if (!plan_subject_open(&subject, &settings->words, true, e) || !make_and_show(cli, settings, &subject, e))
		exit_code = command_fail(cli, command_plan.name, e);
	plan_subject_close(&subject);
	return exit_code;
}

/* ---- advice ---- */

/* Exit codes: 0 nothing wrong, 1 something does not do what it says, 7 it cannot be read. */
static int check_one(struct cli *cli, const struct plan_settings *settings, struct error *e)
{
	static const int exit_codes[] = { 0, 1, 7 };
	struct plan_subject subject;
	struct advise_request request;
	struct advice_list list = { .items = NULL };
	int exit_code;

	if (plan_subject_open(&subject, &settings->words, false, e)) {
		request = advise_request_of(&subject, settings->check);
		if (advise(&request, &list, e)) {
			if (settings->json)
				plan_check_json(&request, &list, subject.topology->name, cli->out, e);
			else
				plan_check_show(&request, &list, subject.topology->name, cli->out);
		}
	}
	exit_code = error_is_set(e) ? command_fail(cli, command_plan.name, e) : exit_codes[advise_list_weight(&list)];
	advise_list_free(&list);
	plan_subject_close(&subject);
	return exit_code;
}

static int suggest_strings(struct cli *cli, struct plan_settings *settings, struct error *e)
{
	struct plan_subject subject;
	int exit_code = 0;

	settings->suggestion.json = settings->json;
	if (!plan_subject_open(&subject, &settings->words, true, e) || !plan_suggest(cli, &subject, &settings->suggestion, e))
		exit_code = command_fail(cli, command_plan.name, e);
	plan_subject_close(&subject);
	return exit_code;
}

/* ---- the command ---- */

static bool check_words(const struct suggest_words *words, struct error *e)
{
	if (!(words->passes >= 0 && words->passes <= 1000))
		return error_set(e, ERROR_USAGE, "--passes takes a number from 1 to 1000");
	if (!isnan(words->resident_seconds) && !(words->resident_seconds > 0 && words->resident_seconds < 1e6))
		return error_set(e, ERROR_USAGE, "--resident takes seconds, more than 0");
	return true;
}

static int answer(struct cli *cli, const struct plan_settings *settings, struct error *e)
{
	if (plan_lines(cli, settings->requests, settings->loadlists, e))
		return 0;
	return command_fail(cli, command_plan.name, e);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct plan_settings settings = {
		.words = { .topology = "2x3090-nvlink", .planner = "HEAD" },
		.suggestion = { .resolution = "1024x1024", .steps = 20, .keep_free_gb = 2, .resident_seconds = NAN },
	};
	const struct option options[] = {
		TEXT_OPTION("alloc", "STRING", "expert#compute;virtual_vram_gb;donors", &settings.allocation),
		TEXT_OPTION("check", "STRING", "say what is wrong with it or surprising, and what becomes of it",
			    &settings.check),
		FLAG_OPTION("suggest", "find strings that fit, fastest first", &settings.suggest),
		TEXT_OPTION("model", "FILE",
			    "weights to place: safetensors, GGUF, an index of shards, or a folder of diffusers",
			    &settings.words.model),
		TEXT_OPTION("loadlist", "FILE", "blocks to place: a load list, .tsv or .tsv.gz", &settings.words.loadlist),
		TEXT_OPTION("topology", "NAME|FILE", "devices to place them on (default 2x3090-nvlink)",
			    &settings.words.topology),
		TEXT_OPTION("planner", "VERSION", "01df082, HEAD, V1 or exact, ours (default HEAD)", &settings.words.planner),
		TEXT_OPTION("free", "LIST", "what is free: cuda:0=20GiB,cpu=64GB (default: all of each)", &settings.words.free),
		FLAG_OPTION("clip", "it is a text encoder: embeddings stay on the compute device", &settings.words.is_clip),
		FLAG_OPTION("explain", "every block with its device and the reason", &settings.explain),
		TEXT_OPTION("compute", "DEVICE", "suggest: where to compute (default: any card)", &settings.suggestion.compute),
		NUMBER_OPTION("keep-free", "GB", "suggest: for activations, on every device (default 2)",
			      &settings.suggestion.keep_free_gb),
		TEXT_OPTION("resolution", "WxH", "of the picture (default 1024x1024)", &settings.suggestion.resolution),
		INTEGER_OPTION("frames", "N", "of a video (default 81)", &settings.suggestion.frames),
		INTEGER_OPTION("steps", "N", "suggest: steps to add up (default 20)", &settings.suggestion.steps),
		NUMBER_OPTION("passes", "N", "of the model an iteration (default: the family's)", &settings.suggestion.passes),
		NUMBER_OPTION("resident", "SECONDS", "s/it measured with all weights on the card",
			      &settings.suggestion.resident_seconds),
		FLAG_OPTION("convert-at-target", "copies between cards move stored bytes, unlike upstream's",
			    &settings.suggestion.convert_at_target),
		TEXT_OPTION("requests", "FILE|-", "answer JSON requests, one a line", &settings.requests),
		TEXT_OPTION("loadlists", "DIR", "load lists that requests name (default ../loadlists beside FILE)",
			    &settings.loadlists),
		TEXT_OPTION("store", "FILE", "record what is wrong with it, for `residency triage` (default: nowhere)",
			    &settings.store),
		FLAG_OPTION("json", "print one JSON object", &settings.json),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_plan, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 1) {
		error_set(&e, ERROR_USAGE, "\"%.80s\" stands alone; say what it is: --model FILE or --loadlist FILE", argv[1]);
		return command_fail(cli, command_plan.name, &e);
	}
	if (!check_words(&settings.suggestion, &e))
		return command_fail(cli, command_plan.name, &e);
	if (settings.requests)
		return answer(cli, &settings, &e);
	if (settings.suggest)
		return suggest_strings(cli, &settings, &e);
	if (settings.check)
		return check_one(cli, &settings, &e);
	if (settings.allocation)
		return plan_one(cli, &settings, &e);
	error_set(&e, ERROR_USAGE,
		  "say how to place it: --alloc STRING, such as --alloc '#cuda:0;4.0;cpu'; or --check STRING, or --requests "
		  "FILE");
	return command_fail(cli, command_plan.name, &e);
}

const struct command command_plan = {
	.name = "plan",
	.summary = "place a model: blocks per device, bytes, and why; check an allocation string, or find one",
	.synopsis = "--alloc STRING --model FILE|--loadlist FILE [options]\n"
		    "       residency plan --check STRING [--model FILE|--loadlist FILE] [options]\n"
		    "       residency plan --suggest --model FILE|--loadlist FILE [--topology T] [--keep-free GB] [options]\n"
		    "       residency plan --requests FILE|- [--loadlists DIR]",
	.examples = "  residency plan --alloc '#cuda:0;4.0;cpu' --model flux1-dev.safetensors\n"
		    "  residency plan --alloc 'cuda:0,60%;cpu,40%#cuda:0' --loadlist flux.tsv --topology mixed --explain\n"
		    "  residency plan --check 'cuda:0,0.5;cpu,5gb*#' --loadlist flux.tsv --free cuda:0=20GB\n"
		    "  residency plan --suggest --loadlist flux.tsv --topology mixed --keep-free 3\n"
		    "  residency plan --requests requests.jsonl\n",
	.run = run,
};
