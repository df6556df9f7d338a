/* log_line.c - takes a line apart from what terminals, containers and journals added to it.
 *
 * A line is cleaned in place by one pass with two indexes, from and to, since nothing becomes longer. Nearly every line is plain
 * ASCII, which is tested first. What stands before the program's own words (a time, a
 * journal's or a container's prefix) is skipped without a copy.
 */
#include "probes/log/log_line.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/utf8.h"

#define ESCAPE '\033'

/* Bytes of the escape sequence at text: CSI up to its final byte, OSC up to BEL or ESC \, else two. */
static size_t escape_length(const char *text, size_t left)
{
	size_t i = 2;

	if (left < 2)
		return left;
	if (text[1] == '[') {
		while (i < left && ((unsigned char)text[i] < 0x40 || (unsigned char)text[i] > 0x7e))
			i++;
		return i < left ? i + 1 : left;
	}
	if (text[1] != ']')
		return 2;
	while (i < left && text[i] != '\a' && text[i] != ESCAPE)
		i++;
	if (i < left && text[i] == ESCAPE && i + 1 < left && text[i + 1] == '\\')
		return i + 2;
	return i < left ? i + 1 : left;
}

static bool is_plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > '~')
			return false;
	}
	return true;
}

size_t log_line_clean(char *text, size_t length)
{
	size_t from = 0;
	size_t to = 0;

	if (is_plain(text, length))
		from = to = length; /* nearly every line */
	while (from < length) {
		unsigned char c = (unsigned char)text[from];
		size_t count = c < 0x80 ? 1 : utf8_length((const unsigned char *)text + from, length - from);

		if (c == ESCAPE) {
			from += escape_length(text + from, length - from);
		} else if (c < ' ' || c == 0x7f) {
			if (c == '\t')
				text[to++] = ' ';
			from++;
		} else if (count == 0) {
			text[to++] = '?';
			from++;
		} else {
			memmove(text + to, text + from, count);
			to += count;
			from += count;
		}
	}
	while (to && text[to - 1] == ' ')
		to--;
	text[to] = '\0';
	return to;
}

/* Two digits, or four; -1 if they are none. */
static int digits(const char *text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

const char *log_line_time(const char *text, int64_t *wall_ns)
{
	static const char form[] = "dddd-dd-dd_dd:dd:dd";
	struct tm utc = { .tm_isdst = 0 };
	int64_t fraction_ns = 0;
	int64_t unit_ns = (int64_t)NS_PER_S;

	for (size_t i = 0; form[i]; i++) {
		if (form[i] == 'd'   ? text[i] < '0' || text[i] > '9'
		    : form[i] == '_' ? text[i] != 'T' && text[i] != ' '
				     : text[i] != form[i])
			return NULL;
	}
	utc.tm_year = digits(text, 4) - 1900;
	utc.tm_mon = digits(text + 5, 2) - 1;
	utc.tm_mday = digits(text + 8, 2);
	utc.tm_hour = digits(text + 11, 2);
	utc.tm_min = digits(text + 14, 2);
	utc.tm_sec = digits(text + 17, 2);
	if (utc.tm_year < 70 || utc.tm_year > 300 || utc.tm_mon > 11 || utc.tm_mon < 0 || utc.tm_mday < 1 || utc.tm_mday > 31 ||
	    utc.tm_hour > 23 || utc.tm_min > 59 || utc.tm_sec > 60)
		return NULL;
	text += sizeof(form) - 1;
	if (*text == '.' || *text == ',') {
		for (text++; *text >= '0' && *text <= '9'; text++) {
			unit_ns /= 10;
			fraction_ns += unit_ns * (*text - '0');
		}
	}
	*wall_ns = (int64_t)timegm(&utc) * (int64_t)NS_PER_S + fraction_ns;
	return *text == 'Z' ? text + 1 : text;
}

const char *log_line_number(const char *text, double *value)
{
	char *end;

	text += strspn(text, " ");
	if (!isdigit((unsigned char)text[*text == '+' || *text == '-']))
		return NULL;
	*value = strtod(text, &end);
	if (!isfinite(*value) || fabs(*value) > 1e15)
		return NULL;
	end += strspn(end, "GMKiB%");
	return *end == ' ' || *end == '\0' ? end : NULL;
}

/* "Sep 28 16:55:25 host python[123]: text" */
static char *skip_journal(char *text)
{
	char *colon;

	if (strlen(text) < 20 || text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':')
		return text;
	colon = strstr(text, "]: ");
	return colon ? colon + 3 : text;
}

/* "comfyui-1  | text", "12 | text": a word, spaces and a bar. A table of ours or a progress bar has none there. */
static char *skip_container(char *text)
{
	size_t word = strcspn(text, " |%");
	size_t spaces = strspn(text + word, " ");

	if (word == 0 || word > 40 || spaces == 0 || text[word + spaces] != '|' || text[word + spaces + 1] != ' ')
		return text;
	return text + word + spaces + 2;
}

static char *skip_time(char *text, int64_t *wall_ns)
{
	bool bracket = *text == '[';
	const char *rest = log_line_time(text + bracket, wall_ns);

	if (!rest || (bracket && *rest != ']') || (!bracket && *rest != ' '))
		return text;
	text += rest - text + bracket;
	return text + (*text == ' ');
}

/* What stands before a line because of where it was copied from. */
static char *skip_words(char *text)
{
	static const char *const words[] = {
		"> ",	      "ROOT ",	 "INFO:root:", "INFO:MultiGPU:", "WARNING:root:", "[INFO] ",
		"[WARNING] ", "INFO - ", "$ ",	       "INFO: "
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		if (strncmp(text, words[i], length) == 0)
			return text + length;
	}
	return text;
}

char *log_line_skip_prefix(char *text, int64_t *wall_ns)
{
	for (unsigned layers = 0; layers < 8; layers++) {
		char *before = text;

		if (strncmp(text, "[MultiGPU", 9) == 0)
			return text;
		text = skip_words(skip_container(skip_journal(skip_time(text, wall_ns))));
		if (text == before)
			break;
	}
	if (*text != '{') { /* an unknown prefix: our tags are plain enough to be found behind it */
		char *tag = strstr(text, "[MultiGPU");

		if (tag && tag - text < 100)
			return tag;
	}
	return text;
}
