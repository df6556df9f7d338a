#include "tests/live/fake.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/harness.h"

static pid_t process;
static int port;
static char url[64];

static const char *start(const char *fault, int count, int after, int wanted_port)
{
	int ends[2];
	char strikes[16];
	char left_alone[16];
	char where[16];
	char line[32] = "";
	size_t length = 0;

	snprintf(strikes, sizeof(strikes), "%d", count);
	snprintf(left_alone, sizeof(left_alone), "%d", after);
	snprintf(where, sizeof(where), "%d", wanted_port);
	ck_assert_int_eq(pipe(ends), 0);
	process = fork();
	ck_assert_int_ge(process, 0);
	if (process == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("python3", "python3", "tests/live/fake_server.py", fault, strikes, left_alone, where, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (length < sizeof(line) - 1 && !strchr(line, '\n') && read(ends[0], line + length, 1) == 1)
		length++;
	close(ends[0]);
	ck_assert_msg(strchr(line, '\n'), "the fake server did not start: is python3 there?");
	port = atoi(line);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	return url;
}

const char *fake_start(const char *fault, int count)
{
	return start(fault, count, 0, 0);
}

const char *fake_start_after(const char *fault, int count, int after)
{
	return start(fault, count, after, 0);
}

const char *fake_start_again(void)
{
	return start("none", 0, 0, port);
}

void fake_stop(void)
{
	if (process > 0) {
		kill(process, SIGKILL);
		waitpid(process, NULL, 0);
	}
	process = 0;
}
