#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"

#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

/* A signal handler can reach nothing else, and a process has one terminal. */
static struct {
	struct termios before;
	sigset_t mask_before;
	bool has_keys; /* standard input is a terminal, too */
	volatile sig_atomic_t is_entered;
	volatile sig_atomic_t was_resized, was_continued, wants_stop;
} terminal;

static const struct {
	int number;
	bool is_fatal;
} caught[] = { { .number = SIGWINCH, .is_fatal = false }, { .number = SIGCONT, .is_fatal = false },
	       { .number = SIGTSTP, .is_fatal = false },  { .number = SIGHUP, .is_fatal = true },
	       { .number = SIGQUIT, .is_fatal = true },	  { .number = SIGABRT, .is_fatal = true } };
static struct sigaction actions_before[ARRAY_SIZE(caught)];

/* ---- what it is ---- */

bool terminal_can(void)
{
	const char *name = getenv("TERM");

	return isatty(STDOUT_FILENO) && name && name[0] && strcmp(name, "dumb") != 0;
}

bool terminal_has_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && value[0])
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

void terminal_size(unsigned *width, unsigned *height)
{
	struct winsize size = { .ws_col = 0 };
	bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;

	*width = is_known && size.ws_col ? size.ws_col : 80;
	*height = is_known && size.ws_row ? size.ws_row : 24;
}

/* ---- taking it and giving it back ---- */

static bool write_all(const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		text += written;
		length -= (size_t)written;
	}
	return true;
}

/* Fit for a signal handler. */
static void restore(void)
{
	if (!terminal.is_entered)
		return;
	terminal.is_entered = 0;
	write_all(LEAVE, strlen(LEAVE));
	if (terminal.has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
}

static void on_signal(int number)
{
	if (number == SIGWINCH)
		terminal.was_resized = 1;
	else if (number == SIGCONT)
		terminal.was_continued = 1;
	else
		terminal.wants_stop = 1;
}

static void on_fatal_signal(int number)
{
	restore();
	signal(number, SIG_DFL); // NOLINT(cert-err33-c): what cannot be set is about to end anyway
	raise(number);
}

static void catch_signals(void)
{
	sigset_t late;

	sigemptyset(&late);
	sigaddset(&late, SIGINT);
	sigaddset(&late, SIGTERM);
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++) {
		struct sigaction action = { .sa_handler = caught[i].is_fatal ? on_fatal_signal : on_signal };

		sigaction(caught[i].number, &action, &actions_before[i]);
		if (!caught[i].is_fatal)
			sigaddset(&late, caught[i].number);
	}
	pthread_sigmask(SIG_BLOCK, &late, &terminal.mask_before);
}

static void release_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i].number, &actions_before[i], NULL);
	pthread_sigmask(SIG_SETMASK, &terminal.mask_before, NULL);
}

static bool take_screen(void)
{
	struct termios raw = terminal.before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	terminal.is_entered = 1;
	if (terminal.has_keys && tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
		return false;
	return write_all(ENTER, strlen(ENTER));
}

bool terminal_enter(struct error *e)
{
	terminal.has_keys = tcgetattr(STDIN_FILENO, &terminal.before) == 0;
	catch_signals();
	if (take_screen())
		return true;
	error_set(e, ERROR_IO, "cannot use the terminal: %s", strerror(errno));
	terminal_leave();
	return false;
}

void terminal_leave(void)
{
	if (!terminal.is_entered)
		return;
	restore();
	release_signals();
}

/* ---- drawing ---- */

bool terminal_draw(const char *lines)
{
	struct strbuf out = STRBUF_INIT;
	bool fine;

	strbuf_append(&out, "\033[H");
	while (*lines) {
		size_t length = strcspn(lines, "\n");

		strbuf_append_n(&out, lines, length);
		strbuf_append(&out, "\033[K");
		lines += length + (lines[length] == '\n');
		if (*lines)
			strbuf_append(&out, "\r\n");
	}
	strbuf_append(&out, "\033[J");
	fine = !strbuf_ok(&out) || write_all(strbuf_text(&out), out.length); /* without memory the old picture stays */
	strbuf_free(&out);
	return fine;
}

/* ---- waiting ---- */

/* Ctrl-Z: as if this program knew nothing of it, then all again. */
static enum terminal_event stop(void)
{
	terminal.wants_stop = 0;
	terminal_leave();
	raise(SIGTSTP);
	terminal.was_continued = 0;
	return terminal_enter(NULL) ? TERMINAL_RESIZED : TERMINAL_LOST;
}

/* Stopped and continued by others: whoever had the terminal meanwhile has set it up as they want it. */
static enum terminal_event go_on(void)
{
	terminal.was_continued = 0;
	return take_screen() ? TERMINAL_RESIZED : TERMINAL_LOST;
}

/* A byte that is there already; 0 for none. */
static char next_byte(void)
{
	struct pollfd more = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte = 0;

	return poll(&more, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) == 1 ? byte : 0;
}

/* What follows an escape at once belongs to it: an arrow is "[A". */
static void skip_sequence(void)
{
	char byte = next_byte();

	if (byte != '[' && byte != 'O')
		return;
	do
		byte = next_byte();
	while (byte && (byte < '@' || byte > '~'));
}

static enum terminal_event read_key(char *key)
{
	ssize_t length = read(STDIN_FILENO, key, 1);

	if (length < 0 && (errno == EINTR || errno == EAGAIN))
		return TERMINAL_NOTHING;
	if (length <= 0)
		return TERMINAL_LOST;
	if (*key != '\033')
		return TERMINAL_KEY;
	skip_sequence();
	return TERMINAL_NOTHING;
}

enum terminal_event terminal_wait(int fd, unsigned ms, char *key)
{
	struct pollfd waits[] = { { .fd = terminal.has_keys ? STDIN_FILENO : -1, .events = POLLIN },
				  { .fd = fd, .events = POLLIN } };
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	int count = ppoll(waits, ARRAY_SIZE(waits), &time, &terminal.mask_before);

	if (terminal.wants_stop)
		return stop();
	if (terminal.was_continued)
		return go_on();
	if (terminal.was_resized) {
		terminal.was_resized = 0;
		return TERMINAL_RESIZED;
	}
	return count > 0 && waits[0].revents ? read_key(key) : TERMINAL_NOTHING;
}
