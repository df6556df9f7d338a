/* sweep_run.c - one commit: its work tree, a server on it, and the cells of which the store knows nothing.
 *
 * The recording begins when the server has answered, since only then it is known what it is; a commit that cannot start is recorded
 * with why instead. Whatever goes wrong with a server is its commit's, and the next commit may do better; only an interrupt, no
 * memory and a store that failed end the sweep. A worker that died costs its server: the next cell gets one that is whole.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/utf8.h"
#include "core/manager/policy.h"
#include "db/store.h"
#include "scenarios/matrix/axes.h"
#include "scenarios/run/run.h"
#include "scenarios/subject/live_server.h"
#include "scenarios/subject/subject_comfyui.h"
#include "scenarios/sweep/sweep_parts.h"

#define BACKEND "comfyui"

/* ---- what is known ---- */

bool sweep_look(const struct sweep *sweep, size_t commit, enum known *known, size_t *unknown_count, struct error *e)
{
	struct store *store = store_open(sweep->request->store, STORE_READ, e);
	bool fine = store != NULL;

	*unknown_count = 0;
	for (size_t i = 0; fine && i < sweep->cell_count; i++) {
		known[i] = KNOWN_NOT;
		if (!sweep->request->again)
			fine = sweep_known(store, sweep->setting, sweep->commits.commits[commit].id, &sweep->cells[i].record,
					   &known[i], e);
		*unknown_count += known[i] == KNOWN_NOT;
	}
	store_close(store);
	return fine;
}

/* ---- records ---- */

bool sweep_record_list(struct sweep *sweep, struct error *e)
{
	const struct run_request opening = { .store = sweep->request->store,
					     .command = sweep->request->command,
					     .wait_for_room = true,
					     .environment = { .backend = BACKEND } };
	struct record_sweep about = { .of = "" };
	struct recording recording;

	record_text(about.repository, sizeof(about.repository), sweep->name);
	record_text(about.of, sizeof(about.of), sweep->of == SWEEP_OF_NODES ? "nodes" : "comfyui");
	record_text(about.range, sizeof(about.range), sweep->request->range);
	record_text(about.setting, sizeof(about.setting), sweep->setting);
	if (!run_open(&recording, &opening, e))
		return false;
	record_put(&recording.sink, RECORD_SWEEP, &about, sizeof(about));
	for (size_t i = 0; i < sweep->commits.count; i++) {
		const struct git_commit *from = &sweep->commits.commits[i];
		struct record_sweep_commit commit = { .number = (uint32_t)i, .committed_wall_ns = from->committed_wall_ns };

		record_text(commit.id, sizeof(commit.id), from->id);
		record_text(commit.summary, sizeof(commit.summary), from->summary);
		record_put(&recording.sink, RECORD_SWEEP_COMMIT, &commit, sizeof(commit));
	}
	for (size_t i = 0; i < sweep->cell_count; i++)
		record_put(&recording.sink, RECORD_SWEEP_CELL, &sweep->cells[i].record, sizeof(sweep->cells[i].record));
	record_text(sweep->run, sizeof(sweep->run), recording.run.id);
	return run_close(&recording, 0, e);
}

/* ---- a commit ---- */

struct commit_run {
	struct sweep *sweep;
	size_t index; /* of the commit */
	const struct git_commit *commit;
	struct sweep_commit_result *result;
	struct recording recording; /* its writer: NULL until the commit has started, or could not */
	struct live_server *server;
	struct subject *subject;
	uint32_t cell; /* number of the last one */
};

/* Nothing that follows could go better. */
static bool is_fatal(const struct error *e)
{
	return e->kind == ERROR_INTERRUPTED || e->kind == ERROR_MEMORY || e->kind == ERROR_BUG || e->kind == ERROR_STORE;
}

static bool begin_recording(struct commit_run *run, const struct run_environment *environment, const char *why, struct error *e)
{
	const struct run_request opening = { .store = run->sweep->request->store,
					     .command = run->sweep->request->command,
					     .environment = *environment };
	struct record_run_commit what = { .why = "" };

	if (!run_open(&run->recording, &opening, e))
		return false;
	record_text(what.repository, sizeof(what.repository), run->sweep->name);
	record_text(what.id, sizeof(what.id), run->commit->id);
	record_text(what.setting, sizeof(what.setting), run->sweep->setting);
	record_text(what.why, sizeof(what.why), why);
	record_put(&run->recording.sink, RECORD_RUN_COMMIT, &what, sizeof(what));
	return true;
}

/* What the server says of itself, and the commit, which it need not know. */
static bool begin_started(struct commit_run *run, struct error *e)
{
	char subject[3 * RECORD_NAME_MAX];
	const struct run_environment environment = { .backend = BACKEND,
						     .topology = subject_comfyui_topology(run->subject),
						     .subject = subject };

	snprintf(subject, sizeof(subject), "%.100s, %.40s@%.12s", subject_comfyui_version(run->subject), run->sweep->name,
		 run->commit->id);
	return begin_recording(run, &environment, "", e);
}

static void stop_server(struct commit_run *run)
{
	subject_close(run->subject);
	live_server_stop(run->server);
	run->subject = NULL;
	run->server = NULL;
}

