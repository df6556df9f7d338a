/* redact.c - one pass over the text, looking at each position for a path, a web address or a word, in that order.
 *
 * The words (user names, host name) are collected once from the environment and the user database, and compared
 * without case at word boundaries. A path keeps its last part; of a web address only the words are replaced.
 */
#include "reports/bundle/redact.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/string.h"

#define USER "<user>"
#define HOST "<host>"
#define PATH "<path>"

/* ---- the words ---- */

bool redact_add(struct redact *redact, const char *word, const char *instead, struct error *e)
{
	if (!word || strlen(word) < 2 || redact->word_count == REDACT_WORDS_MAX)
		return true;
	for (size_t i = 0; i < redact->word_count; i++) {
		if (strcasecmp(redact->words[i].word, word) == 0)
			return true;
	}
	redact->words[redact->word_count].word = string_copy(word, e);
	redact->words[redact->word_count].instead = instead;
	return redact->words[redact->word_count].word && ++redact->word_count;
}

/* The name before the first comma of the user database's free text. */
static bool add_full_name(struct redact *redact, const char *text, struct error *e)
{
	char *name = string_copy_n(text, strcspn(text, ","), e);
	bool fine = name && (strlen(name) < 4 || redact_add(redact, name, USER, e));

	free(name);
	return fine;
}

static bool add_account(struct redact *redact, const struct passwd *account, struct error *e)
{
	const char *last = account && account->pw_dir ? strrchr(account->pw_dir, '/') : NULL;

	if (!account)
		return true;
	return redact_add(redact, account->pw_name, USER, e) && redact_add(redact, last ? last + 1 : NULL, USER, e) &&
	       add_full_name(redact, account->pw_gecos ? account->pw_gecos : "", e);
}

static bool add_environment(struct redact *redact, struct error *e)
{
	static const char *const names[] = { "USER", "LOGNAME", "USERNAME", "SUDO_USER" };
	const char *home = getenv("HOME");
	const char *last = home ? strrchr(home, '/') : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!redact_add(redact, getenv(names[i]), USER, e))
			return false;
	}
	return redact_add(redact, last ? last + 1 : NULL, USER, e);
}

static bool add_host(struct redact *redact, const char *name, struct error *e)
{
	char *first;
	bool fine;

	if (!name || !name[0] || strcmp(name, "localhost") == 0)
		return true;
	first = string_copy_n(name, strcspn(name, "."), e);
	fine = first && redact_add(redact, name, HOST, e) && redact_add(redact, first, HOST, e);
	free(first);
	return fine;
}

bool redact_begin(struct redact *redact, struct error *e)
{
	char host[256] = "";
	struct passwd account;
	struct passwd *found = NULL;
	char buffer[4096];

	*redact = (struct redact) { .word_count = 0 };
	gethostname(host, sizeof(host) - 1);
	if (getpwuid_r(getuid(), &account, buffer, sizeof(buffer), &found) != 0)
		found = NULL;
	/* the longer name of a host comes before the shorter, so that nothing of its domain stays */
	if (add_host(redact, host, e) && add_host(redact, getenv("HOSTNAME"), e) && add_account(redact, found, e) &&
	    add_environment(redact, e))
		return true;
	redact_end(redact);
	return false;
}

void redact_end(struct redact *redact)
{
	for (size_t i = 0; i < redact->word_count; i++)
		free(redact->words[i].word);
	redact->word_count = 0;
}

/* ---- the text ---- */

