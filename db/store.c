/* store.c - opening, migrating and checking the SQLite file.
 *
 * To write: the application id is checked, so that no other program's database is changed, write-ahead logging is
 * switched on, and the migrations that the file lacks run one by one, each in a transaction with its number in
 * user_version. To read: the file is opened read-only, and as immutable where its folder cannot be written, since the
 * log's shared memory cannot be made there. Messages give SQLite's reason and what the user can do.
 */
#include "db/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/embed.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"

/* "RSDY": how a store is told from other SQLite databases. */
#define STORE_APPLICATION_ID 0x52534459

#define BUSY_TIMEOUT_MS 10000

extern const struct embedded_file db_schema[];

struct store {
	sqlite3 *db;
	char *path;
	bool made; /* there was no file before */
};

sqlite3 *store_handle(struct store *store)
{
	return store->db;
}

const char *store_path(const struct store *store)
{
	return store->path;
}

int store_schema_newest(void)
{
	int count = 0;

	while (db_schema[count].name)
		count++;
	return count;
}

/* SQLite does not always keep the system's code of a write that failed. */
static bool is_failed_write(int extended_code)
{
	return extended_code == SQLITE_IOERR_WRITE || extended_code == SQLITE_IOERR_FSYNC ||
	       extended_code == SQLITE_IOERR_TRUNCATE || extended_code == SQLITE_IOERR_SHMSIZE;
}

/* What one can do about it, by SQLite's code and the system's. */
static const char *remedy(int extended_code, int system_code)
{
	int code = extended_code & 0xff;

	if (code == SQLITE_FULL || is_failed_write(extended_code) || system_code == ENOSPC || system_code == EDQUOT ||
	    system_code == EFBIG)
		return "; make room, or name another place with --store";
	if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
		return "; name a place that can be written to with --store, or --store none";
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return "; another program is writing to it";
	if (code == SQLITE_NOTADB)
		return "; it is no store of residency: name another with --store";
	if (code == SQLITE_CORRUPT)
		return "; restore it from a copy, or move it away to begin a new one";
	return "";
}

bool store_error(const struct store *store, const char *doing, struct error *e)
{
	int extended_code = store->db ? sqlite3_extended_errcode(store->db) : SQLITE_NOMEM;
	int code = extended_code & 0xff;
	int system_code = store->db ? sqlite3_system_errno(store->db) : 0;
	const char *reason = store->db ? sqlite3_errmsg(store->db) : "";

	if (code == SQLITE_NOMEM)
		return error_no_memory(e);
	if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && system_code)
		reason = strerror(system_code);
	return error_set(e, ERROR_STORE, "cannot %s the store %s: %s%s", doing, store->path, reason,
			 remedy(extended_code, system_code));
}

sqlite3_stmt *store_prepare(struct store *store, const char *sql, struct error *e)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) == SQLITE_OK)
		return statement;
	store_error(store, "query", e);
	return NULL;
}

bool store_execute(struct store *store, const char *sql, const char *doing, struct error *e)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_error(store, doing, e);
}

