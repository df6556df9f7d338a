#include "core/base/shell.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"

void shell_append_word(struct strbuf *line, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:@%+";

	if (word[0] && strspn(word, plain) == strlen(word)) {
		strbuf_append(line, word);
		return;
	}
	strbuf_append_char(line, '\'');
	for (const char *c = word; *c; c++)
		strbuf_append_n(line, *c == '\'' ? "'\\''" : c, *c == '\'' ? 4 : 1);
	strbuf_append_char(line, '\'');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Reads one word into text and returns what follows it. */
static const char *read_word(const char *at, struct strbuf *text)
{
	bool quoted = false;

	for (; *at && (quoted || !is_blank(*at)); at++) {
		if (*at == '\'')
			quoted = !quoted;
		else if (*at == '\\' && !quoted && at[1])
			strbuf_append_char(text, *++at);
		else
			strbuf_append_char(text, *at);
	}
	return at;
}

bool shell_split(const char *line, struct shell_words *words, struct error *e)
{
	*words = (struct shell_words) { .words = NULL };
	for (;;) {
		struct strbuf text = STRBUF_INIT;
		char *word;

		while (is_blank(*line))
			line++;
		if (!*line)
			return true;
		line = read_word(line, &text);
		word = strbuf_ok(&text) ? string_copy(strbuf_text(&text), e) : NULL;
		strbuf_free(&text);
		if (!word || !array_reserve(&words->words, &words->capacity, words->count + 1, sizeof(*words->words), e)) {
			free(word);
			shell_words_free(words);
			return error_no_memory(e);
		}
		words->words[words->count++] = word;
	}
}

void shell_words_free(struct shell_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->words[i]);
	free(words->words);
	*words = (struct shell_words) { .words = NULL };
}
