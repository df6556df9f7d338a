/* log_import.h - from a log of ComfyUI with ComfyUI-MultiGPU, or its JSONL, to records and a verdict.
 *
 * One pass, in bounded memory, over whatever bytes come: a line is cleaned (log_line.h), its kind told (log_kind.h), and what it
 * says becomes records of a cell: one cell a file, and another where the server starts again.
 *
 *	list of models (prune, detection, unload)    who is in the loaded list: residencies, and departures of who is no longer
 *	memory point                                 time, memory of every device
 *	allocation tables                            where the blocks of the model being loaded are: planned, placement, allocation
 *	end of a prompt, unload, soft empty          the stages
 *	progress bar                                 steps
 *	exception                                    what was thrown on the way to the next stage
 *
 * A log tells less than a probe: nothing of holders, and of a model that left the list not whether it lives. What it does not tell
 * stays unknown, and a cell whose log does not tell enough for a verdict is UNTRUSTWORTHY and says why. A malformed line is counted
 * and never stops anything.
 *
 *	import = log_import_new(&sink, &e);
 *	log_import_begin(import, "comfyui.log", &e);
 *	log_import_feed(import, bytes, length, &e) ...
 *	log_import_end(import, &e);
 *	summary = log_import_finish(import);
 */
#ifndef RESIDENCY_PROBES_LOG_IMPORT_H
#define RESIDENCY_PROBES_LOG_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/records/record.h"

#define LOG_LINE_MAX 65536 /* bytes; the rest of a longer line is not looked at */
#define LOG_COMPLAINTS_MAX 8
#define LOG_CELLS_MAX 256 /* of an import: later starts of a server stay in the last one */
#define LOG_TOPOLOGY "log" /* whose devices the records number */

struct log_complaint {
	char file[RECORD_TEXT_MAX];
	uint64_t line;
	char what[96]; /* "a memory point without numbers" */
	char text[96]; /* the line, cut */
};

struct log_cell_result {
	uint32_t cell;
	char file[RECORD_TEXT_MAX];
	uint64_t first_line;
	enum verdict verdict;
	char why[160];
	uint32_t prompts, snapshots, models, lost, findings;
};

struct log_summary {
	uint64_t lines, known_lines, json_lines, malformed_lines, repeated_points, long_lines;
	uint64_t memory_points, lists, tables, steps, prompts, unloads, exceptions, snapshots, findings;
	double prompt_seconds;
	size_t complaint_count;
	struct log_complaint complaints[LOG_COMPLAINTS_MAX]; /* the first */
	size_t cell_count;
	struct log_cell_result cells[LOG_CELLS_MAX];
};

struct log_import;

/* Borrows the sink's context. The caller frees. */
struct log_import *log_import_new(const struct record_sink *sink, struct error *e);
void log_import_free(struct log_import *import);

/* A file begins, and ends. The name is for people. */
bool log_import_begin(struct log_import *import, const char *name, struct error *e);
bool log_import_end(struct log_import *import, struct error *e);

/* The next bytes of the file. false only when there is no memory. */
bool log_import_feed(struct log_import *import, const char *bytes, size_t length, struct error *e);

/* Puts the devices that were seen, once, after the last file. Borrowed: lives as long as the import. */
const struct log_summary *log_import_finish(struct log_import *import);

#endif
