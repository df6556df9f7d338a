#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/axes.h"
#include "cli/commands.h"
#include "cli/find/flow_find.h"
#include "cli/sweep/sweep.h"
#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "reports/sweep/sweep.h"

#define SHORT_ID 12

/* ---- what the commits are of ---- */

static bool choose_of(struct sweep *sweep, struct error *e)
{
	const struct sweep_wishes *wishes = sweep->wishes;
	const char *newest = sweep->commits.commits[sweep->commits.count - 1].id;

	if (wishes->of && strcmp(wishes->of, "nodes") != 0 && strcmp(wishes->of, "comfyui") != 0)
		return error_set(e, ERROR_USAGE, "--of is nodes or comfyui, not \"%.40s\"", wishes->of);
	if (wishes->of)
		sweep->of = strcmp(wishes->of, "comfyui") == 0 ? SWEEP_OF_COMFYUI : SWEEP_OF_NODES;
	else if (git_has_file(sweep->repository, newest, "comfy/model_management.py"))
		sweep->of = SWEEP_OF_COMFYUI;
	if (sweep->of == SWEEP_OF_NODES && !wishes->comfyui)
		return error_set(e, ERROR_USAGE, "--comfyui DIR says which ComfyUI runs the nodes of each commit");
	if (sweep->of == SWEEP_OF_COMFYUI && wishes->comfyui)
		return error_set(e, ERROR_USAGE,
				 "%s is swept as a ComfyUI itself, so that --comfyui has no meaning; --of nodes "
				 "says that it is a node pack",
				 wishes->repository);
	return true;
}

