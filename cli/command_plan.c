#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/plan_record.h"
#include "cli/plan_show.h"
#include "cli/topology_find.h"
#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/model/family.h"
#include "core/plan/requests.h"

struct asked {
	const char *requests, *loadlists;
	const char *topology, *allocation, *model, *loadlist, *planner;
	const char *store; /* NULL: nothing is recorded */
	bool is_clip, explain, json;
};

/* ---- requests by the line ---- */

/* ../loadlists beside FILE; nothing beside standard input. The caller frees. */
static char *default_loadlists(const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	struct strbuf folder = STRBUF_INIT;

	if (slash)
		strbuf_append_n(&folder, path, (size_t)(slash - path));
	else
		strbuf_append(&folder, ".");
	strbuf_append(&folder, "/../loadlists");
	return strbuf_finish(&folder, e);
}

/* Line by line, each answer flushed, so that a program may ask and wait. */
static bool answer_lines(struct cli *cli, FILE *in, const char *path, struct plan_desk *desk, struct error *e)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	bool fine = true;

	errno = 0;
	while (fine && !*cli->interrupted && (length = getline(&line, &capacity, in)) >= 0) {
		json_t *answer;

		fine = plan_desk_line(desk, line, (size_t)length, &answer, e);
		if (fine && answer) {
			json_dumpf(answer, cli->out, JSON_COMPACT);
			fputc('\n', cli->out);
			fflush(cli->out);
		}
		json_decref(answer);
	}
	free(line);
	if (fine && *cli->interrupted)
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	if (fine && !feof(in))
		return error_set(e, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
	return fine;
}

static bool answer_file(struct cli *cli, const struct asked *asked, struct error *e)
{
	bool from_input = strcmp(asked->requests, "-") == 0;
	FILE *in = from_input ? stdin : fopen(asked->requests, "re");
	char *folder = NULL;
	struct plan_desk *desk;
	bool fine;

	if (!in)
		return error_set(e, ERROR_MISSING, "cannot open %s: %s", asked->requests, strerror(errno));
	if (!asked->loadlists && !from_input)
		folder = default_loadlists(asked->requests, e);
	desk = error_is_set(e) ? NULL : plan_desk_new(asked->loadlists ? asked->loadlists : folder, e);
	fine = desk && answer_lines(cli, in, asked->requests, desk, e);
	plan_desk_free(desk);
	free(folder);
	if (!from_input)
		fclose(in);
	return fine;
}

/* ---- one plan ---- */

static bool check_asked(const struct asked *asked, struct error *e)
{
	if (!asked->allocation)
		return error_set(e, ERROR_USAGE, "say how to place it: --alloc STRING, such as --alloc '#cuda:0;4.0;cpu'");
	if (!asked->model == !asked->loadlist)
		return error_set(e, ERROR_USAGE, "say what to place: --model FILE.safetensors or --loadlist FILE.tsv");
	return true;
}

static const struct plan_rules *find_rules(const char *name, struct error *e)
{
	const struct plan_rules *rules = plan_rules_find(name);
	struct strbuf names = STRBUF_INIT;

	if (rules)
		return rules;
	for (const struct plan_rules *known = plan_rules; known->name; known++)
		strbuf_printf(&names, "%s%s", known == plan_rules ? "" : ", ", known->name);
	error_set(e, ERROR_USAGE, "--planner: there is no \"%.40s\"; there are %s", name, strbuf_text(&names));
	strbuf_free(&names);
	return NULL;
}

/* A text encoder's file says that it is one. */
static bool read_blocks(struct asked *asked, struct block_list *list, struct block_source *source, struct error *e)
{
	*source = (struct block_source) { .family = NULL };
	if (!asked->model)
		return block_list_read(list, asked->loadlist, e);
	if (!block_list_from_weights(list, asked->model, source, e))
		return false;
	asked->is_clip = asked->is_clip || (source->family && source->family->kind == MODEL_CLIP);
	return true;
}

