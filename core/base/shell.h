/* shell.h - command lines as text that a POSIX shell reads back the same. */
#ifndef RESIDENCY_BASE_SHELL_H
#define RESIDENCY_BASE_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

/* Appends a word, in single quotes where the shell would take it for more than itself. */
void shell_append_word(struct strbuf *line, const char *word);

struct shell_words {
	char **words; /* owned, as each of them */
	size_t count, capacity;
};

/* The words of a line that was written as above: plain characters, single quotes, a backslash before one character. Anything may
 * be in a line from a store; a quote that is not closed ends with the line. false only without memory, then nothing is kept. */
bool shell_split(const char *line, struct shell_words *words, struct error *e);
void shell_words_free(struct shell_words *words);

#endif
