#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/recording.h"
#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/manager/policy.h"
#include "db/store.h"
#include "reports/bundle/bundle.h"
#include "reports/triage/triage.h"

enum format { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_JSON };

struct wishes {
	const char *run, *store, *format, *bundle;
	struct triage_filter filter;
	bool json;
};

static bool read_format(const struct wishes *wishes, enum format *format, struct error *e)
{
	static const char *const names[] = { "text", "markdown", "json" };

	*format = wishes->json ? FORMAT_JSON : FORMAT_TEXT;
	if (!wishes->format)
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(wishes->format, names[i]) == 0) {
			*format = (enum format)i;
			return !wishes->json || i == FORMAT_JSON ||
			       error_set(e, ERROR_USAGE, "--json and --format %s contradict each other", names[i]);
		}
	}
	return error_set(e, ERROR_USAGE, "--format is text, markdown or json, not \"%.40s\"", wishes->format);
}

static bool check_class(const char *name, struct error *e)
{
	struct strbuf known = STRBUF_INIT;

	for (size_t i = 0; triage_classes[i]; i++) {
		if (strcmp(triage_classes[i], name) == 0) {
			strbuf_free(&known);
			return true;
		}
		strbuf_printf(&known, "%s%s", i ? ", " : "", triage_classes[i]);
	}
	error_set(e, ERROR_USAGE, "--class: there is no \"%.40s\"; there are %s", name, strbuf_text(&known));
	strbuf_free(&known);
	return false;
}

static bool check_wishes(struct wishes *wishes, struct error *e)
{
	if (wishes->filter.class_name && !check_class(wishes->filter.class_name, e))
		return false;
	if (wishes->filter.policy) {
		const struct policy *policy = policy_find(wishes->filter.policy);

		if (!policy)
			return error_set(e, ERROR_USAGE, "there is no policy \"%.40s\"; `residency policies` lists them",
					 wishes->filter.policy);
		wishes->filter.policy = policy->name;
	}
	if (!recording_store_path(wishes->store))
		return error_set(e, ERROR_USAGE, "--store none holds nothing to triage");
	if (wishes->run && strcmp(wishes->run, "last") == 0)
		wishes->run = NULL;
	return true;
}

static bool print(struct cli *cli, const json_t *triage, enum format format, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	bool fine = true;

	switch (format) {
	case FORMAT_TEXT:
		triage_text(triage, cli->width < 40 ? 40 : cli->width > 120 ? 120 : cli->width, &text);
		break;
	case FORMAT_MARKDOWN:
		triage_markdown(triage, &text);
		break;
	case FORMAT_JSON:
		json_dumpf(triage, cli->out, JSON_COMPACT);
		fputc('\n', cli->out);
		break;
	}
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

static bool pack(struct cli *cli, struct store *store, const char *run, const struct wishes *wishes, struct error *e)
{
	struct progress progress;
	const struct bundle_watcher watcher = { .rows = on_rows, .context = &progress, .interrupted = cli->interrupted };
	bool fine;

	progress_begin(&progress, cli, "rows copied", 0);
	fine = bundle_write(store, run, &wishes->filter, wishes->bundle, &watcher, e);
	progress_end(&progress);
	return fine;
}

static int triage(struct cli *cli, const struct wishes *wishes, enum format format)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(recording_store_path(wishes->store), STORE_READ, &e);
	json_t *cards = store ? triage_read(store, wishes->run, &wishes->filter, &e) : NULL;
	int exit_code;

	if (!cards || !print(cli, cards, format, &e))
		exit_code = command_fail(cli, "triage", &e);
	else if (wishes->bundle && !pack(cli, store, triage_run(cards), wishes, &e))
		exit_code = command_fail(cli, "triage", &e);
	else
		exit_code = exit_code_of(cards);
	if (wishes->bundle && !error_is_set(&e))
		fprintf(cli->err, "%s: names, folders and hosts are taken out; look through it before you pass it on\n",
			wishes->bundle);
	json_decref(cards);
	store_close(store);
	return exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct wishes wishes = { .filter = { .cell = -1 } };
	const struct option options[] = {
		{ "run", "ID|last", "the run, as the argument (default: last)", OPTION_TEXT, &wishes.run },
		{ "class", "NAME", "findings of one class: lost, leaked, ...", OPTION_TEXT, &wishes.filter.class_name },
		{ "policy", "NAME", "findings under one policy", OPTION_TEXT, &wishes.filter.policy },
		{ "cell", "N", "findings of one cell, by its number in the run", OPTION_INTEGER, &wishes.filter.cell },
		{ "format", "NAME", "text, markdown (for an issue) or json (default: text)", OPTION_TEXT, &wishes.format },
		{ "json", NULL, "as --format json", OPTION_FLAG, &wishes.json },
		{ "bundle", "FILE", "pack cards and the run into this tar.gz, without names and paths", OPTION_TEXT,
		  &wishes.bundle },
		{ "store", "FILE", "the store to read", OPTION_TEXT, &wishes.store },
	};
	struct error e = ERROR_INIT;
	enum format format;
	int exit_code;

	if (!command_parse(cli, &command_triage, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 2)
		error_set(&e, ERROR_USAGE, "one run at a time; \"%.80s\" is one too many", argv[2]);
	else if (argc > 1 && wishes.run && strcmp(argv[1], wishes.run) != 0)
		error_set(&e, ERROR_USAGE, "the run is named twice: %.40s and --run %.40s", argv[1], wishes.run);
	else if (argc > 1)
		wishes.run = argv[1];
	if (error_is_set(&e) || !read_format(&wishes, &format, &e) || !check_wishes(&wishes, &e))
		return command_fail(cli, "triage", &e);
	return triage(cli, &wishes, format);
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
