/* chart.c - gnuplot as a child process, its script and output in files of a temporary folder.
 *
 * Files and not pipes: a pipe in both directions can block, and the exit status says whether the output is whole.
 */
#include "reports/render/chart.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/string.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"

extern char **environ;

/* gnuplot SCRIPT >SVG 2>/dev/null; 0, an errno, or -1 when it says that it failed. */
static int run_gnuplot(const char *script_path, const char *svg_path)
{
	posix_spawn_file_actions_t actions;
	char *const argv[] = { (char *)(uintptr_t) "gnuplot", (char *)(uintptr_t)script_path, NULL };
	pid_t child;
	int status;
	int code;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return ENOMEM;
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, svg_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	code = posix_spawnp(&child, "gnuplot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code != 0)
		return code;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

char *chart_draw(const char *script, const char *folder, struct error *e)
{
	struct strbuf script_path = STRBUF_INIT;
	struct strbuf svg_path = STRBUF_INIT;
	char *svg = NULL;
	char *drawn = NULL;
	const char *start;
	size_t length;
	int code;

	strbuf_printf(&script_path, "%s/.chart-%ld.gp", folder, (long)getpid());
	strbuf_printf(&svg_path, "%s/.chart-%ld.svg", folder, (long)getpid());
	if (!strbuf_ok(&script_path) || !strbuf_ok(&svg_path)) {
		error_no_memory(e);
		goto out;
	}
	if (!file_write_whole(strbuf_text(&script_path), script, strlen(script), e))
		goto out;
	code = run_gnuplot(strbuf_text(&script_path), strbuf_text(&svg_path));
	if (code == ENOENT)
		error_set(e, ERROR_ABSENT, "gnuplot is not installed (Debian: gnuplot-nox), so charts are left out");
	else if (code != 0)
		error_set(e, ERROR_IO, "gnuplot could not draw a chart: %s", code > 0 ? strerror(code) : "it failed");
	else
		svg = file_read_whole(strbuf_text(&svg_path), &length, e);
	start = svg ? strstr(svg, "<svg") : NULL;
	if (start)
		drawn = string_copy(start, e);
	else if (svg)
		error_set(e, ERROR_IO, "gnuplot drew nothing");
	unlink(strbuf_text(&script_path));
	unlink(strbuf_text(&svg_path));
out:
	free(svg);
	strbuf_free(&script_path);
	strbuf_free(&svg_path);
	return drawn;
}