static bool make_and_show(struct cli *cli, const struct asked *asked, const struct topology *topology,
			  const struct block_list *list, const char *source, const struct plan_rules *rules, struct error *e)
{
	struct plan_device devices[DEVICE_MAX];
	struct plan_request request = { .rules = rules,
					.allocation = asked->allocation,
					.is_clip = asked->is_clip,
					.blocks = list->blocks,
					.block_count = list->count,
					.devices = devices,
					.device_count = topology->device_count };
	struct plan_failure failure;
	struct plan *plan;
	struct plan_shown shown = { .request = &request, .topology = topology, .list = list };
	bool fine = true;

	for (size_t i = 0; i < topology->device_count; i++)
		devices[i] = (struct plan_device) { topology->devices[i].name, topology->devices[i].capacity_bytes };
	plan = plan_make(&request, &failure, e);
	if (asked->store && (plan || failure.exception))
		fine = plan_record(cli, asked->store, topology, &request, plan, plan ? "" : exception_name(failure.exception),
				   plan ? 0 : failure.column, plan ? e : NULL);
	if (!plan)
		return failure.exception ? error_context(e, "%s would raise %s", rules->name, exception_name(failure.exception))
					 : false;
	shown.plan = plan;
	shown.source = source;
	if (asked->json)
		fine = plan_show_json(&shown, cli->out, e) && fine;
	else
		plan_show(&shown, asked->explain, cli->out);
	plan_free(plan);
	return fine;
}

static bool plan_one(struct cli *cli, struct asked *asked, struct error *e)
{
	const struct plan_rules *rules;
	struct topology *topology;
	struct block_source source;
	struct block_list list;
	char name[1024];
	bool fine;

	if (!check_asked(asked, e))
		return false;
	rules = find_rules(asked->planner, e);
	if (!rules)
		return false;
	topology = topology_find_named(asked->topology, e);
	if (!topology)
		return false;
	fine = read_blocks(asked, &list, &source, e);
	if (fine) {
		snprintf(name, sizeof(name), "%.600s%s%s%s", asked->model ? asked->model : asked->loadlist,
			 asked->model ? " (" : "", source.note, asked->model ? ")" : "");
		fine = make_and_show(cli, asked, topology, &list, name, rules, e);
		block_list_free(&list);
	}
	topology_free(topology);
	return fine;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct asked asked = { .topology = "2x3090-nvlink", .planner = "HEAD" };
	const struct option options[] = {
		{ "alloc", "STRING", "expert#compute;virtual_vram_gb;donors", OPTION_TEXT, &asked.allocation },
		{ "model", "FILE", "weights to place: a safetensors or GGUF file", OPTION_TEXT, &asked.model },
		{ "loadlist", "FILE", "blocks to place: a load list, .tsv or .tsv.gz", OPTION_TEXT, &asked.loadlist },
		{ "topology", "NAME|FILE", "devices to place them on (default 2x3090-nvlink)", OPTION_TEXT, &asked.topology },
		{ "planner", "VERSION", "01df082, HEAD, V1 or exact, ours (default HEAD)", OPTION_TEXT, &asked.planner },
		{ "clip", NULL, "it is a text encoder: embeddings stay on the compute device", OPTION_FLAG, &asked.is_clip },
		{ "explain", NULL, "every block with its device and the reason", OPTION_FLAG, &asked.explain },
		{ "requests", "FILE|-", "answer JSON requests, one a line", OPTION_TEXT, &asked.requests },
		{ "loadlists", "DIR", "load lists that requests name (default ../loadlists beside FILE)", OPTION_TEXT,
		  &asked.loadlists },
		{ "store", "FILE", "record what is wrong with it, for `residency triage` (default: nowhere)", OPTION_TEXT,
		  &asked.store },
		{ "json", NULL, "print one JSON object", OPTION_FLAG, &asked.json },
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_plan, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 1)
		error_set(&e, ERROR_USAGE, "\"%.80s\" stands alone; say what it is: --model FILE or --loadlist FILE", argv[1]);
	else if (asked.requests ? answer_file(cli, &asked, &e) : plan_one(cli, &asked, &e))
		return 0;
	return command_fail(cli, command_plan.name, &e);
}

const struct command command_plan = {
	.name = "plan",
	.summary = "place a model: blocks per device, bytes, quotas, and why",
	.synopsis = "--alloc STRING --model FILE|--loadlist FILE [options]\n       residency plan --requests FILE|- "
		    "[--loadlists DIR]",
	.examples = "  residency plan --alloc '#cuda:0;4.0;cpu' --model flux1-dev.safetensors\n"
		    "  residency plan --alloc 'cuda:0,60%;cpu,40%#cuda:0' --loadlist flux.tsv --topology mixed --explain\n"
		    "  residency plan --requests requests.jsonl\n",
	.run = run,
};
