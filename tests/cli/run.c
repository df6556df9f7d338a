#include "tests/cli/run.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/harness/harness.h"

static int run(const char *format, va_list arguments, char **output, char **errors)
{
	char line[2048];

	vsnprintf(line, sizeof(line), format, arguments);
	return harness_residency(line, output, errors);
}

char *run_text(int wanted_exit_code, const char *format, ...)
{
	va_list arguments;
	char *output;
	char *errors;
	int exit_code;

	va_start(arguments, format);
	exit_code = run(format, arguments, &output, &errors);
	va_end(arguments);
	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s", exit_code, errors);
	free(errors);
	return output;
}

json_t *run_json(int wanted_exit_code, const char *format, ...)
{
	va_list arguments;
	json_error_t fault;
	json_t *value;
	char *output;
	char *errors;
	int exit_code;

	va_start(arguments, format);
	exit_code = run(format, arguments, &output, &errors);
	va_end(arguments);
	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s", exit_code, errors);
	value = json_loads(output, 0, &fault);
	ck_assert_msg(value, "%s: %s", fault.text, output);
	free(output);
	free(errors);
	return value;
}

/* Lines that say what the program was at may come before; the complaint is the last but for a hint at its help. */
void assert_complains(int wanted_exit_code, const char *said, const char *format, ...)
{
	va_list arguments;
	char *output;
	char *errors;
	char *place;
	int exit_code;

	va_start(arguments, format);
	exit_code = run(format, arguments, &output, &errors);
	va_end(arguments);
	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s", exit_code, errors);
	place = strstr(errors, said);
	ck_assert_msg(place, "no \"%s\" in: %s", said, errors);
	place = strchr(place, '\n');
	ck_assert_msg(place && (!place[1] || strncmp(place + 1, "try: ", 5) == 0), "more than one line: %s", errors);
	free(output);
	free(errors);
}

char *write_file(const char *folder, const char *name, const void *bytes, size_t length)
{
	struct strbuf path = STRBUF_INIT;
	struct error e = ERROR_INIT;

	strbuf_printf(&path, "%s/%s", folder, name);
	ck_assert_ok(file_write_whole(strbuf_text(&path), bytes, length, &e), &e);
	return strbuf_finish(&path, NULL);
}

long long ask_store(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	long long value;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}
