/* The command that shows a cell again. */
#include <string.h>

#include "core/base/shell.h"
#include "db/records/cell_axes.h"
#include "reports/triage/triage.h"

/* The matrix of a cell whose flow carries its models. */
#define OWN_MODELS "own"

/* Where the value of an option (without its dashes) lies in a word: after '=', or "" where the next word is the value; NULL: another
 * word. */
static const char *value_in(const char *word, const char *option)
{
	size_t length = strlen(option);

	if (strncmp(word, "--", 2) != 0)
		return NULL;
	word += 2;
	if (strncmp(word, option, length) != 0)
		return NULL;
	return word[length] == '=' ? word + length + 1 : word[length] ? NULL : "";
}

/* How many words an option takes, 0 where the word is in neither list. */
static size_t replaced_words(const char *word)
{
	const char *value = value_in(word, "store");

	for (size_t i = 0; !value && i < CELL_AXIS_COUNT; i++)
		value = value_in(word, cell_axes[i].option);
	if (value)
		return value[0] ? 1 : 2;
	return strcmp(word, "--json") == 0 ? 1 : 0;
}

static const char *option_value(const struct shell_words *words, const char *option)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *value = value_in(words->words[i], option);

		if (value && value[0])
			return value;
		if (value)
			return i + 1 < words->count ? words->words[i + 1] : NULL;
	}
	return NULL;
}

/* A sweep lives in its store, and runs what is there when it is told to. */
enum rerun { RERUN_OTHER, RERUN_MATRIX, RERUN_SWEEP };

static bool is_file(const char *name, size_t length)
{
	return memchr(name, '/', length) || (length > 5 && strncmp(name + length - 5, ".json", 5) == 0);
}

/* A flow that the run read from a file is named by that file: the first of the list, if the list does not name the flow itself. */
static void append_flow(const struct shell_words *words, const char *flow, struct strbuf *out)
{
	const char *list = option_value(words, cell_axes[CELL_AXIS_FLOW].option);
	struct strbuf file = STRBUF_INIT;

	for (const char *at = list; at && *at;) {
		size_t length = strcspn(at, ",");

		if (strlen(flow) == length && strncmp(at, flow, length) == 0) {
			strbuf_clear(&file);
			break;
		}
		if (is_file(at, length)) {
			if (file.length)
				strbuf_append_char(&file, ',');
			strbuf_append_n(&file, at, length);
		}
		at += length + (at[length] == ',');
	}
	shell_append_word(out, file.length ? strbuf_text(&file) : flow);
	strbuf_free(&file);
}

static void append_axes(const json_t *cell, const struct shell_words *words, struct strbuf *out)
{
	for (size_t i = 0; i < CELL_AXIS_COUNT; i++) {
		const char *value = triage_member(cell, cell_axes[i].member);

		if (!value[0] || (i == CELL_AXIS_MATRIX && strcmp(value, OWN_MODELS) == 0))
			continue;
		strbuf_printf(out, " --%s ", cell_axes[i].option);
		if (i == CELL_AXIS_FLOW)
			append_flow(words, value, out);
		else
			shell_append_word(out, value);
	}
}

static bool is_replaced(const char *word, enum rerun rerun)
{
	if (strcmp(word, "--json") == 0)
		return true;
	return value_in(word, "store") ? rerun != RERUN_SWEEP : rerun == RERUN_MATRIX;
}

/* The run's words less those that are replaced. */
static void append_rest(const struct shell_words *words, size_t from, enum rerun rerun, struct strbuf *out)
{
	for (size_t i = from; i < words->count;) {
		size_t taken = replaced_words(words->words[i]);

		if (taken && is_replaced(words->words[i], rerun)) {
			i += taken;
			continue;
		}
		strbuf_append_char(out, ' ');
		shell_append_word(out, words->words[i++]);
	}
}

bool triage_rerun(const json_t *cell, const char *run_command, struct strbuf *out, struct error *e)
{
	struct shell_words words;
	enum rerun rerun = RERUN_OTHER;

	if (!shell_split(run_command, &words, e))
		return false;
	if (words.count > 1 && strcmp(words.words[1], "matrix") == 0)
		rerun = RERUN_MATRIX;
	else if (words.count > 1 && strcmp(words.words[1], "sweep") == 0)
		rerun = RERUN_SWEEP;
	strbuf_append(out, "residency");
	if (words.count > 1) {
		strbuf_append_char(out, ' ');
		shell_append_word(out, words.words[1]);
	}
	if (rerun == RERUN_MATRIX)
		append_axes(cell, &words, out);
	if (rerun == RERUN_SWEEP)
		strbuf_append(out, " --again");
	append_rest(&words, 2, rerun, out);
	if (rerun != RERUN_SWEEP)
		strbuf_append(out, " --store none");
	shell_words_free(&words);
	return true;
}
