/* log_state.h - what an import remembers of the log so far. Private to probes/log. */
#ifndef RESIDENCY_PROBES_LOG_STATE_H
#define RESIDENCY_PROBES_LOG_STATE_H

#include "probes/judge/judge.h"
#include "probes/log/log_import.h"

#define LOG_MODELS_MAX 64
#define LOG_DEVICES_MAX 32
#define LOG_ROWS_MAX 16
#define LOG_SNAPSHOTS_MAX 4096
#define LOG_STEPS_MAX 20000

/* Blocks of a model on one device. */
struct placed_row {
	uint32_t device, blocks;
	uint64_t size_bytes;
};

struct log_model {
	char class_name[RECORD_NAME_MAX]; /* "SDXL" */
	char hash[17]; /* "5d907277"; "" where no line told */
	char name[RECORD_NAME_MAX]; /* "SDXL:5d907277" */
	enum keep_request keep, told_keep;
	bool ejects; /* flagged to go with the next unload */
	bool is_flagged; /* keep_loaded was told: not of every version */
	bool is_distributed; /* placed by an allocation, so that a node with a flag loaded it */
	bool kept; /* by the last unload, so its flag was on */
	int32_t listed; /* place in the loaded list; -1: not in it */
	uint64_t size_bytes;
	struct placed_row rows[LOG_ROWS_MAX];
	size_t row_count;
	bool is_placed_again; /* rows are newer than the last snapshot */
	char allocation[RECORD_TEXT_MAX];
};

enum log_table { TABLE_NONE, TABLE_VIRTUAL, TABLE_DEVICES, TABLE_DEVICES_V1, TABLE_LAYERS, TABLE_PLACES };

/* Where the worker is. */
enum log_mode { MODE_IDLE, MODE_PROMPT, MODE_BETWEEN };

struct log_device {
	char name[RECORD_NAME_MAX];
	uint64_t capacity_bytes;
};

/* Rows of a list of models, until all are there. */
struct log_list {
	bool open;
	size_t wanted, count;
	uint32_t models[LOG_MODELS_MAX]; /* indexes */
};

struct log_import {
	struct record_sink sink;
	struct record_tee tee;
	struct record_sink out; /* to the judge and to the sink */
	struct judge *judge;
	struct log_summary summary;
	struct log_device devices[LOG_DEVICES_MAX];
	size_t device_count;

	/* of the file */
	char file[RECORD_TEXT_MAX];
	uint64_t line;
	char *text; /* LOG_LINE_MAX + 1 bytes: the line so far */
	size_t length;
	bool too_long, line_is_known;

	/* of the cell */
	bool cell_is_open;
	struct log_cell_result result;
	bool knows_lines; /* one at least */
	enum log_mode mode;
	uint32_t cycle;
	bool acted; /* cycle is that of an action */
	int64_t first_wall_ns, wall_ns; /* 0: no time was seen */
	uint64_t now_ns;
	uint64_t memory_bytes[LOG_DEVICES_MAX]; /* UNKNOWN_U64 where not known */
	struct log_model models[LOG_MODELS_MAX];
	size_t model_count, told_count;
	struct log_list list, kept;
	enum stage pending; /* taken as soon as the list is known; STAGE_COUNT for none */
	enum reason cause; /* why a model would leave now */
	bool list_seen, list_is_stale, over_limit;
	bool request_follows;
	bool core_empties; /* the next soft empty is part of core's unload, not the worker's */
	uint32_t unloads;
	char exception[RECORD_TEXT_MAX];
	bool in_traceback, in_summary;
	char requested[RECORD_NAME_MAX]; /* class of the model being loaded; "" unknown */
	char loading[17]; /* its hash */
	enum log_table table;
	struct placed_row rows[LOG_ROWS_MAX];
	size_t row_count;
	bool allocation_follows;
	char allocation[RECORD_TEXT_MAX];
	uint32_t bar; /* progress bars so far */
	uint32_t bar_done, bar_total;
	uint64_t bar_start_ns, bar_ns;
	uint32_t steps;
};

/* A line of a known kind that does not hold what it should. */
void log_complain(struct log_import *import, const char *what, const char *text);

/* The index of a device, made known where it is new; -1 if the word is no device, or there are too many. */
int32_t log_device_index(struct log_import *import, const char *word, size_t length);

/* log_lists.c: a title with its number of rows, a row, the class of a model that an unload keeps, an unload's end, and an unload that
 * is left to ComfyUI's own function, which knows no flags. */
void log_list_begin(struct log_import *import, struct log_list *list, const char *text);
void log_list_row(struct log_import *import, const char *text);
void log_list_keeps(struct log_import *import, const char *class_name);
void log_list_unload_ends(struct log_import *import, const char *text);
void log_list_delegated(struct log_import *import);

/* log_memory.c */
void log_memory_point(struct log_import *import, const char *text);
void log_memory_probe(struct log_import *import, const char *text);

/* log_tables.c: the title of a table; a line while a table is open, true if it belonged to it; the end of what is open. */
void log_table_begin(struct log_import *import, const char *title, const char *text);
void log_table_header(struct log_import *import, const char *text);
bool log_table_row(struct log_import *import, const char *text);
void log_table_end(struct log_import *import);

/* log_cell.c */
void log_cell_open(struct log_import *import);
bool log_cell_close(struct log_import *import, struct error *e);
void log_cell_time(struct log_import *import, int64_t wall_ns);
/* Time passes that only a duration tells. */
void log_cell_pass(struct log_import *import, uint64_t until_ns);
/* By hash where there is one, else by class; made where it is new. NULL when there are too many. */
struct log_model *log_cell_model(struct log_import *import, const char *class_name, const char *hash,
				 const struct log_list *beside);
/* The one that is being loaded. */
struct log_model *log_cell_loading(struct log_import *import);
void log_cell_loaded(struct log_import *import, struct log_model *model);
void log_cell_prompt(struct log_import *import);
void log_cell_prompt_ends(struct log_import *import);
void log_cell_unload_begins(struct log_import *import);
/* At once, or when the list is known. */
void log_cell_stage(struct log_import *import, enum stage stage);
void log_cell_stage_later(struct log_import *import, enum stage stage);
/* All rows of a list are there: who is listed now, who left. */
void log_cell_listed(struct log_import *import, const struct log_list *list);

#endif
