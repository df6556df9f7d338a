/* command_triage.c - the command that reads a run's findings from the store and prints a card for each.
 *
 * Options are checked before the store is opened, so that a wrong one costs nothing. Cards are made as JSON by reports/triage and
 * written by a renderer, which is a row of reports/triage/renderers.c; --json is another name for one of them. With --bundle the
 * same findings and their run's rows are packed once more, anonymous. The exit code is that of the findings: 1 if there is one,
 * else UNTRUSTWORTHY's if a cell could not be judged, else 0.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "core/base/array.h"
#include "core/base/nearest.h"
#include "core/base/strbuf.h"
#include "core/manager/policy.h"
#include "db/store.h"
#include "reports/bundle/bundle.h"
#include "reports/triage/renderers.h"
#include "reports/triage/triage.h"

struct triage_options {
	const char *run, *store, *format, *bundle;
	struct triage_filter filter;
	bool json;
};

/* NULL with ERROR_USAGE. */
static const struct card_renderer *find_renderer(const struct triage_options *options, struct error *e)
{
	const struct card_renderer *renderer = triage_renderers[0];
	struct strbuf names = STRBUF_INIT;

	if (options->format)
		renderer = triage_renderer_find(options->format);
	else if (options->json)
		renderer = triage_renderer_find("json");
	if (renderer && options->json && strcmp(renderer->name, "json") != 0) {
		error_set(e, ERROR_USAGE, "--json and --format %s contradict each other", renderer->name);
		return NULL;
	}
	if (!renderer) {
		triage_renderer_names(&names);
		error_set(e, ERROR_USAGE, "--format is %s, not \"%.40s\"", strbuf_text(&names), options->format);
		strbuf_free(&names);
	}
	return renderer;
}

static bool check_class(const char *name, struct error *e)
{
	struct nearest nearest = nearest_to(name);
	struct strbuf known = STRBUF_INIT;

	for (size_t i = 0; triage_classes[i]; i++) {
		if (strcmp(triage_classes[i], name) == 0) {
			strbuf_free(&known);
			return true;
		}
		strbuf_printf(&known, "%s%s", i ? ", " : "", triage_classes[i]);
		nearest_offer(&nearest, triage_classes[i]);
	}
	error_set(e, ERROR_USAGE, "--class: there is no \"%.40s\"; there are %s", name, strbuf_text(&known));
	nearest_suggest(&nearest, e);
	strbuf_free(&known);
	return false;
}

static bool check_options(struct triage_options *options, struct error *e)
{
	if (options->filter.class_name && !check_class(options->filter.class_name, e))
		return false;
	if (options->filter.policy) {
		const struct policy *policy = policy_find(options->filter.policy);

		if (!policy) {
			error_set(e, ERROR_USAGE, "there is no policy \"%.40s\"; `residency policies` lists them",
				  options->filter.policy);
			return policy_suggest(options->filter.policy, e);
		}
		options->filter.policy = policy->name;
	}
	if (!command_store_path(options->store))
		return error_set(e, ERROR_USAGE, "--store none holds nothing to triage");
	if (options->run && strcmp(options->run, "last") == 0)
		options->run = NULL;
	return true;
}

static bool print(struct cli *cli, const json_t *triage, const struct card_renderer *renderer, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	bool fine = true;

	renderer->render(triage, cli->width < 40 ? 40 : cli->width > 120 ? 120 : cli->width, &text);
	if (strbuf_ok(&text))
		fputs(strbuf_text(&text), cli->out);
	else
		fine = error_no_memory(e);
	strbuf_free(&text);
	return fine;
}

static int exit_code_of(const json_t *triage)
{
	if (triage_finding_count(triage))
		return 1;
	return triage_untrustworthy_count(triage) ? error_exit_code(ERROR_UNTRUSTWORTHY) : 0;
}

static void on_rows(void *context, size_t row_count)
{
	progress_update(context, row_count);
}

static bool pack(struct cli *cli, struct store *store, const char *run, const struct triage_options *options, struct error *e)
{
	struct progress progress;
	const struct bundle_watcher watcher = { .rows = on_rows, .context = &progress, .interrupted = cli->interrupted };
	bool fine;

	progress_begin(&progress, cli, "rows copied", 0);
	fine = bundle_write(store, run, &options->filter, options->bundle, &watcher, e);
	progress_end(&progress);
	return fine;
}

static int triage(struct cli *cli, const struct triage_options *options, const struct card_renderer *renderer)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(command_store_path(options->store), STORE_READ, &e);
	json_t *cards = store ? triage_read(store, options->run, &options->filter, &e) : NULL;
	int exit_code;

	if (!cards || !print(cli, cards, renderer, &e))
		exit_code = command_fail(cli, "triage", &e);
	else if (options->bundle && !pack(cli, store, triage_run(cards), options, &e))
		exit_code = command_fail(cli, "triage", &e);
	else
		exit_code = exit_code_of(cards);
	if (options->bundle && !error_is_set(&e))
		fprintf(cli->err, "%s: names, folders and hosts are taken out; look through it before you pass it on\n",
			options->bundle);
	json_decref(cards);
	store_close(store);
	return exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct triage_options options = { .filter = { .cell = -1 } };
	const struct option rows[] = {
		TEXT_OPTION("run", "ID|last", "the run, as the argument (default: last)", &options.run),
		TEXT_OPTION("class", "NAME", "findings of one class: lost, leaked, ...", &options.filter.class_name),
		TEXT_OPTION("policy", "NAME", "findings under one policy", &options.filter.policy),
		INTEGER_OPTION("cell", "N", "findings of one cell, by its number in the run", &options.filter.cell),
		TEXT_OPTION("format", "NAME", "text, markdown (for an issue) or json (default: text)", &options.format),
		FLAG_OPTION("json", "as --format json", &options.json),
		TEXT_OPTION("bundle", "FILE", "pack cards and the run into this tar.gz, without names and paths",
			    &options.bundle),
		TEXT_OPTION("store", "FILE", "the store to read", &options.store),
	};
	struct error e = ERROR_INIT;
	const struct card_renderer *renderer;
	int exit_code;

	if (!command_parse(cli, &command_triage, rows, ARRAY_SIZE(rows), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 2)
		error_set(&e, ERROR_USAGE, "one run at a time; \"%.80s\" is one too many", argv[2]);
	else if (argc > 1 && options.run && strcmp(argv[1], options.run) != 0)
		error_set(&e, ERROR_USAGE, "the run is named twice: %.40s and --run %.40s", argv[1], options.run);
	else if (argc > 1)
		options.run = argv[1];
	renderer = error_is_set(&e) ? NULL : find_renderer(&options, &e);
	if (!renderer || !check_options(&options, &e))
		return command_fail(cli, "triage", &e);
	return triage(cli, &options, renderer);
}

const struct command command_triage = {
	.name = "triage",
	.summary = "a card for each finding: stage, action, missing holder, likely cause, rerun command",
	.synopsis = "[options] [RUN]",
	.examples = "  residency triage\n"
		    "  residency triage --class lost --policy delegate\n"
		    "  residency triage --format markdown >issue.md\n"
		    "  residency triage --bundle triage.tar.gz --store ci.db\n",
	.run = run,
};
