/* source.h - the product's source files, as text that rules can be read from. */
#ifndef RESIDENCY_TESTS_HOUSE_SOURCE_H
#define RESIDENCY_TESTS_HOUSE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

/* Calls `each` with every .c and .h file of the product: its path, and its code, where comments are blanks and what stands in quotes
 * is underscores, so that lines and offsets stay. The code belongs to the caller of `each`. Fails the test if the files are not
 * found. */
void source_each(void (*each)(void *context, const char *path, const char *code), void *context);

/* Calls `each` with every include "..." of those files: the path of the file that includes, and the other's as it is written. */
void source_each_include(void (*each)(void *context, const char *path, const char *included), void *context);

/* What `each` gets for a text; the caller frees. */
char *source_code_of(const char *text);

/* The line of a place in code, from 1. */
unsigned source_line(const char *code, const char *at);

/* The bracket that closes the one at `open`; the end of the code if there is none. */
const char *source_close(const char *open);

const char *source_skip_space(const char *at);

/* Past the word at `at`; `at` itself if no word begins there. */
const char *source_skip_word(const char *at);

/* The next whole word `word` from `at` on; NULL past the last. */
const char *source_find_word(const char *at, const char *word);

#endif
