#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sweep/sweep.h"
#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/units.h"
#include "db/store.h"
#include "reports/sweep/sweep.h"

#define ID_SHOWN 9
#define COLUMNS_LEAST 60
#define COLUMNS_MOST 200

/* ---- the table ---- */

static int exit_code_of(const json_t *sweep)
{
	if (sweep_count(sweep, "regressed"))
		return 1;
	if (sweep_count(sweep, "untrustworthy"))
		return error_exit_code(ERROR_UNTRUSTWORTHY);
	return sweep_count(sweep, "not_run") && !sweep_count(sweep, "run") ? error_exit_code(ERROR_ABSENT) : 0;
}

static bool print(struct cli *cli, const struct sweep_wishes *wishes, const json_t *sweep, struct error *e)
{
	unsigned columns = cli->width < COLUMNS_LEAST ? COLUMNS_LEAST : cli->width > COLUMNS_MOST ? COLUMNS_MOST : cli->width;
	struct strbuf text = STRBUF_INIT;
	bool fine = true;

	if (wishes->json) {
		fine = json_dumpf(sweep, cli->out, JSON_COMPACT) == 0 || error_no_memory(e);
		fputc('\n', cli->out);
		return fine;
	}
	sweep_text(sweep, columns, wishes->all, &text);
	if (strbuf_ok(&text))
		fputs(strbuf_text(&text), cli->out);
	else
		fine = error_no_memory(e);
	strbuf_free(&text);
	return fine;
}

int sweep_print(struct cli *cli, const struct sweep_wishes *wishes, const char *store_path, const char *run)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(store_path, STORE_READ, &e);
	json_t *sweep = store ? sweep_read(store, run, &e) : NULL;
	int exit_code = sweep && print(cli, wishes, sweep, &e) ? exit_code_of(sweep) : command_fail(cli, "sweep", &e);

	json_decref(sweep);
	store_close(store);
	return exit_code;
}

/* ---- one commit after the other ---- */

static void say_time_left(const struct sweep *sweep)
{
	char left[UNITS_TEXT_MAX];

	if (sweep->ran && sweep->ran < sweep->to_run)
		fprintf(sweep->cli->err, "; about %s left",
			units_duration(sweep->spent_ns / sweep->ran * (sweep->to_run - sweep->ran), left));
}

static void say_commit(const struct sweep *sweep, size_t commit)
{
	fprintf(sweep->cli->err, "[%zu of %zu] %.*s  ", commit + 1, sweep->commits.count, ID_SHOWN,
		sweep->commits.commits[commit].id);
}

static void wipe(const struct sweep *sweep)
{
	if (sweep->cli->err_is_tty)
		fputs("\r\033[K", sweep->cli->err);
}

void sweep_draw(const struct sweep *sweep, size_t commit, size_t cell)
{
	if (!sweep->cli->err_is_tty)
		return;
	wipe(sweep);
	say_commit(sweep, commit);
	fprintf(sweep->cli->err, "cell %zu of %zu", cell + 1, sweep->cell_count);
	say_time_left(sweep);
	fflush(sweep->cli->err);
}

static void say_result(const struct sweep *sweep, size_t commit, const struct sweep_commit_result *result, uint64_t took_ns)
{
	bool has_verdicts = result->passed + result->failed > 0;
	char took[UNITS_TEXT_MAX];

	say_commit(sweep, commit);
	if (has_verdicts || !result->why[0])
		fprintf(sweep->cli->err, "%zu passed, %zu failed", result->passed, result->failed);
	if (result->untrustworthy)
		fprintf(sweep->cli->err, ", %zu untrustworthy", result->untrustworthy);
	if (result->why[0])
		fprintf(sweep->cli->err, "%s: %s", has_verdicts ? ", the rest not run" : "not run", result->why);
	fprintf(sweep->cli->err, "; %s", units_duration(took_ns, took));
	say_time_left(sweep);
	fputc('\n', sweep->cli->err);
}

bool sweep_run_and_say(struct sweep *sweep, size_t commit, const enum known *known, struct sweep_commit_result *result,
		       struct error *e)
{
	uint64_t started_ns = clock_now_ns();
	uint64_t took_ns;
	bool fine;

	fine = sweep_run_commit(sweep, commit, known, result, e);
	took_ns = clock_now_ns() - started_ns;
	sweep->spent_ns += took_ns;
	sweep->ran++;
	wipe(sweep);
	if (fine)
		say_result(sweep, commit, result, took_ns);
	return fine;
}

static bool count_commits_to_run(struct sweep *sweep, enum known *known, struct error *e)
{
	sweep->to_run = 0;
	for (size_t i = 0; i < sweep->commits.count; i++) {
		size_t unknown_count;

		if (!sweep_look(sweep, i, known, &unknown_count, e))
			return false;
		sweep->to_run += unknown_count > 0;
	}
	fprintf(sweep->cli->err, "%zu commits, %zu cell%s each; ", sweep->commits.count, sweep->cell_count,
		sweep->cell_count == 1 ? "" : "s");
	if (sweep->to_run < sweep->commits.count)
		fprintf(sweep->cli->err, "%zu are whole in %s and are not run again\n", sweep->commits.count - sweep->to_run,
			sweep->store);
	else
		fprintf(sweep->cli->err, "none is whole in %s\n", sweep->store);
	return true;
}

static bool run_each(struct sweep *sweep, enum known *known, struct error *e)
{
	for (size_t i = 0; i < sweep->commits.count; i++) {
		struct sweep_commit_result result;
		size_t unknown_count;

		if (*sweep->cli->interrupted)
			return error_set(e, ERROR_INTERRUPTED, "interrupted");
		if (!sweep_look(sweep, i, known, &unknown_count, e))
			return false;
		if (unknown_count && !sweep_run_and_say(sweep, i, known, &result, e))
			return false;
	}
	return true;
}

int sweep_all(struct sweep *sweep)
{
	struct error e = ERROR_INIT;
	enum known *known = array_new(sweep->cell_count, sizeof(*known), &e);
	bool fine = known && count_commits_to_run(sweep, known, &e);

	fine = fine && run_each(sweep, known, &e);
	free(known);
	if (fine)
		return sweep_print(sweep->cli, sweep->wishes, sweep->store, sweep->run);
	return command_fail(sweep->cli, "sweep", &e);
}
