/* inserter.c - a prepared statement for each record type, made from the layout tables.
 *
 * The column list of a type (records/layout.c) gives the SQL and the binding: a field's type decides how its bytes are
 * bound, and an unknown value becomes NULL. Rows are numbered within their cell here. A row whose parent was dropped
 * violates a foreign key: it is counted as an orphan and skipped.
 */
#include "db/inserter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "db/records/layout.h"

struct inserter {
	struct store *store;
	sqlite3_stmt *inserts[RECORD_TYPE_COUNT]; /* the run's id is parameter 1, the number, where rows are numbered, 2 */
	struct record_run run;
	bool has_run;
	uint32_t cell; /* whose numbers these are */
	int64_t in_cell[RECORD_TYPE_COUNT];
	int64_t in_run[RECORD_TYPE_COUNT];
	uint64_t pending;
	bool in_transaction;
	uint64_t orphans;
};

static sqlite3_stmt *prepare_insert(struct store *store, enum record_type type, struct error *e)
{
	const struct record_layout *layout = &record_layouts[type];
	struct strbuf sql = STRBUF_INIT;
	sqlite3_stmt *statement = NULL;
	size_t parameters = (size_t)(type != RECORD_RUN) + (layout->numbering != NUMBERED_NOT);
	size_t columns = 0;

	strbuf_printf(&sql, "INSERT INTO %s (%s%s", layout->table, type == RECORD_RUN ? "" : "run, ",
		      layout->numbering == NUMBERED_NOT ? "" : "number, ");
	for (size_t i = 0; i < layout->field_count; i++) {
		if (layout->fields[i].column)
			strbuf_printf(&sql, "%s%s", columns++ ? ", " : "", layout->fields[i].column);
	}
	parameters += columns;
	strbuf_append(&sql, ") VALUES (");
	for (size_t i = 0; i < parameters; i++)
		strbuf_append(&sql, i ? ", ?" : "?");
	strbuf_printf(&sql, ") %s", layout->suffix ? layout->suffix : "");
	if (strbuf_ok(&sql))
		statement = store_prepare(store, strbuf_text(&sql), e);
	else
		error_no_memory(e);
	strbuf_free(&sql);
	return statement;
}

struct inserter *inserter_new(struct store *store, struct error *e)
{
	struct inserter *inserter = array_new(1, sizeof(*inserter), e);

	if (!inserter)
		return NULL;
	inserter->store = store;
	for (unsigned i = 0; i < RECORD_TYPE_COUNT; i++) {
		if (!record_layouts[i].table)
			continue;
		inserter->inserts[i] = prepare_insert(store, (enum record_type)i, e);
		if (!inserter->inserts[i]) {
			inserter_free(inserter);
			return NULL;
		}
	}
	return inserter;
}

void inserter_free(struct inserter *inserter)
{
	if (!inserter)
		return;
	for (unsigned i = 0; i < RECORD_TYPE_COUNT; i++)
		sqlite3_finalize(inserter->inserts[i]);
	if (inserter->in_transaction)
		sqlite3_exec(store_handle(inserter->store), "ROLLBACK", NULL, NULL, NULL);
	free(inserter);
}

uint64_t inserter_pending(const struct inserter *inserter)
{
	return inserter->pending;
}

uint64_t inserter_orphans(const struct inserter *inserter)
{
	return inserter->orphans;
}

static void bind_integer_or_null(sqlite3_stmt *statement, int parameter, bool known, int64_t value)
{
	if (known)
		sqlite3_bind_int64(statement, parameter, value);
	else
		sqlite3_bind_null(statement, parameter);
}

static void bind_number(sqlite3_stmt *statement, int parameter, const struct record_field *field, const void *at)
{
	switch (field->type) {
	case FIELD_U32:
		sqlite3_bind_int64(statement, parameter, *(const uint32_t *)at);
		return;
	case FIELD_U64:
		bind_integer_or_null(statement, parameter, *(const uint64_t *)at <= INT64_MAX,
				     (int64_t) * (const uint64_t *)at);
		return;
	case FIELD_I64:
		sqlite3_bind_int64(statement, parameter, *(const int64_t *)at);
		return;
	case FIELD_INDEX:
		bind_integer_or_null(statement, parameter, *(const int32_t *)at >= 0, *(const int32_t *)at);
		return;
	case FIELD_INDEX8:
		bind_integer_or_null(statement, parameter, *(const int8_t *)at >= 0, *(const int8_t *)at);
		return;
	case FIELD_BOOL:
		sqlite3_bind_int(statement, parameter, *(const bool *)at);
		return;
	default:
		if (isnan(*(const double *)at))
			sqlite3_bind_null(statement, parameter);
		else
			sqlite3_bind_double(statement, parameter, *(const double *)at);
	}
}

static void bind_field(sqlite3_stmt *statement, int parameter, const struct record_field *field, const void *record)
{
	const void *at = (const char *)record + field->offset;

	if (field->type < FIELD_TEXT)
		bind_number(statement, parameter, field, at);
	else if (field->type == FIELD_TEXT)
		sqlite3_bind_text(statement, parameter, at, -1, SQLITE_STATIC);
	else
		sqlite3_bind_text(statement, parameter, record_field_name(field->type, *(const int *)at), -1, SQLITE_STATIC);
}