static bool is_letter(char c)
{
	return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Length of the word that stands at `at`, 0 if none does. */
static size_t word_at(const struct redact *redact, const char *start, const char *at, const char **instead)
{
	for (size_t i = 0; i < redact->word_count; i++) {
		const char *word = redact->words[i].word;
		size_t length = strlen(word);

		if (strncasecmp(at, word, length) != 0 || (at > start && is_letter(at[-1]) && is_letter(word[0])) ||
		    (is_letter(at[length]) && is_letter(word[length - 1])))
			continue;
		*instead = redact->words[i].instead;
		return length;
	}
	return 0;
}

/* A text in which no path is looked for. */
static void redact_words(const struct redact *redact, const char *text, size_t text_length, struct strbuf *to)
{
	for (size_t i = 0; i < text_length;) {
		const char *instead;
		size_t length = word_at(redact, text, text + i, &instead);

		if (length && length <= text_length - i) {
			strbuf_append(to, instead);
			i += length;
		} else {
			strbuf_append_char(to, text[i++]);
		}
	}
}

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

/* What a path cannot go beyond where it stands in no quotes. */
static bool ends_path(char c)
{
	return c == '\0' || strchr(" \t\n\r'\"`,;:|<>(){}[]=&*?#", c) != NULL;
}

static bool is_web_address(const char *start, const char *at)
{
	return at - start >= 3 && at[-1] == ':' && at[0] == '/' && at[1] == '/' &&
	       !(at - start >= 5 && strncmp(at - 5, "file:", 5) == 0);
}

/* Nothing of a path comes before: "a/b" is not one, "x=/b" is. */
static bool may_begin_path(const char *start, const char *at)
{
	return at == start || ends_path(at[-1]);
}

static bool is_free_request(const char *at)
{
	return strncmp(at, "/free", 5) == 0 && !isalnum((unsigned char)at[5]) && !strchr("/._-", at[5] ? at[5] : ' ');
}

static bool is_redacted(const char *start, const char *at)
{
	size_t length = sizeof(PATH) - 1;

	return (size_t)(at - start) >= length && strncmp(at - length, PATH, length) == 0;
}

/* Length of the absolute path at `at`, 0 without one. In quotes it ends with them. */
static size_t path_at(const char *start, const char *at)
{
	bool windows = isalpha((unsigned char)at[0]) && at[1] == ':' && is_separator(at[2]);
	bool share = at[0] == '\\' && at[1] == '\\' && isalnum((unsigned char)at[2]);
	char quote = at > start && (at[-1] == '\'' || at[-1] == '"') ? at[-1] : '\0';
	size_t length = windows ? 3 : 0;

	if (!may_begin_path(start, at) || (at > start && at[0] == '/' && at[-1] == '<') || is_redacted(start, at))
		return 0; /* "</b>" closes a tag */
	if (!windows && !share && (at[0] != '/' || is_web_address(start, at) || is_free_request(at)))
		return 0;
	if (quote && strchr(at, quote))
		return (size_t)(strchr(at, quote) - at);
	while (!ends_path(at[length]) || (at[length] == '\\' && at[length + 1] == ' '))
		length++;
	return length > 1 ? length : 0;
}

/* "<path>/x" of a path's last part. */
static void redact_path(const struct redact *redact, const char *path, size_t length, struct strbuf *to)
{
	size_t end = length;
	size_t begin;

	while (end > 0 && is_separator(path[end - 1]))
		end--;
	begin = end;
	while (begin > 0 && !is_separator(path[begin - 1]) && path[begin - 1] != ':')
		begin--;
	strbuf_append(to, PATH);
	if (begin == end)
		return;
	strbuf_append_char(to, '/');
	redact_words(redact, path + begin, end - begin, to);
}

/* To the end of an address of the web, which holds slashes. */
static size_t address_at(const char *start, const char *at)
{
	size_t length = 0;

	if (!is_web_address(start, at))
		return 0;
	while (at[length] && !isspace((unsigned char)at[length]) && !strchr("'\"<>", at[length]))
		length++;
	return length;
}

void redact_text(const struct redact *redact, const char *text, struct strbuf *to)
{
	for (const char *at = text; *at;) {
		size_t length = path_at(text, at);
		const char *instead;

		if (length) {
			redact_path(redact, at, length, to);
			at += length;
			continue;
		}
		length = address_at(text, at);
		if (length) {
			redact_words(redact, at, length, to);
			at += length;
			continue;
		}
		length = word_at(redact, text, at, &instead);
		if (length)
			strbuf_append(to, instead);
		else
			strbuf_append_char(to, *at);
		at += length ? length : 1;
	}
}