/* The one integer a pragma answers, or -1. */
static int pragma_integer(const struct store *store, const char *sql)
{
	sqlite3_stmt *statement;
	int value = -1;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

int store_schema(const struct store *store)
{
	return pragma_integer(store, "PRAGMA user_version");
}

/* An empty database may become a store; another program's may not. */
static bool check_identity(const struct store *store, struct error *e)
{
	int schema = store_schema(store);
	int application;
	int tables;

	if (schema < 0)
		return store_error(store, "read", e);
	application = pragma_integer(store, "PRAGMA application_id");
	tables = pragma_integer(store, "SELECT count(*) FROM sqlite_schema");
	if (application != STORE_APPLICATION_ID && (schema > 0 || tables > 0))
		return error_set(
			e, ERROR_STORE,
			"%s is an SQLite database of another program, no store of residency; name another with --store",
			store->path);
	if (schema > store_schema_newest())
		return error_set(e, ERROR_STORE,
				 "the store %s has schema %d, this program knows up to %d; use a newer residency", store->path,
				 schema, store_schema_newest());
	return true;
}

static bool migrate_one(struct store *store, int number, struct error *e)
{
	struct strbuf sql = STRBUF_INIT;
	bool fine;

	strbuf_append(&sql, "BEGIN IMMEDIATE;");
	strbuf_append_n(&sql, db_schema[number - 1].bytes, embed_length(&db_schema[number - 1]));
	strbuf_printf(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;", STORE_APPLICATION_ID, number);
	fine = strbuf_ok(&sql) ? store_execute(store, strbuf_text(&sql), "bring up to date", e) : error_no_memory(e);
	if (!fine)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	strbuf_free(&sql);
	return fine;
}

static bool migrate(struct store *store, struct error *e)
{
	int schema = store_schema(store);

	if (schema < 0)
		return store_error(store, "bring up to date", e);
	for (int number = schema + 1; number <= store_schema_newest(); number++) {
		if (!migrate_one(store, number, e))
			return false;
	}
	return true;
}

static bool set_up(struct store *store, struct error *e)
{
	/* NORMAL: after a loss of power the newest batches may be gone, the store is whole. */
	return store_execute(store, "PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
			     "write to", e);
}

static bool open_to_write(struct store *store, struct error *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
		return store_error(store, "open", e);
	sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	if (!check_identity(store, e))
		return false;
	if (sqlite3_db_readonly(store->db, "main") == 1)
		return error_set(e, ERROR_STORE, "cannot write to the store %s: it is read-only%s", store->path,
				 remedy(SQLITE_READONLY, 0));
	return set_up(store, e) && migrate(store, e);
}

static bool looks_readable(const struct store *store)
{
	return pragma_integer(store, "SELECT count(*) FROM sqlite_schema") >= 0;
}

/* file: URI of a path, with what a URI would take for its own written as %xx. */
static char *immutable_uri(const char *path, struct error *e)
{
	struct strbuf uri = STRBUF_INIT;

	strbuf_append(&uri, "file:");
	for (const char *c = path; *c; c++) {
		if (strchr("%?#", *c))
			strbuf_printf(&uri, "%%%02x", (unsigned char)*c);
		else
			strbuf_append_char(&uri, *c);
	}
	strbuf_append(&uri, "?immutable=1");
	return strbuf_finish(&uri, e);
}

/* Write-ahead log and shared memory of a store in a read-only folder cannot be used, so it is read without them. What only
 * the log holds would be silently missing: better an error. */
static bool reopen_immutable(struct store *store, struct error *e)
{
	struct strbuf log = STRBUF_INIT;
	struct stat st;
	char *uri;
	bool pending;
	bool fine;

	strbuf_printf(&log, "%s-wal", store->path);
	if (!strbuf_ok(&log))
		return error_no_memory(e);
	pending = stat(strbuf_text(&log), &st) == 0 && st.st_size > 0;
	strbuf_free(&log);
	if (pending)
		return error_set(e, ERROR_STORE,
				 "cannot read the store %s: its write-ahead log holds more, and the folder is read-only; copy "
				 "both elsewhere",
				 store->path);
	uri = immutable_uri(store->path, e);
	if (!uri)
		return false;
	sqlite3_close(store->db);
	store->db = NULL;
	fine = sqlite3_open_v2(uri, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL) ==
	       SQLITE_OK;
	free(uri);
	return fine || store_error(store, "open", e);
}

static bool open_to_read(struct store *store, struct error *e)
{
	int schema;

	if (access(store->path, F_OK) != 0)
		return error_set(e, ERROR_MISSING,
				 "there is no store %s; make one with `residency matrix`, or name one with --store",
				 store->path);
	if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return store_error(store, "open", e);
	sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	if (!looks_readable(store)) {
		int code = sqlite3_errcode(store->db) & 0xff;

		if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !reopen_immutable(store, e))
			return false;
	}
	if (!check_identity(store, e))
		return false;
	schema = store_schema(store);
	if (schema < store_schema_newest())
		return error_set(e, ERROR_STORE,
				 "the store %s has schema %d, this program reads %d; whatever records into it brings it up to "
				 "date: `residency matrix --store FILE`",
				 store->path, schema, store_schema_newest());
	return true;
}

/* Without memory of its own: it must not fail where memory has run out. A path that is too long was never opened. */
void store_remove(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	char name[PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		int length = snprintf(name, sizeof(name), "%s%s", path, endings[i]);

		if (length > 0 && (size_t)length < sizeof(name))
			unlink(name);
	}
}

/* No run was committed, or there is not even a table of them. What cannot be read now is not taken for empty. */
static bool is_empty(struct store *store)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(store->db, "SELECT 1 FROM run LIMIT 1", -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE || code == SQLITE_ERROR;
}

void store_give_up(struct store *store)
{
	bool remove = store->made && (!store->db || is_empty(store));
	char *path = store->path;

	store->path = NULL;
	store_close(store);
	if (remove)
		store_remove(path);
	free(path);
}

struct store *store_open(const char *path, enum store_mode mode, struct error *e)
{
	struct store *store = array_new(1, sizeof(*store), e);
	bool fine;

	if (!store)
		return NULL;
	store->made = access(path, F_OK) != 0;
	store->path = string_copy(path, e);
	if (!store->path) {
		free(store);
		return NULL;
	}
	fine = mode == STORE_WRITE ? open_to_write(store, e) : open_to_read(store, e);
	if (fine)
		return store;
	if (mode == STORE_WRITE)
		store_give_up(store); /* one that could not be made leaves nothing behind */
	else
		store_close(store);
	return NULL;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	sqlite3_close(store->db);
	free(store->path);
	free(store);
}

bool store_check(struct store *store, struct error *e)
{
	sqlite3_stmt *statement = store_prepare(store, "PRAGMA integrity_check(1)", e);
	bool fine;

	if (!statement)
		return false;
	if (sqlite3_step(statement) != SQLITE_ROW)
		fine = store_error(store, "check", e);
	else
		fine = strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0 ||
		       error_set(e, ERROR_STORE, "the store %s is damaged: %s%s", store->path,
				 (const char *)sqlite3_column_text(statement, 0), remedy(SQLITE_CORRUPT, 0));
	sqlite3_finalize(statement);
	if (!fine)
		return false;
	statement = store_prepare(store, "PRAGMA foreign_key_check", e);
	if (!statement)
		return false;
	if (sqlite3_step(statement) == SQLITE_ROW)
		fine = error_set(e, ERROR_STORE, "the store %s is damaged: a row of %s refers to a row of %s that is not there",
				 store->path, (const char *)sqlite3_column_text(statement, 0),
				 (const char *)sqlite3_column_text(statement, 2));
	sqlite3_finalize(statement);
	return fine;
}