static bool begin(struct inserter *inserter, struct error *e)
{
	if (inserter->in_transaction)
		return true;
	if (!store_execute(inserter->store, "BEGIN IMMEDIATE", "write to", e))
		return false;
	inserter->in_transaction = true;
	return true;
}

bool inserter_commit(struct inserter *inserter, struct error *e)
{
	if (!inserter->in_transaction)
		return true;
	if (!store_execute(inserter->store, "COMMIT", "write to", e))
		return false;
	inserter->in_transaction = false;
	inserter->pending = 0;
	return true;
}

/* Runs a statement whose row may be missing its parent. */
static bool step(struct inserter *inserter, sqlite3_stmt *statement, struct error *e)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_CONSTRAINT)
		inserter->orphans++;
	else if (code != SQLITE_DONE)
		store_error(inserter->store, "write to", e);
	sqlite3_reset(statement);
	return code == SQLITE_DONE || code == SQLITE_CONSTRAINT;
}

static int64_t next_number(struct inserter *inserter, enum record_type type, uint32_t cell)
{
	if (record_layouts[type].numbering == NUMBERED_IN_RUN)
		return ++inserter->in_run[type];
	if (cell == 0)
		return ++inserter->in_run[type]; /* cell 0 lasts as long as the run */
	if (cell != inserter->cell) {
		memset(inserter->in_cell, 0, sizeof(inserter->in_cell));
		inserter->cell = cell;
	}
	return ++inserter->in_cell[type];
}

static bool insert(struct inserter *inserter, enum record_type type, const void *record, struct error *e)
{
	const struct record_layout *layout = &record_layouts[type];
	sqlite3_stmt *statement = inserter->inserts[type];
	int parameter = type == RECORD_RUN ? 1 : 2;

	if (layout->numbering != NUMBERED_NOT)
		sqlite3_bind_int64(statement, parameter++,
				   next_number(inserter, type, layout->has_cell ? *(const uint32_t *)record : 0));
	for (size_t i = 0; i < layout->field_count; i++) {
		if (layout->fields[i].column)
			bind_field(statement, parameter++, &layout->fields[i], record);
	}
	return step(inserter, statement, e);
}

/* The run's id is the same in all that follows, so it is bound once. Cell 0 takes what belongs to no cell. */
static bool begin_run(struct inserter *inserter, const struct record_run *run, struct error *e)
{
	static const struct record_cell none = { .cell = 0 };

	inserter->run = *run;
	inserter->has_run = true;
	memset(inserter->in_run, 0, sizeof(inserter->in_run));
	for (unsigned i = 0; i < RECORD_TYPE_COUNT; i++) {
		if (i != RECORD_RUN && inserter->inserts[i])
			sqlite3_bind_text(inserter->inserts[i], 1, inserter->run.id, -1, SQLITE_STATIC);
	}
	return insert(inserter, RECORD_RUN, &inserter->run, e) && insert(inserter, RECORD_CELL, &none, e);
}

/* One statement of the run's id and two integers. */
static bool update(struct inserter *inserter, const char *sql, int64_t first, int64_t second, struct error *e)
{
	sqlite3_stmt *statement = store_prepare(inserter->store, sql, e);
	bool fine;

	if (!statement)
		return false;
	sqlite3_bind_text(statement, 1, inserter->run.id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, first);
	sqlite3_bind_int64(statement, 3, second);
	fine = begin(inserter, e) && step(inserter, statement, e);
	sqlite3_finalize(statement);
	return fine;
}

bool inserter_mark_dropped(struct inserter *inserter, uint32_t cell, uint64_t count, struct error *e)
{
	return update(inserter, "UPDATE run SET dropped = dropped + ?3 WHERE id = ?1 AND ?2 >= 0", cell, (int64_t)count, e) &&
	       update(inserter, "UPDATE cell SET dropped = dropped + ?3 WHERE run = ?1 AND number = ?2", cell, (int64_t)count,
		      e) &&
	       update(inserter,
		      "UPDATE verdict SET verdict = 'UNTRUSTWORTHY', why = 'records were dropped' WHERE run = ?1 AND cell = ?2 "
		      "AND ?3 > 0",
		      cell, (int64_t)count, e);
}

bool inserter_put(struct inserter *inserter, enum record_type type, const void *record, uint32_t size_bytes, struct error *e)
{
	if ((unsigned)type >= RECORD_TYPE_COUNT || size_bytes != record_layouts[type].size_bytes)
		return error_set(e, ERROR_BUG, "a record of type %u has %u bytes", (unsigned)type, size_bytes);
	if (!inserter->has_run && type != RECORD_RUN)
		return error_set(e, ERROR_BUG, "a record of type %u before the record of its run", (unsigned)type);
	if (type != RECORD_RUN_END && !record_layouts[type].table)
		return true; /* for judges alone */
	if (!begin(inserter, e))
		return false;
	inserter->pending++;
	if (type == RECORD_RUN)
		return begin_run(inserter, record, e);
	if (type == RECORD_RUN_END) {
		const struct record_run_end *end = record;

		return update(inserter, "UPDATE run SET ended_wall_ns = ?2, exit_code = ?3 WHERE id = ?1", end->ended_wall_ns,
			      end->exit_code, e);
	}
	return insert(inserter, type, record, e);
}
