/* harness.c - folders that tests write in, and the program under test as a child with its output in files, so that no pipe fills.
 */
#include "tests/harness/harness.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"

char *harness_make_folder(void)
{
	const char *base = getenv("TMPDIR");
	struct strbuf path = STRBUF_INIT;
	char *text;

	strbuf_printf(&path, "%s/residency-test-XXXXXX", base ? base : "/tmp");
	text = strbuf_finish(&path, NULL);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(mkdtemp(text));
	return text;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void harness_remove_folder(char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

int harness_residency(const char *arguments, char **output, char **errors)
{
	const char *binary = getenv("RESIDENCY_BINARY");
	char *folder = harness_make_folder();
	struct strbuf command = STRBUF_INIT;
	struct strbuf path = STRBUF_INIT;
	size_t length;
	int status;

	ck_assert_msg(binary, "RESIDENCY_BINARY must name the program under test");
	strbuf_printf(&command, "'%s' >'%s/out' 2>'%s/err' </dev/null %s", binary, folder, folder, arguments);
	status = system(strbuf_text(&command)); // NOLINT(cert-env33-c): the test's own command
	if (output) {
		strbuf_printf(&path, "%s/out", folder);
		*output = file_read_whole(strbuf_text(&path), &length, NULL);
		ck_assert_ptr_nonnull(*output);
	}
	if (errors) {
		strbuf_clear(&path);
		strbuf_printf(&path, "%s/err", folder);
		*errors = file_read_whole(strbuf_text(&path), &length, NULL);
		ck_assert_ptr_nonnull(*errors);
	}
	strbuf_free(&command);
	strbuf_free(&path);
	harness_remove_folder(folder);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void harness_relayout(const char *folder, const char *kind, const char *from, const char *to)
{
	char command[1024];
	int length = snprintf(command, sizeof(command), "python3 tests/harness/relayout.py %s '%s/%s' '%s/%s'", kind, folder,
			      from, folder, to);

	ck_assert_int_lt(length, sizeof(command));
	ck_assert_int_eq(system(command), 0);
}
