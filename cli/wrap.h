/* wrap.h - text for people, broken between words. */
#ifndef RESIDENCY_CLI_WRAP_H
#define RESIDENCY_CLI_WRAP_H

#include <stdbool.h>
#include <stdio.h>

/* Prints `first`, then the text, on lines of `width` columns at most; from the second on they begin with `indent` spaces. A word
 * that is longer than a line stays whole. Columns are bytes. */
void wrap_print(FILE *out, const char *first, const char *text, unsigned indent, unsigned width);

#endif
