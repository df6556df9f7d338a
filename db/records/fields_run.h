/* fields_run.h - the fields of the records of what a run is, ran on, measured and made, and what a sweep is about.
 * Private to db/records.
 *
 * Each list is NUMBER(OF, type, member, column, wire) and STRING(OF, capacity, member, column, wire), in the order of the struct that
 * record.h makes of it. `column` is the store's (NULL: not stored), `wire` how a live server's line gives the member (NONE: it does
 * not), a word of enum record_wire in layout.h; its key there is the member's name. OF is the struct's tag, which record.h and
 * layout.c pass. Sizes are bytes and times nanoseconds where the names say so; nothing here owns, fails or runs.
 */
#ifndef RESIDENCY_DB_FIELDS_RUN_H
#define RESIDENCY_DB_FIELDS_RUN_H

#include "db/records/fields_cell.h"

/* "true", "false", "null" */
#define RECORD_FIELDS_run(NUMBER, STRING, OF)                                                                                  \
	STRING(OF, 40, id, "id", NONE) /* unique text id */                                                                    \
	STRING(OF, 512, command, "command", NONE) /* as it can be run again */                                                 \
	STRING(OF, 32, version, "version", NONE)                                                                               \
	NUMBER(OF, I64, started_wall_ns, "started_wall_ns", NONE)                                                              \
	STRING(OF, 512, environment, "environment", NONE) /* canonical JSON of what decides which runs may be compared */

#define RECORD_FIELDS_run_end(NUMBER, STRING, OF)                                                                              \
	NUMBER(OF, I64, ended_wall_ns, NULL, NONE)                                                                             \
	NUMBER(OF, U32, exit_code, NULL, NONE)

/* Devices and links of a topology; a run may turn to several. */
#define RECORD_FIELDS_device(NUMBER, STRING, OF)                                                                               \
	STRING(OF, RECORD_NAME_MAX, topology, "topology", NONE)                                                                \
	NUMBER(OF, U32, index, "number", NONE)                                                                                 \
	STRING(OF, RECORD_NAME_MAX, name, "name", NONE)                                                                        \
	STRING(OF, 16, kind, "kind", NONE)                                                                                     \
	NUMBER(OF, U64, capacity_bytes, "capacity_bytes", NONE)

#define RECORD_FIELDS_link(NUMBER, STRING, OF)                                                                                 \
	STRING(OF, RECORD_NAME_MAX, topology, "topology", NONE)                                                                \
	NUMBER(OF, U32, from, "from_device", NONE)                                                                             \
	NUMBER(OF, U32, to, "to_device", NONE)                                                                                 \
	NUMBER(OF, DOUBLE, bandwidth_bytes_per_s, "bandwidth_bytes_per_s", NONE)                                               \
	NUMBER(OF, DOUBLE, efficiency, "efficiency", NONE)                                                                     \
	NUMBER(OF, U64, latency_ns, "latency_ns", NONE)

/* One measurement of a link or an offload curve. */
#define RECORD_FIELDS_sample(NUMBER, STRING, OF)                                                                               \
	STRING(OF, RECORD_NAME_MAX, series, "series", NONE) /* "links", "offload" */                                           \
	STRING(OF, RECORD_NAME_MAX, topology, "topology", NONE)                                                                \
	STRING(OF, 16, backend, "backend", NONE)                                                                               \
	STRING(OF, RECORD_NAME_MAX, label, "label", NONE) /* "cpu->cuda:0", "flux1-dev bf16, donor cuda:1" */                  \
	NUMBER(OF, DOUBLE, x, "x", NONE) /* transfer size in bytes, or bytes offloaded */                                      \
	NUMBER(OF, DOUBLE, value, "value", NONE) /* bytes/s, or seconds per iteration */                                       \
	NUMBER(OF, U32, repeat, "repeat", NONE)

/* A file that a run made. */
#define RECORD_FIELDS_artifact(NUMBER, STRING, OF)                                                                             \
	NUMBER(OF, U32, cell, "cell", NONE) /* 0: of the run */                                                                \
	STRING(OF, 16, kind, "kind", NONE) /* png, report, ... */                                                              \
	STRING(OF, RECORD_TEXT_MAX, path, "path", NONE)                                                                        \
	STRING(OF, 80, hash, "hash", NONE)

/* A sweep over a repository's history, in a run of its own: what it is about, then its commits and its cells. `setting` is canonical
 * JSON of all that decides a verdict besides the commit and the cell. */
#define RECORD_FIELDS_sweep(NUMBER, STRING, OF)                                                                                \
	STRING(OF, RECORD_NAME_MAX, repository, "repository", NONE) /* the folder's name */                                    \
	STRING(OF, 16, of, "sweep_of", NONE) /* "nodes" or "comfyui": what the commits are of */                               \
	STRING(OF, RECORD_TEXT_MAX, range, "commit_range", NONE) /* as it was asked for */                                     \
	STRING(OF, RECORD_SETTING_MAX, setting, "setting", NONE)

#define RECORD_FIELDS_sweep_commit(NUMBER, STRING, OF)                                                                         \
	NUMBER(OF, U32, number, "number", NONE) /* oldest first; 0: the one before the range */                                \
	STRING(OF, RECORD_COMMIT_MAX, id, "commit_id", NONE)                                                                   \
	NUMBER(OF, I64, committed_wall_ns, "committed_wall_ns", NONE)                                                          \
	STRING(OF, RECORD_TEXT_MAX, summary, "summary", NONE) /* the message's first line */

/* numbered by the store, in their order */
#define RECORD_FIELDS_sweep_cell(NUMBER, STRING, OF) SWEEP_AXES(RECORD_AXIS_FIELD, STRING, OF)

/* What a run's cells ran: a commit under a setting; or why it could not start. */
#define RECORD_FIELDS_run_commit(NUMBER, STRING, OF)                                                                           \
	STRING(OF, RECORD_NAME_MAX, repository, "repository", NONE)                                                            \
	STRING(OF, RECORD_COMMIT_MAX, id, "commit_id", NONE)                                                                   \
	STRING(OF, RECORD_SETTING_MAX, setting, "setting", NONE)                                                               \
	STRING(OF, RECORD_TEXT_MAX, why, "why", NONE) /* "": it started */

#endif
