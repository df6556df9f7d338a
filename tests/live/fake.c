#include "tests/live/fake.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/harness.h"

static pid_t process;
static char url[64];

const char *fake_start(const char *fault, int count)
{
	int ends[2];
	char strikes[16];
	char line[32] = "";
	size_t length = 0;

	snprintf(strikes, sizeof(strikes), "%d", count);
	ck_assert_int_eq(pipe(ends), 0);
	process = fork();
	ck_assert_int_ge(process, 0);
	if (process == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("python3", "python3", "tests/live/fake_server.py", fault, strikes, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (length < sizeof(line) - 1 && !strchr(line, '\n') && read(ends[0], line + length, 1) == 1)
		length++;
	close(ends[0]);
	ck_assert_msg(strchr(line, '\n'), "the fake server did not start: is python3 there?");
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", atoi(line));
	return url;
}

void fake_stop(void)
{
	if (process > 0) {
		kill(process, SIGKILL);
		waitpid(process, NULL, 0);
	}
	process = 0;
}
