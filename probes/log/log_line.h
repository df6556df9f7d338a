/* log_line.h - a line of a pasted log as it was written: without colours, carriage returns, prompts, and what containers, journals
 * and mail put before it. Bytes of any kind come in; printable UTF-8 comes out. All in place. */
#ifndef RESIDENCY_PROBES_LOG_LINE_H
#define RESIDENCY_PROBES_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes out escape sequences and control characters (a tab becomes a space), trailing spaces, and puts '?' where bytes are no
 * UTF-8. text[length] must be writable and becomes 0. The new length. */
size_t log_line_clean(char *text, size_t length);

/* Where the program's own words begin in a cleaned line. A time in the prefix is put into *wall_ns; else that is left alone. */
char *log_line_skip_prefix(char *text, int64_t *wall_ns);

/* "2025-09-28T16:55:25.353Z", the T may be a space, the Z missing, the fraction of any length. Times are taken for UTC. Returns
 * what follows, or NULL. */
const char *log_line_time(const char *text, int64_t *wall_ns);

/* Reads one number that may have a unit ("23.56GB", "0.2%", "+0.02GB") and stands before spaces or the end; NULL if not found.
 * Never infinite, nor NAN. */
const char *log_line_number(const char *text, double *value);

#endif
