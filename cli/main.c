/* The program: finds the command, sets up what all commands are given, and turns signals into a flag. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/commands.h"
#include "core/base/nearest.h"
#include "core/base/shell.h"
#include "core/base/strbuf.h"
#include "core/manager/policy.h"

/* The one piece of state that is global, because a signal handler can reach nothing else. */
static volatile sig_atomic_t signal_seen;
static bool interrupted;

static void on_signal(int number)
{
	if (signal_seen && number != SIGHUP)
		_exit(130); /* asked twice: whatever is being tidied up is taking too long */
	signal_seen = 1;
	interrupted = true;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;

	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* not under nohup */
		sigaction(SIGHUP, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for SIGPIPE
}

static void print_line(void *context, enum log_level level, const char *text)
{
	static const char *const words[] = { "debug", "info", "WARNING", "ERROR" };

	fprintf(context, "residency: %s: %s\n", words[level], text);
}

static unsigned terminal_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	long width = columns ? strtol(columns, NULL, 10) : 0;

	if (width > 0 && width < 10000)
		return (unsigned)width;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return 80;
}

/* The command line with what a shell would need quoted in single quotes. NULL when out of memory. */
static char *quote_command_line(int argc, char **argv)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_append(&line, "residency");
	for (int i = 1; i < argc; i++) {
		strbuf_append_char(&line, ' ');
		shell_append_word(&line, argv[i]);
	}
	return strbuf_finish(&line, NULL);
}

static void print_help(FILE *out)
{
	fputs("residency - which model is where, why is it there, and what made it leave\n\n"
	      "usage: residency COMMAND [options] ...\n\ncommands:\n",
	      out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "  %-10s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n`residency COMMAND --help` explains one. Results go to standard output, everything else to standard "
	      "error.\n"
	      "Records go to --store FILE, else $RESIDENCY_STORE, else ./residency.db; `--store none` keeps none.\n"
	      "\nexit codes: 0 fine, 1 a finding or regression, 2 usage, 3 subject or device not there, 4 not "
	      "supported here,\n"
	      "5 untrustworthy, 6 input/output or store error, 7 an input is malformed or missing, 70 a bug, 130 "
	      "interrupted\n",
	      out);
}

static int unknown_command(const char *name)
{
	struct nearest nearest = nearest_to(name);

	for (size_t i = 0; commands[i]; i++)
		nearest_offer(&nearest, commands[i]->name);
	fprintf(stderr, "residency: unknown command \"%s\"", name);
	if (nearest.name[0])
		fprintf(stderr, "; did you mean `residency %s`?", nearest.name);
	fputs("\ntry: residency --help\n", stderr);
	return error_exit_code(ERROR_USAGE);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* A result that did not reach its reader is a failure, whatever the command thinks. A closed pipe is the reader's own
 * choice. */
static int finish_output(int exit_code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	if (errno == EPIPE)
		return exit_code;
	fprintf(stderr, "residency: cannot write the result: %s\n", strerror(errno));
	return exit_code ? exit_code : error_exit_code(ERROR_IO);
}

int main(int argc, char **argv)
{
	struct log_sink log = { .least = LOG_INFO, .context = stderr, .line = print_line };
	struct cli cli = { .out = stdout, .err = stderr, .interrupted = &interrupted, .log = &log };
	const struct command *command;
	char *line;
	struct error e = ERROR_INIT;
	int exit_code;

	if (!policies_check(&e)) {
		fprintf(stderr, "residency: %s\n", e.text);
		return error_exit_code(e.kind);
	}
	if (argc < 2) {
		print_help(stderr);
		return error_exit_code(ERROR_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return finish_output(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("residency " RESIDENCY_VERSION);
		return finish_output(0);
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	line = quote_command_line(argc, argv);
	if (!line) {
		fputs("residency: out of memory\n", stderr);
		return error_exit_code(ERROR_MEMORY);
	}
	catch_signals();
	cli.command_line = line;
	cli.out_is_tty = isatty(STDOUT_FILENO);
	cli.err_is_tty = isatty(STDERR_FILENO);
	cli.colour = cli.out_is_tty && !getenv("NO_COLOR");
	cli.width = terminal_width();
	exit_code = command->run(&cli, argc - 1, argv + 1);
	free(line);
	return finish_output(exit_code);
}
