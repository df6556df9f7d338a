/* store.h - the file that runs are recorded in: SQLite, with the schema of db/migrations and RECORDS.md.
 *
 * A store is opened for writing (made and brought to the newest schema where needed) or for reading. Who reads uses the views
 * v_*; the tables may change. A store whose writer was killed opens as it was after the last batch; its run has no end.
 */
#ifndef RESIDENCY_DB_STORE_H
#define RESIDENCY_DB_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

enum store_mode { STORE_READ, STORE_WRITE };

struct store;

/* STORE_WRITE makes a file that is not there; if it cannot be made into a store no file stays behind. STORE_READ changes
 * nothing: ERROR_MISSING where there is no file; in a folder that cannot be written to the store is taken as immutable. A file
 * that is no store, or of a newer schema, is ERROR_STORE. The caller closes. */
struct store *store_open(const char *path, enum store_mode mode, struct error *e);
void store_close(struct store *store);

/* Closes a store that could not be written to; if it was made by this store_open and holds no run, its files go too. */
void store_give_up(struct store *store);

/* Removes the files of a closed store; what is not there is fine. */
void store_remove(const char *path);

/* Borrowed; for the statements of this room and of reports. */
sqlite3 *store_handle(struct store *store);
const char *store_path(const struct store *store);

/* The newest schema this program knows, and the one the store has. */
int store_schema_newest(void);
int store_schema(const struct store *store);

/* Whole and consistent, foreign keys included; ERROR_STORE names the first fault. */
bool store_check(struct store *store, struct error *e);

/* Fills e from the last failure of db ("cannot DO in the store PATH: reason"), with a remedy where one is known. Returns
 * false. */
bool store_error(const struct store *store, const char *doing, struct error *e);

/* Prepares; the caller finalizes. NULL on error. */
sqlite3_stmt *store_prepare(struct store *store, const char *sql, struct error *e);

/* Runs statements that return nothing. */
bool store_execute(struct store *store, const char *sql, const char *doing, struct error *e);

#endif
