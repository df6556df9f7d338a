/* sweep_prepare.c - what a sweep is of, which cells it has, and the setting under which its commits compare.
 *
 * The setting is canonical JSON (keys sorted, no spaces): runs of one commit under one setting are the same experiment, whenever and
 * wherever they ran. Folders that are repositories stand in it by name and commit, so that a pack that moved on is another setting.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "db/records/cell_axes.h"
#include "scenarios/sweep/sweep_parts.h"

#define SHORT_ID 12

/* ---- what the commits are of ---- */

static bool choose_of(struct sweep *sweep, struct error *e)
{
	const struct sweep_request *request = sweep->request;
	const char *newest = sweep->commits.commits[sweep->commits.count - 1].id;

	if (request->of && strcmp(request->of, "nodes") != 0 && strcmp(request->of, "comfyui") != 0)
		return error_set(e, ERROR_USAGE, "--of is nodes or comfyui, not \"%.40s\"", request->of);
	if (request->of)
		sweep->of = strcmp(request->of, "comfyui") == 0 ? SWEEP_OF_COMFYUI : SWEEP_OF_NODES;
	else if (git_has_file(sweep->repository, newest, "comfy/model_management.py"))
		sweep->of = SWEEP_OF_COMFYUI;
	if (sweep->of == SWEEP_OF_NODES && !request->comfyui)
		return error_set(e, ERROR_USAGE, "--comfyui DIR says which ComfyUI runs the nodes of each commit");
	if (sweep->of == SWEEP_OF_COMFYUI && request->comfyui)
		return error_set(e, ERROR_USAGE,
				 "%s is swept as a ComfyUI itself, so that --comfyui has no meaning; --of nodes "
				 "says that it is a node pack",
				 request->repository);
	return true;
}

/* A pack that lies among the ComfyUI's own nodes would be loaded beside each of its commits. */
static void look_for_itself(struct sweep *sweep)
{
	char path[PATH_MAX];

	if (sweep->of != SWEEP_OF_NODES)
		return;
	snprintf(path, sizeof(path), "%.3900s/custom_nodes/%.60s", sweep->request->comfyui, sweep->name);
	sweep->isolated = access(path, F_OK) == 0;
	if (!sweep->isolated)
		return;
	snprintf(path, sizeof(path),
		 "%s is one of this ComfyUI's nodes itself: none of them are loaded, only what --nodes names", sweep->name);
	sweep->request->watcher.note(sweep->request->watcher.context, path);
}

/* ---- the setting ---- */

/* "NAME@COMMIT", or the whole path of what is no repository. */
static json_t *identify(const char *folder)
{
	char id[RECORD_COMMIT_MAX];
	char *whole = realpath(folder, NULL);
	const char *name = whole ? strrchr(whole, '/') : NULL;
	json_t *text;

	git_head(folder, id);
	if (id[0] && name)
		text = json_sprintf("%s@%.*s", name + 1, SHORT_ID, id);
	else
		text = json_string(whole ? whole : folder);
	free(whole);
	return text;
}

static json_t *list_of(const struct texts *texts, json_t *(*value)(const char *text))
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < texts->count; i++) {
		if (json_array_append_new(list, value(texts->texts[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool describe_setting(struct sweep *sweep, struct error *e)
{
	const struct sweep_request *request = sweep->request;
	json_t *setting =
		json_pack("{ss so so so? ss? sb ss}", "of", sweep->of == SWEEP_OF_NODES ? "nodes" : "comfyui", "nodes",
			  list_of(&request->nodes, identify), "arguments", list_of(&request->arguments, json_string), "comfyui",
			  request->comfyui ? identify(request->comfyui) : NULL, "python", request->python, "isolated",
			  sweep->isolated, "tool", RESIDENCY_VERSION);
	char *text = setting ? json_dumps(setting, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	bool fine = text || error_no_memory(e);

	if (fine && strlen(text) >= sizeof(sweep->setting))
		fine = error_set(e, ERROR_UNSUPPORTED, "so many nodes and arguments cannot be told apart in the store");
	if (fine)
		record_text(sweep->setting, sizeof(sweep->setting), text);
	free(text);
	json_decref(setting);
	return fine;
}

/* ---- the cells ---- */

#define NAME_VALUE(NAME, member, capacity, option, usual, of)                                                                  \
	record_text((of)->record.member, sizeof((of)->record.member), (of)->cell.member);

static bool list_cells(struct sweep *sweep, const struct matrix_axes *axes, struct error *e)
{
	struct sweep_cell cell = { .cell = { .matrix = NULL } };
	size_t capacity = 0;

	while (matrix_cell_at(axes, sweep->cell_count, &cell.cell)) {
		SWEEP_AXES(NAME_VALUE, &cell)
		if (!array_reserve(&sweep->cells, &capacity, sweep->cell_count + 1, sizeof(cell), e))
			return false;
		sweep->cells[sweep->cell_count++] = cell;
	}
	return sweep->cell_count || error_set(e, ERROR_USAGE, "no flow that was chosen runs over a matrix that was chosen");
}

/* The one cell that --bisect names. */
static bool keep_filtered(struct sweep *sweep, struct error *e)
{
	const char *filter = sweep->request->bisect;
	struct strbuf names = STRBUF_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < sweep->cell_count; i++) {
		char name[SWEEP_CELL_NAME_MAX];

		if (!sweep_cell_matches(&sweep->cells[i].record, filter))
			continue;
		sweep->cells[kept++] = sweep->cells[i];
		sweep_cell_name(&sweep->cells[kept - 1].record, name);
		strbuf_printf(&names, "%s%s", kept > 1 ? ", " : "", name);
	}
	if (kept == 0)
		error_set(e, ERROR_USAGE, "--bisect %.60s: no cell that was chosen is so; --matrices and --flows choose",
			  filter);
	if (kept > 1)
		error_set(e, ERROR_USAGE, "--bisect %.60s: one cell is wanted; these are %zu: %s", filter, kept,
			  strbuf_text(&names));
	strbuf_free(&names);
	sweep->cell_count = kept;
	return kept == 1;
}

/* ---- all of it ---- */

static bool find_repository(struct sweep *sweep, struct error *e)
{
	const char *name;

	sweep->repository = git_top(sweep->request->repository, e);
	if (!sweep->repository)
		return false;
	name = strrchr(sweep->repository, '/');
	record_text(sweep->name, sizeof(sweep->name), name && name[1] ? name + 1 : "repository");
	return true;
}

static bool check_folders(const struct sweep_request *request, struct error *e)
{
	for (size_t i = 0; i < request->nodes.count; i++) {
		if (access(request->nodes.texts[i], R_OK) != 0)
			return error_set(e, ERROR_MISSING, "--nodes %s: there is no such folder", request->nodes.texts[i]);
	}
	return true;
}

bool sweep_prepare(struct sweep *sweep, const struct matrix_axes *axes, struct error *e)
{
	const struct sweep_request *request = sweep->request;
	char path[PATH_MAX];

	if (!check_folders(request, e) || !list_cells(sweep, axes, e) || (request->bisect && !keep_filtered(sweep, e)) ||
	    !find_repository(sweep, e) || !sweep_choose_commits(sweep, e) || !choose_of(sweep, e))
		return false;
	look_for_itself(sweep);
	if (sweep->of == SWEEP_OF_NODES) {
		snprintf(path, sizeof(path), "%.4000s/main.py", request->comfyui);
		if (access(path, R_OK) != 0)
			return error_set(e, ERROR_MISSING, "--comfyui %s: there is no main.py in it", request->comfyui);
	}
	return describe_setting(sweep, e);
}
