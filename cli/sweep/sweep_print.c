/* sweep_print.c - a sweep's progress, its table and a bisection's answer, as they are printed.
 *
 * On a terminal one line tells which cell of which commit runs and is wiped before anything else is said; elsewhere only the line of
 * a commit that has run is written. The table is read from the store by reports/sweep, so that --table prints what a sweep printed.
 */
#include "cli/sweep/sweep_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "db/store.h"
#include "reports/sweep/sweep.h"

#define ID_SHOWN 9
#define COLUMNS_LEAST 60
#define COLUMNS_MOST 200

/* ---- how it goes ---- */

static void say_time_left(const struct cli *cli, const struct sweep *sweep)
{
	char left[UNITS_TEXT_MAX];

	if (sweep->ran && sweep->ran < sweep->to_run)
		fprintf(cli->err, "; about %s left",
			units_duration(sweep->spent_ns / sweep->ran * (sweep->to_run - sweep->ran), left));
}

static void say_commit(const struct cli *cli, const struct sweep *sweep, size_t commit)
{
	fprintf(cli->err, "[%zu of %zu] %.*s  ", commit + 1, sweep->commits.count, ID_SHOWN, sweep->commits.commits[commit].id);
}

static void wipe(const struct cli *cli)
{
	if (cli->err_is_tty)
		fputs("\r\033[K", cli->err);
}

static void draw(void *context, const struct sweep *sweep, size_t commit, size_t cell)
{
	struct cli *cli = context;

	if (!cli->err_is_tty)
		return;
	wipe(cli);
	say_commit(cli, sweep, commit);
	fprintf(cli->err, "cell %zu of %zu", cell + 1, sweep->cell_count);
	say_time_left(cli, sweep);
	fflush(cli->err);
}

static void say_result(const struct cli *cli, const struct sweep *sweep, size_t commit,
		       const struct sweep_commit_result *result, uint64_t took_ns)
{
	bool has_verdicts = result->tally.passed + result->tally.failed > 0;
	char took[UNITS_TEXT_MAX];

	say_commit(cli, sweep, commit);
	if (has_verdicts || !result->why[0])
		fprintf(cli->err, "%zu passed, %zu failed", result->tally.passed, result->tally.failed);
	if (result->tally.untrustworthy)
		fprintf(cli->err, ", %zu untrustworthy", result->tally.untrustworthy);
	if (result->why[0])
		fprintf(cli->err, "%s: %s", has_verdicts ? ", the rest not run" : "not run", result->why);
	fprintf(cli->err, "; %s", units_duration(took_ns, took));
	say_time_left(cli, sweep);
	fputc('\n', cli->err);
}

static void on_commit(void *context, const struct sweep *sweep, size_t commit, const struct sweep_commit_result *result,
		      uint64_t took_ns)
{
	struct cli *cli = context;

	wipe(cli);
	if (result)
		say_result(cli, sweep, commit, result, took_ns);
}

static void on_note(void *context, const char *text)
{
	struct cli *cli = context;

	fprintf(cli->err, "%s\n", text);
}

static void on_begun(void *context, const struct sweep *sweep)
{
	const char *store = sweep->request->store;
	struct cli *cli = context;

	if (sweep->request->bisect) {
		fprintf(cli->err, "%zu commits; at most %zu runs, and one more for each that cannot be run\n",
			sweep->commits.count, sweep->to_run);
		return;
	}
	fprintf(cli->err, "%zu commits, %zu cell%s each; ", sweep->commits.count, sweep->cell_count,
		sweep->cell_count == 1 ? "" : "s");
	if (sweep->to_run < sweep->commits.count)
		fprintf(cli->err, "%zu are whole in %s and are not run again\n", sweep->commits.count - sweep->to_run, store);
	else
		fprintf(cli->err, "none is whole in %s\n", store);
}

struct sweep_watcher sweep_print_watcher(struct cli *cli)
{
	return (struct sweep_watcher) { .note = on_note, .begun = on_begun, .cell = draw, .commit = on_commit, .context = cli };
}

/* ---- the table ---- */

static int table_exit_code(const json_t *sweep)
{
	if (sweep_count(sweep, "regressed"))
		return 1;
	if (sweep_count(sweep, "untrustworthy"))
		return error_exit_code(ERROR_UNTRUSTWORTHY);
	return sweep_count(sweep, "not_run") && !sweep_count(sweep, "run") ? error_exit_code(ERROR_ABSENT) : 0;
}

static bool print_table(struct cli *cli, const struct sweep_format *format, const json_t *sweep, struct error *e)
{
	unsigned columns = cli->width < COLUMNS_LEAST ? COLUMNS_LEAST : cli->width > COLUMNS_MOST ? COLUMNS_MOST : cli->width;
	struct strbuf text = STRBUF_INIT;
	bool fine = true;

	if (format->json) {
		fine = json_dumpf(sweep, cli->out, JSON_COMPACT) == 0 || error_no_memory(e);
		fputc('\n', cli->out);
		return fine;
	}
	sweep_text(sweep, columns, format->all, &text);
	if (strbuf_ok(&text))
		fputs(strbuf_text(&text), cli->out);
	else
		fine = error_no_memory(e);
	strbuf_free(&text);
	return fine;
}