static bool start_server(struct commit_run *run, struct error *e)
{
	const struct sweep *sweep = run->sweep;
	const struct sweep_request *request = sweep->request;
	bool is_pack = sweep->of == SWEEP_OF_NODES;
	struct texts nodes = request->nodes;
	struct texts arguments = request->arguments;
	const struct live_server_options server = { .comfyui = is_pack ? request->comfyui : sweep->tree.path,
						    .python = request->python,
						    .nodes = &nodes,
						    .arguments = &arguments,
						    .start_seconds = (unsigned)request->start_seconds };
	struct error why = ERROR_INIT;

	if (is_pack)
		nodes.texts[nodes.count++] = sweep->tree.path;
	if (sweep->isolated) {
		arguments.texts[arguments.count++] = "--base-directory";
		arguments.texts[arguments.count++] = sweep->tree.folder;
	}
	run->server = live_server_start(&server, request->interrupted, e);
	if (!run->server)
		return false;
	run->subject = subject_comfyui_open(live_server_url(run->server), NULL, request->log, request->interrupted, &why);
	if (run->subject)
		return true;
	stop_server(run);
	/* whatever its first answer was, it is this commit's: the next one's server may do better */
	return error_set(e, is_fatal(&why) ? why.kind : ERROR_ABSENT, "%s", why.text);
}

static bool finished(void *context, const struct judge_result *result)
{
	const struct commit_run *run = context;

	cell_tally_add(&run->result->tally, result->verdict);
	return true;
}

static uint64_t dropped(void *context, uint32_t cell)
{
	const struct commit_run *run = context;

	return run_dropped(&run->recording, cell);
}

/* A cell that could not be brought to its end has no verdict; why, is told. */
static void put_why(struct commit_run *run, const struct error *why)
{
	struct record_verdict verdict = { .cell = run->cell, .verdict = VERDICT_UNTRUSTWORTHY };

	record_text(verdict.why, sizeof(verdict.why), why->text);
	utf8_clean(verdict.why);
	record_put(&run->recording.sink, RECORD_VERDICT, &verdict, sizeof(verdict));
	cell_tally_add(&run->result->tally, VERDICT_UNTRUSTWORTHY);
}

/* The server does what it does, and with the cache that it has. */
static bool run_cell(struct commit_run *run, const struct sweep_cell *cell, struct error *e)
{
	const struct policy *policy = subject_comfyui_policy(run->subject);
	struct matrix_axes axes = cell->cell.axes;
	const struct matrix_run matrix = { .subject = run->subject,
					   .subject_name = run->subject->operations->kind,
					   .topology_name = subject_comfyui_topology(run->subject)->name,
					   .sink = &run->recording.sink,
					   .dropped = dropped,
					   .finished = finished,
					   .context = run,
					   .first_cell = ++run->cell };
	struct error why = ERROR_INIT;
	bool fine;

	axes.policies = policy ? matrix_axis_bit(CELL_AXIS_POLICY, policy->name) : 0;
	axes.caches = UINT64_C(1) << subject_comfyui_cache(run->subject);
	fine = matrix_run(&matrix, &axes, &why);
	if (!fine && is_fatal(&why))
		return error_set(e, why.kind, "%s", why.text);
	if (!fine)
		put_why(run, &why);
	if (!fine || run->subject->operations->worker_died(run->subject))
		stop_server(run); /* the next cell gets one that is whole */
	return run_is_fine(&run->recording); /* run_close says what is wrong with it */
}

/* The commit, or the rest of its cells, cannot be run. */
static bool give_up(struct commit_run *run, const struct error *why, struct error *e)
{
	const struct run_environment environment = { .backend = BACKEND };

	if (is_fatal(why) || why->kind == ERROR_IO)
		return error_set(e, why->kind, "%s", why->text);
	record_text(run->result->why, sizeof(run->result->why), why->text);
	utf8_clean(run->result->why);
	return run->recording.writer || begin_recording(run, &environment, run->result->why, e);
}

static bool run_cells(struct commit_run *run, const enum known *known, struct error *e)
{
	const struct sweep_watcher *watcher = &run->sweep->request->watcher;

	for (size_t i = 0; i < run->sweep->cell_count; i++) {
		struct error why = ERROR_INIT;

		if (known[i] != KNOWN_NOT)
			continue;
		watcher->cell(watcher->context, run->sweep, run->index, i);
		if (!run->server && !start_server(run, &why))
			return give_up(run, &why, e);
		if (!run->recording.writer && !begin_started(run, e))
			return false;
		if (!run_cell(run, &run->sweep->cells[i], e))
			return false;
	}
	return true;
}

static int exit_code_of(const struct sweep_commit_result *result, const struct error *e)
{
	if (error_is_set(e))
		return error_exit_code(e->kind);
	if (result->why[0])
		return error_exit_code(ERROR_ABSENT);
	return cell_tally_exit_code(&result->tally);
}

static bool run_commit(struct sweep *sweep, size_t commit, const enum known *known, struct sweep_commit_result *result,
		       struct error *e)
{
	struct commit_run run = {
		.sweep = sweep, .index = commit, .commit = &sweep->commits.commits[commit], .result = result
	};
	struct error why = ERROR_INIT;
	bool fine;

	*result = (struct sweep_commit_result) { .why = "" };
	if (sweep_tree_put(&sweep->tree, sweep->name, run.commit->id, &why))
		fine = run_cells(&run, known, e);
	else
		fine = give_up(&run, &why, e);
	stop_server(&run);
	sweep_tree_take(&sweep->tree);
	return run_close(&run.recording, exit_code_of(result, e), e) && fine;
}

bool sweep_run_commit(struct sweep *sweep, size_t commit, const enum known *known, struct sweep_commit_result *result,
		      struct error *e)
{
	const struct sweep_watcher *watcher = &sweep->request->watcher;
	uint64_t started_ns = clock_now_ns();
	bool fine = run_commit(sweep, commit, known, result, e);
	uint64_t took_ns = clock_now_ns() - started_ns;

	sweep->spent_ns += took_ns;
	sweep->ran++;
	watcher->commit(watcher->context, sweep, commit, fine ? result : NULL, took_ns);
	return fine;
}
