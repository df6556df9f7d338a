/* terminal.h - a terminal that a command has to itself for a while.
 *
 * Between terminal_enter and terminal_leave the alternate screen is shown, keys come one by one and are not echoed, and signals
 * arrive in terminal_wait only, so that nothing is drawn half. Whatever ends the program by a signal it can catch, the terminal
 * is as it was. Ctrl-Z gives it back and takes it again.
 *
 *	if (!terminal_enter(e)) ...
 *	while (terminal_wait(fd, ms, &key) != TERMINAL_LOST) terminal_draw(lines, e);
 *	terminal_leave();
 */
#ifndef RESIDENCY_CLI_TERMINAL_H
#define RESIDENCY_CLI_TERMINAL_H

#include <stdbool.h>

#include "core/base/error.h"

enum terminal_event {
	TERMINAL_NOTHING, /* the time is over, the descriptor can be read, or a signal came */
	TERMINAL_KEY,
	TERMINAL_RESIZED, /* or shown again: all must be drawn */
	TERMINAL_LOST /* the terminal was closed */
};

/* Whether standard output is a terminal that can move its cursor. */
bool terminal_can(void);

/* Whether the environment says that it shows UTF-8. */
bool terminal_has_utf8(void);

void terminal_size(unsigned *width, unsigned *height);

bool terminal_enter(struct error *e);
void terminal_leave(void); /* a second time it does nothing */

/* Paints lines over what is shown; each ends with a newline. False when the terminal is gone. */
bool terminal_draw(const char *lines);

/* Waits for a key, for fd (-1: none), for a signal, or `ms`. */
enum terminal_event terminal_wait(int fd, unsigned ms, char *key);

#endif
