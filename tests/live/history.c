#include "tests/live/history.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/harness/harness.h"

char *history_out, *history_err;
static char *folder;
static char root[4096]; /* where the tests were started */

#define GIT "git -C pack -c user.name=t -c user.email=t@t -c commit.gpgsign=false"

void history_shell(const char *format, ...)
{
	char command[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	ck_assert_msg(system(command) == 0, "%s", command); // NOLINT(cert-env33-c): the test's own command
}

const char *history_begin(void)
{
	char *server = realpath("tests/live/fake_server.py", NULL);
	char *comfyui = realpath("tests/live/fake_comfyui/main.py", NULL);
	char path[512];

	ck_assert_ptr_nonnull(server);
	ck_assert_ptr_nonnull(comfyui);
	folder = harness_make_folder();
	ck_assert_ptr_nonnull(getcwd(root, sizeof(root)));
	ck_assert_int_eq(chdir(folder), 0);
	setenv("RESIDENCY_FAKE_SERVER", server, 1);
	unsetenv("RESIDENCY_STORE");
	history_shell("mkdir comfyui tmp && cp '%s' comfyui/main.py", comfyui);
	snprintf(path, sizeof(path), "%s/tmp", folder);
	setenv("TMPDIR", path, 1);
	free(server);
	free(comfyui);
	return folder;
}

void history_end(void)
{
	ck_assert_int_eq(chdir(root), 0);
	unsetenv("TMPDIR");
	free(history_out);
	free(history_err);
	history_out = history_err = NULL;
	harness_remove_folder(folder);
}

static void make(const char *words, const char *each)
{
	char copy[512];
	char *rest = copy;
	char *word;
	unsigned number = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	history_shell("git init -q pack");
	while ((word = strsep(&rest, " "))) {
		history_shell("cd pack; printf %%s %s >behaviour.txt; printf %u >number.txt; %s", word, number, each);
		history_shell("export GIT_COMMITTER_DATE='2025-01-%02uT12:00:00Z'; " GIT " add -A && " GIT
			      " commit -q -m '%u: %s' && " GIT " tag c%u",
			      number + 1, number, word, number);
		number++;
	}
}

void history_make(const char *words)
{
	make(words, ":");
}

void history_make_comfyui(const char *words)
{
	make(words, "cp ../comfyui/main.py .; mkdir -p comfy; : >comfy/model_management.py");
}

static int residency(const char *arguments)
{
	free(history_out);
	free(history_err);
	return harness_residency(arguments, &history_out, &history_err);
}

int history_sweep(const char *format, ...)
{
	char given[1024];
	char whole[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(given, sizeof(given), format, arguments);
	va_end(arguments);
	snprintf(whole, sizeof(whole), "sweep --store s.db %s %s",
		 strstr(given, "--table") ? "" : "--matrices de,none-kept --flows both --repo pack", given);
	return residency(whole);
}

json_t *history_json(void)
{
	json_t *value = json_loads(history_out, 0, NULL);

	ck_assert_msg(value, "no JSON: %s%s", history_out, history_err);
	return value;
}

void history_said(const char *text)
{
	ck_assert_msg(strstr(history_out, text) || strstr(history_err, text), "no \"%s\" in: %s%s", text, history_out,
		      history_err);
}

void history_is_clean(void)
{
	DIR *left = opendir(getenv("TMPDIR"));
	const struct dirent *entry;

	ck_assert_ptr_nonnull(left);
	while ((entry = readdir(left)))
		ck_assert_msg(entry->d_name[0] == '.', "%s is left", entry->d_name);
	closedir(left);
	history_shell("test $(git -C pack worktree list | wc -l) = 1 && test ! -e pack/.git/worktrees");
}

long long history_ask(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	long long value;

	ck_assert_int_eq(sqlite3_open("s.db", &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}
