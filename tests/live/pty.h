/* pty.h - the binary in a terminal of its own: what it draws is read, keys are pressed. One at a time. */
#ifndef RESIDENCY_TESTS_LIVE_PTY_H
#define RESIDENCY_TESTS_LIVE_PTY_H

/* Runs a shell's command line, in which "$RESIDENCY" is the binary, in a terminal of that size. */
void pty_start(const char *command, unsigned columns, unsigned rows);

/* Waits until the text is written, forgets all up to its end, and fails the test after some seconds. */
void pty_wait(const char *text);
void pty_press(const char *keys);
void pty_resize(unsigned columns, unsigned rows);

/* Waits for the end; the exit code. Fails the test unless the terminal is as it was: the usual screen, a cursor, lines and echo. */
int pty_end(void);

void pty_stop(void); /* whatever it is at */

#endif
