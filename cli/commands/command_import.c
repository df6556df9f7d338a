#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "core/base/array.h"
#include "core/base/units.h"
#include "probes/log/log_import.h"
#include "scenarios/run/cell_run.h"

#define PIECE_SIZE_BYTES ((size_t)256 * 1024)

/* Feeds a file that is open already, to its end. */
static bool feed(struct cli *cli, struct log_import *import, int fd, const char *name, char *piece, struct error *e)
{
	struct progress progress;
	struct stat st;
	size_t done = 0;
	ssize_t got = 0;
	bool fine = log_import_begin(import, name, e);

	progress_begin_bytes(&progress, cli, "reading", fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
	while (fine && (got = read(fd, piece, PIECE_SIZE_BYTES)) > 0) {
		fine = log_import_feed(import, piece, (size_t)got, e);
		done += (size_t)got;
		if (progress.total)
			progress_update(&progress, done);
		if (*cli->interrupted)
			fine = error_set(e, ERROR_INTERRUPTED, "interrupted in %s", name);
	}
	progress_end(&progress);
	if (got < 0)
		fine = error_set(e, errno == EISDIR ? ERROR_MISSING : ERROR_IO, "cannot read %s: %s", name, strerror(errno));
	return fine && log_import_end(import, e);
}

static bool feed_path(struct cli *cli, struct log_import *import, const char *path, char *piece, struct error *e)
{
	bool fine;
	int fd;

	if (strcmp(path, "-") == 0)
		return feed(cli, import, STDIN_FILENO, "standard input", piece, e);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(e, ERROR_MISSING, "cannot open %s: %s", path, strerror(errno));
	fine = feed(cli, import, fd, path, piece, e);
	close(fd);
	return fine;
}

static json_t *cells_to_json(const struct log_summary *summary)
{
	json_t *cells = json_array();

	for (size_t i = 0; i < summary->cell_count; i++) {
		const struct log_cell_result *cell = &summary->cells[i];

		json_array_append_new(
			cells, json_pack("{si ss sI ss ss si si si si si}", "cell", (int)cell->cell, "file", cell->file, "line",
					 (json_int_t)cell->first_line, "verdict", record_verdict_name(cell->verdict), "why",
					 cell->why, "prompts", (int)cell->prompts, "stages", (int)cell->snapshots, "models",
					 (int)cell->models, "lost", (int)cell->lost, "findings", (int)cell->findings));
	}
	return cells;
}

static json_t *complaints_to_json(const struct log_summary *summary)
{
	json_t *complaints = json_array();

	for (size_t i = 0; i < summary->complaint_count; i++) {
		const struct log_complaint *complaint = &summary->complaints[i];

		json_array_append_new(complaints,
				      json_pack("{ss sI ss ss}", "file", complaint->file, "line", (json_int_t)complaint->line,
						"what", complaint->what, "text", complaint->text));
	}
	return complaints;
}

static bool print_json(struct cli *cli, const char *run, const struct log_summary *s, struct error *e)
{
	json_t *object =
		json_pack("{ss? sI sI sI sI sI sI sI sI sI sI sI sI sf so so}", "run", run, "lines", (json_int_t)s->lines,
			  "known_lines", (json_int_t)s->known_lines, "json_lines", (json_int_t)s->json_lines, "malformed_lines",
			  (json_int_t)s->malformed_lines, "repeated_points", (json_int_t)s->repeated_points, "memory_points",
			  (json_int_t)s->memory_points, "lists", (json_int_t)s->lists, "tables", (json_int_t)s->tables, "steps",
			  (json_int_t)s->steps, "prompts", (json_int_t)s->prompts, "unloads", (json_int_t)s->unloads,
			  "exceptions", (json_int_t)s->exceptions, "prompt_seconds", s->prompt_seconds, "cells",
			  cells_to_json(s), "malformed", complaints_to_json(s));

	if (!object)
		return error_no_memory(e);
	json_dumpf(object, cli->out, JSON_COMPACT);
	fputc('\n', cli->out);
	json_decref(object);
	return true;
}

static void print_cell(FILE *out, const struct log_cell_result *cell)
{
	fprintf(out, "%-13s %s", record_verdict_name(cell->verdict), cell->file);
	if (cell->first_line > 1)
		fprintf(out, ", from line %llu on", (unsigned long long)cell->first_line);
	fprintf(out, ": %u prompts, %u stages, %u models", cell->prompts, cell->snapshots, cell->models);
	if (cell->lost)
		fprintf(out, ", %u LOST", cell->lost);
	if (cell->why[0])
		fprintf(out, "\n              %s", cell->why);
	fputc('\n', out);
}

static void print_text(struct cli *cli, const struct log_summary *s)
{
	for (size_t i = 0; i < s->cell_count; i++)
		print_cell(cli->out, &s->cells[i]);
	fprintf(cli->out,
		"%llu lines, %llu of them known: %llu memory points, %llu lists of models, %llu allocation tables, %llu steps, "
		"%llu exceptions\n",
		(unsigned long long)s->lines, (unsigned long long)s->known_lines, (unsigned long long)s->memory_points,
		(unsigned long long)s->lists, (unsigned long long)s->tables, (unsigned long long)s->steps,
		(unsigned long long)s->exceptions);
}

static void print_complaints(struct cli *cli, const struct log_summary *s)
{
	for (size_t i = 0; i < s->complaint_count; i++) {
		const struct log_complaint *complaint = &s->complaints[i];

		fprintf(cli->err, "%s:%llu: %s: %.60s\n", complaint->file, (unsigned long long)complaint->line, complaint->what,
			complaint->text);
	}
	if (s->malformed_lines > s->complaint_count)
		fprintf(cli->err, "%llu malformed lines in all\n", (unsigned long long)s->malformed_lines);
}

static int exit_code_of(const struct log_summary *summary)
{
	struct verdict_tally tally = { .passed = 0 };

	for (size_t i = 0; i < summary->cell_count; i++) {
		const struct log_cell_result *cell = &summary->cells[i];

		/* A finding fails a cell that passes; one of a cell that cannot be trusted may be wrong. */
		cell_tally_add(&tally, cell->verdict == VERDICT_PASS && cell->findings ? VERDICT_FAIL : cell->verdict);
	}
	return cell_tally_exit_code(&tally);
}

static int import_files(struct cli *cli, const char *store, bool json, int count, char **paths)
{
	const struct run_environment environment = { .subject = "log" };
	struct recording recording;
	struct error e = ERROR_INIT;
	struct log_import *import = NULL;
	const struct log_summary *summary = NULL;
	char *piece = NULL;
	bool fine = true;
	int exit_code;

	if (!command_open_run(cli, store, true, &environment, &recording, &e))
		return command_fail(cli, "import", &e);
	import = log_import_new(&recording.sink, &e);
	piece = import ? array_new(PIECE_SIZE_BYTES, 1, &e) : NULL;
	fine = piece != NULL;
	for (int i = 0; i < count && fine; i++)
		fine = feed_path(cli, import, paths[i], piece, &e);
	if (import)
		summary = log_import_finish(import);
	exit_code = fine ? exit_code_of(summary) : error_exit_code(e.kind);
	exit_code = command_close_run(cli, "import", &recording, exit_code);
	if (fine && json)
		fine = print_json(cli, command_store_path(store) ? recording.run.id : NULL, summary, &e);
	else if (fine)
		print_text(cli, summary);
	if (summary)
		print_complaints(cli, summary);
	if (!fine)
		exit_code = command_fail(cli, "import", &e);
	log_import_free(import);
	free(piece);
	return exit_code;
}

/* Before anything is recorded: a name mistyped leaves no empty run behind. */
static bool check_paths(int count, char **paths, struct error *e)
{
	if (count == 0)
		return error_set(e, ERROR_USAGE, "a log, or - for standard input");
	if (count > LOG_CELLS_MAX)
		return error_set(e, ERROR_USAGE, "at most %d logs at once, not %d", LOG_CELLS_MAX, count);
	for (int i = 0; i < count; i++) {
		if (strcmp(paths[i], "-") != 0 && access(paths[i], R_OK) != 0)
			return error_set(e, ERROR_MISSING, "cannot read %s: %s", paths[i], strerror(errno));
	}
	return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *store = NULL;
	bool json = false;
	const struct option options[] = {
		FLAG_OPTION("json", "print one JSON object: counts, a verdict a cell, the first malformed lines", &json),
		TEXT_OPTION("store", "FILE|none", "where to record", &store),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_import, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (!check_paths(argc - 1, argv + 1, &e))
		return command_fail(cli, "import", &e);
	return import_files(cli, store, json, argc - 1, argv + 1);
}

const struct command command_import = {
	.name = "import",
	.summary = "logs of ComfyUI-MultiGPU and its JSONL into the store, with a verdict where they tell enough",
	.synopsis = "[options] FILE...",
	.examples = "  residency import comfyui.log && residency triage\n"
		    "  docker logs comfyui 2>&1 | residency import -\n"
		    "  residency import --json multigpu.jsonl\n",
	.run = run,
};
