#include "cli/find/topology_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/nearest.h"
#include "core/base/strbuf.h"
#include "scenarios/topologies.h"

const char *topology_builtin_name(size_t index, char name[TOPOLOGY_NAME_MAX])
{
	const char *file = scenario_topologies[index].name;

	if (!file)
		return NULL;
	snprintf(name, TOPOLOGY_NAME_MAX, "%.*s", (int)strcspn(file, "."), file);
	return name;
}

static struct topology *parse_file(const char *path, struct error *e)
{
	struct topology *topology;
	size_t length;
	char *text = file_read_whole(path, &length, e);

	if (!text)
		return NULL;
	topology = topology_parse(text, length, path, e);
	free(text);
	return topology;
}

static void say_what_there_is(const char *wanted, struct error *e)
{
	struct nearest nearest = nearest_to(wanted);
	struct strbuf known = STRBUF_INIT;
	char name[TOPOLOGY_NAME_MAX];

	for (size_t i = 0; topology_builtin_name(i, name); i++) {
		strbuf_printf(&known, "%s%s", i ? ", " : "", name);
		nearest_offer(&nearest, name);
	}
	error_set(e, ERROR_MISSING, "there is no file and no topology called \"%.200s\"; built in are %s", wanted,
		  strbuf_text(&known));
	nearest_suggest(&nearest, e);
	strbuf_free(&known);
}

struct topology *topology_find_named(const char *name_or_file, struct error *e)
{
	char file[TOPOLOGY_NAME_MAX + sizeof(".json")];
	const struct embedded_file *builtin;

	if (strcmp(name_or_file, "-") == 0 || access(name_or_file, F_OK) == 0)
		return parse_file(name_or_file, e);
	snprintf(file, sizeof(file), "%.*s.json", TOPOLOGY_NAME_MAX, name_or_file);
	builtin = embed_find(scenario_topologies, file);
	if (!builtin) {
		say_what_there_is(name_or_file, e);
		return NULL;
	}
	return topology_parse(builtin->bytes, embed_length(builtin), builtin->name, e);
}

const struct backend *topology_find_backend(const char *name, struct error *e)
{
	const struct backend *backend = backend_find(name);
	struct nearest nearest = nearest_to(name);
	struct strbuf known = STRBUF_INIT;

	if (backend)
		return backend;
	for (size_t i = 0; backends[i]; i++) {
		strbuf_printf(&known, "%s%s", i ? ", " : "", backends[i]->name);
		nearest_offer(&nearest, backends[i]->name);
	}
	error_set(e, ERROR_UNSUPPORTED,
		  "there is no backend \"%.64s\" in this build: pass one of %s; `residency devices` says what each does", name,
		  strbuf_text(&known));
	nearest_suggest(&nearest, e);
	strbuf_free(&known);
	return NULL;
}