/* A pack that lies among the ComfyUI's own nodes would be loaded beside each of its commits. */
static void look_for_itself(struct sweep *sweep)
{
	char path[PATH_MAX];

	if (sweep->of != SWEEP_OF_NODES)
		return;
	snprintf(path, sizeof(path), "%.3900s/custom_nodes/%.60s", sweep->wishes->comfyui, sweep->name);
	sweep->isolated = access(path, F_OK) == 0;
	if (sweep->isolated)
		fprintf(sweep->cli->err,
			"%s is one of this ComfyUI's nodes itself: none of them are loaded, only what --nodes names\n",
			sweep->name);
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
	const struct sweep_wishes *wishes = sweep->wishes;
	json_t *setting =
		json_pack("{ss so so so? ss? sb ss}", "of", sweep->of == SWEEP_OF_NODES ? "nodes" : "comfyui", "nodes",
			  list_of(&wishes->nodes, identify), "arguments", list_of(&wishes->arguments, json_string), "comfyui",
			  wishes->comfyui ? identify(wishes->comfyui) : NULL, "python", wishes->python, "isolated",
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

static bool choose_axes(const struct sweep_wishes *wishes, struct matrix_axes *axes, struct error *e)
{
	*axes = matrix_axes_default();
	axes->policies = 0;
	return axis_choose("matrices", wishes->matrices, axis_matrix_index, axis_matrix_name, &axes->matrices, e) &&
	       axis_choose("device-modes", wishes->device_modes, axis_mode_index, axis_mode_name, &axes->device_modes, e) &&
	       axis_choose("node-flags", wishes->node_flags, axis_flags_index, axis_flags_name, &axes->node_flags, e);
}

static bool list_cells(struct sweep *sweep, const struct matrix_axes *axes, struct error *e)
{
	struct sweep_cell cell = { .cell = { .matrix = NULL } };
	size_t capacity = 0;

	while (matrix_cell_at(axes, sweep->cell_count, &cell.cell)) {
		record_text(cell.record.matrix, sizeof(cell.record.matrix), cell.cell.matrix);
		record_text(cell.record.flow, sizeof(cell.record.flow), cell.cell.flow);
		record_text(cell.record.device_mode, sizeof(cell.record.device_mode), cell.cell.device_mode);
		record_text(cell.record.node_flags, sizeof(cell.record.node_flags), cell.cell.node_flags);
		if (!array_reserve(&sweep->cells, &capacity, sweep->cell_count + 1, sizeof(cell), e))
			return false;
		sweep->cells[sweep->cell_count++] = cell;
	}
	return sweep->cell_count || error_set(e, ERROR_USAGE, "no flow that was chosen runs over a matrix that was chosen");
}

/* The one cell that --bisect names. */
static bool keep_filtered(struct sweep *sweep, struct error *e)
{
	const char *filter = sweep->wishes->bisect;
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

/* ---- a sweep ---- */

static bool find_repository(struct sweep *sweep, struct error *e)
{
	const char *name;

	sweep->repository = git_top(sweep->wishes->repository, e);
	if (!sweep->repository)
		return false;
	name = strrchr(sweep->repository, '/');
	record_text(sweep->name, sizeof(sweep->name), name && name[1] ? name + 1 : "repository");
	return true;
}

static bool check_folders(const struct sweep_wishes *wishes, struct error *e)
{
	for (size_t i = 0; i < wishes->nodes.count; i++) {
		if (access(wishes->nodes.texts[i], R_OK) != 0)
			return error_set(e, ERROR_MISSING, "--nodes %s: there is no such folder", wishes->nodes.texts[i]);
	}
	return true;
}

static bool prepare(struct sweep *sweep, const struct matrix_axes *axes, struct error *e)
{
	const struct sweep_wishes *wishes = sweep->wishes;
	char path[PATH_MAX];

	if (!check_folders(wishes, e) || !list_cells(sweep, axes, e) || (wishes->bisect && !keep_filtered(sweep, e)) ||
	    !find_repository(sweep, e) || !sweep_choose_commits(sweep, e) || !choose_of(sweep, e))
		return false;
	look_for_itself(sweep);
	if (sweep->of == SWEEP_OF_NODES) {
		snprintf(path, sizeof(path), "%.4000s/main.py", wishes->comfyui);
		if (access(path, R_OK) != 0)
			return error_set(e, ERROR_MISSING, "--comfyui %s: there is no main.py in it", wishes->comfyui);
	}
	if (!describe_setting(sweep, e) || !sweep_record_list(sweep, e) ||
	    !sweep_tree_begin(&sweep->tree, sweep->repository, wishes->work, e))
		return false;
	snprintf(path, sizeof(path), "%.4000s/custom_nodes", sweep->tree.folder);
	return !sweep->isolated || file_make_folder(path, e);
}

static int run_sweep(struct cli *cli, const struct sweep_wishes *wishes)
{
	struct sweep sweep = { .cli = cli, .wishes = wishes, .store = command_store_path(wishes->store) };
	struct flow_choice flows = FLOW_CHOICE_INIT;
	struct error e = ERROR_INIT;
	struct matrix_axes axes;
	int exit_code;

	if (!choose_axes(wishes, &axes, &e) || !flow_choose(&flows, wishes->flows, &e))
		goto out;
	axes.flows = flows.chosen;
	axes.flow_count = flows.chosen_count;
	prepare(&sweep, &axes, &e);
out:
	if (error_is_set(&e))
		exit_code = command_fail(cli, "sweep", &e);
	else
		exit_code = wishes->bisect ? sweep_bisect(&sweep) : sweep_all(&sweep);
	sweep_tree_end(&sweep.tree);
	if (exit_code == error_exit_code(ERROR_INTERRUPTED))
		fprintf(cli->err, "what was run is in %s; the same command goes on from there\n", sweep.store);
	free(sweep.commits.commits);
	free(sweep.cells);
	free(sweep.repository);
	flow_choice_free(&flows);
	return exit_code;
}

/* ---- the command ---- */

static bool check_wishes(const struct sweep_wishes *wishes, struct error *e)
{
	if (!command_store_path(wishes->store))
		return error_set(e, ERROR_USAGE, "a sweep needs a store: what was run is found there again");
	if (wishes->table && (wishes->range || wishes->bisect))
		return error_set(e, ERROR_USAGE,
				 "--table shows what the store has, and runs nothing: it goes with --run, --all "
				 "and --json alone");
	if (wishes->table)
		return true;
	if (!wishes->repository || !wishes->range)
		return error_set(e, ERROR_USAGE, "--repo DIR and --range A..B say which commits");
	if (wishes->run)
		return error_set(e, ERROR_USAGE, "--run ID chooses what --table shows");
	if (wishes->every < 1 || wishes->every > 1000000)
		return error_set(e, ERROR_USAGE, "--every is 1 or more");
	if (wishes->start_seconds < 1 || wishes->start_seconds > 3600)
		return error_set(e, ERROR_USAGE, "--start-seconds is 1 to 3600");
	if (wishes->good_first && !wishes->bisect)
		return error_set(e, ERROR_USAGE, "--good-first is of --bisect");
	if (wishes->nodes.count > TEXTS_MAX - 1 || wishes->arguments.count > TEXTS_MAX - 2)
		return error_set(e, ERROR_USAGE, "too many --nodes or --server-argument");
	return true;
}

/* What stands after the options are paths, too, as with git log. */
static bool take_paths(struct sweep_wishes *wishes, int argc, char **argv, struct error *e)
{
	for (int i = 1; i < argc; i++) {
		if (wishes->paths.count == TEXTS_MAX)
			return error_set(e, ERROR_USAGE, "at most %d paths", TEXTS_MAX);
		wishes->paths.texts[wishes->paths.count++] = argv[i];
	}
	return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct sweep_wishes wishes = { .start_seconds = 300, .every = 1 };
	const struct option options[] = {
		TEXT_OPTION("repo", "DIR", "the repository of a node pack, or of a ComfyUI", &wishes.repository),
		TEXT_OPTION("range", "A..B", "the commits after A up to B, and A itself, to compare the first with",
			    &wishes.range),
		TEXT_OPTION("comfyui", "DIR", "the ComfyUI that runs each commit of a node pack; nothing is written there",
			    &wishes.comfyui),
		TEXT_OPTION("python", "FILE", "its Python (default: python3)", &wishes.python),
		TEXT_OPTION("of", "KIND", "what --repo is: nodes or comfyui (default: as its files look)", &wishes.of),
		TEXTS_OPTION("nodes", "DIR", "one more custom node's folder, the same for each commit; more than once",
			     &wishes.nodes),
		TEXTS_OPTION("server-argument", "ARG", "one more argument for the server (--server-argument=--cache-none)",
			     &wishes.arguments),
		INTEGER_OPTION("start-seconds", "N", "how long a server may take until it answers (default: 300)",
			       &wishes.start_seconds),
		TEXTS_OPTION("paths", "PATH", "only commits that touch it; more than once, or after `--`", &wishes.paths),
		FLAG_OPTION("first-parent", "of a merge, follow the first parent only", &wishes.first_parent),
		INTEGER_OPTION("every", "N", "only every N-th commit, counted back from B", &wishes.every),
		TEXT_OPTION("matrices", "LIST", "as of `residency matrix`", &wishes.matrices),
		TEXT_OPTION("flows", "LIST", "as of `residency matrix`", &wishes.flows),
		TEXT_OPTION("device-modes", "LIST", "split, same (default: split)", &wishes.device_modes),
		TEXT_OPTION("node-flags", "LIST", "real, suppressed (default: real)", &wishes.node_flags),
		TEXT_OPTION("bisect", "CELL",
			    "find the first bad commit of one cell (abc/both) in few runs; A is taken for good",
			    &wishes.bisect),
		FLAG_OPTION("good-first", "with --bisect: the first fixed one; A is taken for bad", &wishes.good_first),
		FLAG_OPTION("again", "run what the store knows, too", &wishes.again),
		FLAG_OPTION("table", "run nothing: the table of a sweep in the store", &wishes.table),
		TEXT_OPTION("run", "ID|last", "with --table: which sweep (default: last)", &wishes.run),
		FLAG_OPTION("all", "each commit's verdicts, too, and where a cell fails in another way", &wishes.all),
		TEXT_OPTION("work", "DIR", "where work trees are made (default: $TMPDIR)", &wishes.work),
		TEXT_OPTION("store", "FILE", "where records go, and what was run is found again", &wishes.store),
		FLAG_OPTION("json", "print one JSON object", &wishes.json),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_sweep, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (!take_paths(&wishes, argc, argv, &e) || !check_wishes(&wishes, &e))
		return command_fail(cli, "sweep", &e);
	if (wishes.table)
		return sweep_print(cli, &wishes, command_store_path(wishes.store), wishes.run);
	return run_sweep(cli, &wishes);
}

const struct command command_sweep = {
	.name = "sweep",
	.summary = "the matrix at each commit of a node pack or of ComfyUI: which one lost, or kept, which cell",
	.synopsis = "--repo DIR --range A..B [--comfyui DIR] [options] [-- PATH...]",
	.examples = "  residency sweep --repo ~/ComfyUI-MultiGPU --range v2.4.7..HEAD --comfyui ~/ComfyUI\n"
		    "  residency sweep --repo ~/ComfyUI-MultiGPU --range v2.4.7..HEAD --comfyui ~/ComfyUI \\\n"
		    "      --matrices de --flows both -- distorch_2.py    # again: goes on where it was stopped\n"
		    "  residency sweep --repo ~/ComfyUI-MultiGPU --range v2.4.7..HEAD --comfyui ~/ComfyUI --bisect de/both\n"
		    "  residency sweep --repo ~/ComfyUI --range v0.3.60..v0.3.64 --every 10 --nodes ~/ComfyUI-MultiGPU\n"
		    "  residency sweep --table --all\n",
	.run = run,
};
