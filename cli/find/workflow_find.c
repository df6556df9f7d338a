#include "cli/find/workflow_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/string.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "scenarios/flow/flows.h"
#include "scenarios/workflows.h"

static bool refuse(const char *wanted, struct error *e)
{
	struct strbuf known = STRBUF_INIT;

	for (const struct embedded_file *file = scenario_workflows; file->name; file++)
		strbuf_printf(&known, "%s%.*s", file == scenario_workflows ? "" : ", ", (int)strcspn(file->name, "."),
			      file->name);
	error_set(e, ERROR_MISSING,
		  "there is no file and no workflow called \"%.200s\"; built in are %s, and what `residency flows` lists",
		  wanted, strbuf_text(&known));
	strbuf_free(&known);
	return embed_suggest(scenario_workflows, wanted, e);
}

bool workflow_find_named(const char *name_or_file, struct workflow_text *workflow, struct error *e)
{
	const char *slash = strrchr(name_or_file, '/');
	const char *base = slash ? slash + 1 : name_or_file;
	const struct embedded_file *builtin;
	char file[sizeof(workflow->name) + sizeof(".json")];

	*workflow = (struct workflow_text) { .text = NULL };
	snprintf(workflow->name, sizeof(workflow->name), "%.*s", (int)strcspn(base, "."), base);
	if (strcmp(name_or_file, "-") == 0 || access(name_or_file, F_OK) == 0) {
		workflow->text = file_read_whole(name_or_file, &workflow->length, e);
		return workflow->text != NULL;
	}
	snprintf(file, sizeof(file), "%s.json", workflow->name);
	builtin = strcmp(base, name_or_file) == 0 ? embed_find(scenario_workflows, file) : NULL;
	if (!builtin && strcmp(base, name_or_file) == 0)
		builtin = embed_find(scenario_flows, file);
	if (!builtin)
		return refuse(name_or_file, e);
	workflow->length = embed_length(builtin);
	workflow->text = string_copy_n(builtin->bytes, workflow->length, e);
	return workflow->text != NULL;
}

void workflow_text_free(struct workflow_text *workflow)
{
	free(workflow->text);
	workflow->text = NULL;
}