int sweep_print_table(struct cli *cli, const char *store_path, const char *run, const struct sweep_format *format)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(store_path, STORE_READ, &e);
	json_t *sweep = store ? sweep_read(store, run, &e) : NULL;
	int exit_code = sweep && print_table(cli, format, sweep, &e) ? table_exit_code(sweep) : command_fail(cli, "sweep", &e);

	json_decref(sweep);
	store_close(store);
	return exit_code;
}

/* ---- what a bisection found ---- */

static const char *word(const struct sweep *sweep)
{
	return sweep->request->good_first ? "fixed" : "bad";
}

static json_t *commit_value(const struct sweep *sweep, size_t index)
{
	const struct git_commit *commit = &sweep->commits.commits[index];

	return json_pack("{si ss sI ss}", "number", (int)index, "commit", commit->id, "committed_wall_ns",
			 (json_int_t)commit->committed_wall_ns, "summary", commit->summary);
}

static bool print_json(const struct cli *cli, const struct sweep *sweep, const struct sweep_found *found, struct error *e)
{
	const struct bisect_result *result = &found->result;
	char name[SWEEP_CELL_NAME_MAX];
	json_t *candidates = json_array();
	json_t *value;
	bool fine = candidates != NULL;

	sweep_cell_name(&sweep->cells[0].record, name);
	for (size_t i = result->last_before + 1; fine && result->changed && i <= result->first; i++)
		fine = json_array_append_new(candidates, commit_value(sweep, i)) == 0;
	value = json_pack("{si ss ss ss so? so? so? si si si si sb}", "schema", 1, "run", sweep->run, "cell", name, "sought",
			  word(sweep), "first", result->changed ? commit_value(sweep, result->first) : NULL, "last_before",
			  result->changed && result->first == 0 ? NULL : commit_value(sweep, result->last_before), "candidates",
			  candidates, "runs", (int)found->runs, "runs_at_most", (int)bisect_most(sweep->commits.count),
			  "skipped", (int)found->skipped, "known", (int)found->known, "oldest_known", found->oldest_known);
	fine = (fine && value && json_dumpf(value, cli->out, JSON_COMPACT) == 0) || error_no_memory(e);
	if (fine)
		fputc('\n', cli->out);
	json_decref(value);
	return fine;
}

static void print_commit(const struct cli *cli, const struct sweep *sweep, const char *before, size_t index)
{
	const struct git_commit *commit = &sweep->commits.commits[index];

	fprintf(cli->out, "%s%.*s  %s\n", before, ID_SHOWN, commit->id, commit->summary);
}

static void print_text(const struct cli *cli, const struct sweep *sweep, const struct sweep_found *found)
{
	const struct bisect_result *result = &found->result;
	FILE *out = cli->out;
	char name[SWEEP_CELL_NAME_MAX];

	sweep_cell_name(&sweep->cells[0].record, name);
	if (!result->changed) {
		fprintf(out, "%s: no commit that ran is %s\n", name, word(sweep));
		if (result->skipped)
			fprintf(out, "  %zu after the last of them could not be run\n", result->skipped);
	} else if (result->first == 0) {
		fprintf(out, "%s: it is %s already before the range\n", name, word(sweep));
		print_commit(cli, sweep, "  ", 0);
	} else if (result->skipped) {
		fprintf(out, "%s: the first that is %s is one of these; all but the last could not be run\n", name,
			word(sweep));
		for (size_t i = result->last_before + 1; i <= result->first; i++)
			print_commit(cli, sweep, "  ", i);
	} else {
		fprintf(out, "%s: the first that is %s\n", name, word(sweep));
		print_commit(cli, sweep, "  ", result->first);
	}
	if (!result->changed || result->first > 0)
		print_commit(cli, sweep, "  after ", result->last_before);
	if (result->last_before == 0 && !found->oldest_known)
		fprintf(out, "  (that one was not run: the range says that it is not %s)\n", word(sweep));
	fprintf(out, "%zu runs, %zu of them skipped; at most %zu and one for each skipped; %zu known before\n", found->runs,
		found->skipped, bisect_most(sweep->commits.count), found->known);
}

static int found_exit_code(const struct sweep *sweep, const struct sweep_found *found)
{
	if (found->result.changed)
		return sweep->request->good_first ? 0 : 1;
	return found->runs == found->skipped && found->runs && !found->known ? error_exit_code(ERROR_ABSENT) : 0;
}

int sweep_print_found(struct cli *cli, const struct sweep *sweep, const struct sweep_found *found,
		      const struct sweep_format *format)
{
	struct error e = ERROR_INIT;

	if (!format->json)
		print_text(cli, sweep, found);
	else if (!print_json(cli, sweep, found, &e))
		return command_fail(cli, "sweep", &e);
	return found_exit_code(sweep, found);
}
