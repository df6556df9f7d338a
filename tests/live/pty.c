#include "tests/live/pty.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include "core/base/clock.h"
#include "tests/harness/harness.h"

#define WAIT_S 20
#define SEEN_MAX (1u << 20)

static pid_t process;
static int terminal = -1;
static int keeper = -1; /* the other end, so that its settings can be looked at when the process has ended */
static char seen[SEEN_MAX];
static size_t seen_length;
static bool screen_is_taken, cursor_is_hidden;
static struct termios before;

static void become(const char *command)
{
	setenv("RESIDENCY", getenv("RESIDENCY_BINARY"), 1);
	setenv("TERM", "xterm", 1);
	setenv("LC_ALL", "C", 1);
	setenv("NO_COLOR", "1", 1);
	unsetenv("COLUMNS");
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

void pty_start(const char *command, unsigned columns, unsigned rows)
{
	const struct winsize size = { .ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows };

	seen_length = 0;
	screen_is_taken = cursor_is_hidden = false;
	ck_assert_int_eq(openpty(&terminal, &keeper, NULL, NULL, &size), 0);
	ck_assert_int_eq(tcgetattr(keeper, &before), 0);
	process = fork();
	ck_assert_int_ge(process, 0);
	if (process == 0) {
		close(terminal);
		if (login_tty(keeper) != 0)
			_exit(126);
		become(command);
	}
}

/* The last of two sequences that was written decides. */
static bool is_last(const char *on, const char *off, bool otherwise)
{
	const char *text = seen;
	const char *a = NULL;
	const char *b = NULL;

	for (const char *p = text; (p = strstr(p, on)); p++)
		a = p;
	for (const char *p = text; (p = strstr(p, off)); p++)
		b = p;
	return a || b ? a > b : otherwise;
}

static void note_modes(void)
{
	screen_is_taken = is_last("\033[?1049h", "\033[?1049l", screen_is_taken);
	cursor_is_hidden = is_last("\033[?25l", "\033[?25h", cursor_is_hidden);
}

/* False at the end of what is written, or when nothing came for a while. */
static bool read_more(int ms)
{
	struct pollfd waits = { .fd = terminal, .events = POLLIN };
	ssize_t length;

	if (poll(&waits, 1, ms) <= 0)
		return false;
	ck_assert_uint_lt(seen_length, SEEN_MAX - 4097);
	length = read(terminal, seen + seen_length, 4096);
	if (length <= 0)
		return false;
	seen_length += (size_t)length;
	seen[seen_length] = '\0';
	return true;
}

/* As much as a message of Check takes. */
static const char *end_of_seen(void)
{
	seen[seen_length] = '\0';
	return seen + (seen_length > 3000 ? seen_length - 3000 : 0);
}

void pty_wait(const char *text)
{
	uint64_t begun_ns = clock_now_ns();

	for (;;) {
		char *found = seen_length ? strstr(seen, text) : NULL;

		if (found) {
			char *rest = found + strlen(text);

			note_modes();
			seen_length -= (size_t)(rest - seen);
			memmove(seen, rest, seen_length + 1);
			return;
		}
		ck_assert_msg(clock_now_ns() - begun_ns < WAIT_S * NS_PER_S, "no \"%s\" in:\n%s", text,
			      seen_length ? seen : "");
		read_more(200);
	}
}

void pty_press(const char *keys)
{
	ck_assert_int_eq(write(terminal, keys, strlen(keys)), (ssize_t)strlen(keys));
}

void pty_resize(unsigned columns, unsigned rows)
{
	const struct winsize size = { .ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows };

	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
}

static void terminal_is_as_it_was(void)
{
	struct termios after;

	while (read_more(0))
		continue;
	if (seen_length)
		note_modes();
	ck_assert_msg(!screen_is_taken && !cursor_is_hidden, "the screen is not given back:\n%s", end_of_seen());
	ck_assert_int_eq(tcgetattr(keeper, &after), 0);
	ck_assert_uint_eq(after.c_lflag & (ICANON | ECHO), before.c_lflag & (ICANON | ECHO));
}

int pty_end(void)
{
	uint64_t begun_ns = clock_now_ns();
	int status = 0;

	while (waitpid(process, &status, WNOHANG) == 0) {
		ck_assert_msg(clock_now_ns() - begun_ns < WAIT_S * NS_PER_S, "it does not end:\n%s", end_of_seen());
		read_more(50);
	}
	process = 0;
	terminal_is_as_it_was();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void pty_stop(void)
{
	if (process > 0) {
		kill(-process, SIGKILL);
		waitpid(process, NULL, 0);
	}
	if (terminal >= 0)
		close(terminal);
	if (keeper >= 0)
		close(keeper);
	process = 0;
	terminal = keeper = -1;
}
