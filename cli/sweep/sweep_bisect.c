#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sweep/sweep.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "db/store.h"
#include "reports/sweep/sweep.h"
#include "scenarios/bisect.h"

#define ID_SHOWN 9

/* How it went, beside what bisect_result says. */
struct count {
	size_t runs, skipped, known;
	bool oldest_known; /* what the one before the range does was seen, and not taken from the range */
};

static const char *word(const struct sweep *sweep)
{
	return sweep->wishes->good_first ? "fixed" : "bad";
}

static enum bisect_answer answer_of(const struct sweep *sweep, enum known known)
{
	if (known == KNOWN_NOT)
		return BISECT_SKIP;
	return (known == KNOWN_FAIL) == !sweep->wishes->good_first ? BISECT_AFTER : BISECT_BEFORE;
}

/* ---- asking ---- */

/* What the store knows of any commit narrows it before the first run. */
static bool tell_known(const struct sweep *sweep, struct bisect *bisect, struct count *count, struct error *e)
{
	for (size_t i = 0; i < sweep->commits.count; i++) {
		enum known known;
		size_t unknown_count;

		if (!sweep_look(sweep, i, &known, &unknown_count, e))
			return false;
		if (known == KNOWN_NOT)
			continue;
		bisect_tell(bisect, i, answer_of(sweep, known));
		count->known++;
		count->oldest_known |= i == 0;
	}
	return true;
}

static bool ask(struct sweep *sweep, struct bisect *bisect, size_t at, struct count *count, struct error *e)
{
	struct sweep_commit_result result;
	enum known known = KNOWN_NOT;

	if (*sweep->cli->interrupted)
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	if (!sweep_run_and_say(sweep, at, &known, &result, e))
		return false;
	count->runs++;
	if (result.passed + result.failed)
		known = result.failed ? KNOWN_FAIL : KNOWN_PASS;
	else
		count->skipped++;
	bisect_tell(bisect, at, answer_of(sweep, known));
	return true;
}

static bool search(struct sweep *sweep, struct bisect *bisect, struct count *count, struct error *e)
{
	bool fine = tell_known(sweep, bisect, count, e);
	size_t at;

	while (fine && bisect_next(bisect, &at))
		fine = ask(sweep, bisect, at, count, e);
	return fine;
}

/* ---- telling ---- */

static json_t *commit_value(const struct sweep *sweep, size_t index)
{
	const struct git_commit *commit = &sweep->commits.commits[index];

	return json_pack("{si ss sI ss}", "number", (int)index, "commit", commit->id, "committed_wall_ns",
			 (json_int_t)commit->committed_wall_ns, "summary", commit->summary);
}

static bool print_json(const struct sweep *sweep, const struct bisect_result *result, const struct count *count,
		       struct error *e)
{
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
			  candidates, "runs", (int)count->runs, "runs_at_most", (int)bisect_most(sweep->commits.count),
			  "skipped", (int)count->skipped, "known", (int)count->known, "oldest_known", count->oldest_known);
	fine = (fine && value && json_dumpf(value, sweep->cli->out, JSON_COMPACT) == 0) || error_no_memory(e);
	if (fine)
		fputc('\n', sweep->cli->out);
	json_decref(value);
	return fine;
}

static void print_commit(const struct sweep *sweep, const char *before, size_t index)
{
	const struct git_commit *commit = &sweep->commits.commits[index];

	fprintf(sweep->cli->out, "%s%.*s  %s\n", before, ID_SHOWN, commit->id, commit->summary);
}

static void print_text(const struct sweep *sweep, const struct bisect_result *result, const struct count *count)
{
	FILE *out = sweep->cli->out;
	char name[SWEEP_CELL_NAME_MAX];

	sweep_cell_name(&sweep->cells[0].record, name);
	if (!result->changed) {
		fprintf(out, "%s: no commit that ran is %s\n", name, word(sweep));
		if (result->skipped)
			fprintf(out, "  %zu after the last of them could not be run\n", result->skipped);
	} else if (result->first == 0) {
		fprintf(out, "%s: it is %s already before the range\n", name, word(sweep));
		print_commit(sweep, "  ", 0);
	} else if (result->skipped) {
		fprintf(out, "%s: the first that is %s is one of these; all but the last could not be run\n", name,
			word(sweep));
		for (size_t i = result->last_before + 1; i <= result->first; i++)
			print_commit(sweep, "  ", i);
	} else {
		fprintf(out, "%s: the first that is %s\n", name, word(sweep));
		print_commit(sweep, "  ", result->first);
	}
	if (!result->changed || result->first > 0)
		print_commit(sweep, "  after ", result->last_before);
	if (result->last_before == 0 && !count->oldest_known)
		fprintf(out, "  (that one was not run: the range says that it is not %s)\n", word(sweep));
	fprintf(out, "%zu runs, %zu of them skipped; at most %zu and one for each skipped; %zu known before\n", count->runs,
		count->skipped, bisect_most(sweep->commits.count), count->known);
}

static int exit_code_of(const struct sweep *sweep, const struct bisect_result *result, const struct count *count)
{
	if (result->changed)
		return sweep->wishes->good_first ? 0 : 1;
	return count->runs == count->skipped && count->runs && !count->known ? error_exit_code(ERROR_ABSENT) : 0;
}

int sweep_bisect(struct sweep *sweep)
{
	struct error e = ERROR_INIT;
	struct bisect *bisect = bisect_new(sweep->commits.count, &e);
	struct count count = { .runs = 0 };
	struct bisect_result result;
	bool fine;

	sweep->to_run = bisect_most(sweep->commits.count);
	fprintf(sweep->cli->err, "%zu commits; at most %zu runs, and one more for each that cannot be run\n",
		sweep->commits.count, sweep->to_run);
	fine = bisect && search(sweep, bisect, &count, &e);
	if (fine) {
		result = bisect_result(bisect);
		if (sweep->wishes->json)
			fine = print_json(sweep, &result, &count, &e);
		else
			print_text(sweep, &result, &count);
	}
	bisect_free(bisect);
	return fine ? exit_code_of(sweep, &result, &count) : command_fail(sweep->cli, "sweep", &e);
}
