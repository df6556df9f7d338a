#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/units.h"

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein distance, for "did you mean". Names are short; longer ones are not near anything. */
static size_t name_distance(const char *a, const char *b)
{
	size_t row[64];
	size_t columns = strlen(b);

	if (columns >= sizeof(row) / sizeof(row[0]))
		return SIZE_MAX;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t above = row[j];

			row[j] = smallest(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[columns];
}

const char *options_nearest(const char *wanted, const char *(*name)(const void *context, size_t index), const void *context)
{
	const char *best = NULL;
	size_t best_distance = 4; /* farther than three edits is a guess, not a help */

	for (size_t i = 0; name(context, i); i++) {
		size_t distance = name_distance(wanted, name(context, i));

		if (distance < best_distance && distance < strlen(wanted)) {
			best = name(context, i);
			best_distance = distance;
		}
	}
	return best;
}

struct option_names {
	const struct option *options;
	size_t count;
};

static const char *option_name(const void *context, size_t index)
{
	const struct option_names *names = context;

	return index < names->count ? names->options[index].name : NULL;
}

static const struct option *find(const struct option *options, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0)
			return &options[i];
	}
	return NULL;
}

static bool unknown(const struct option *options, size_t count, const char *name, struct error *e)
{
	struct option_names names = { options, count };
	const char *near = options_nearest(name, option_name, &names);

	if (near)
		return error_set(e, ERROR_USAGE, "unknown option --%s; did you mean --%s?", name, near);
	return error_set(e, ERROR_USAGE, "unknown option --%s", name);
}

static bool store_integer(const struct option *option, const char *text, struct error *e)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end || errno || value < 0)
		return error_set(e, ERROR_USAGE, "--%s takes a whole number, not \"%s\"", option->name, text);
	*(int64_t *)option->into = value;
	return true;
}

static bool store_number(const struct option *option, const char *text, struct error *e)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end)
		return error_set(e, ERROR_USAGE, "--%s takes a number, not \"%s\"", option->name, text);
	*(double *)option->into = value;
	return true;
}

static bool store_another(const struct option *option, const char *text, struct error *e)
{
	struct texts *texts = option->into;

	if (texts->count == TEXTS_MAX)
		return error_set(e, ERROR_USAGE, "--%s is given more than %d times", option->name, TEXTS_MAX);
	texts->texts[texts->count++] = text;
	return true;
}

static bool store_value(const struct option *option, const char *text, struct error *e)
{
	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)option->into = true;
		return true;
	case OPTION_TEXTS:
		return store_another(option, text, e);
	case OPTION_TEXT:
		*(const char **)option->into = text;
		return true;
	case OPTION_INTEGER:
		return store_integer(option, text, e);
	case OPTION_NUMBER:
		return store_number(option, text, e);
	case OPTION_BYTES:
		if (units_parse_bytes(text, option->into))
			return true;
		return error_set(e, ERROR_USAGE, "--%s takes a size such as 24GB or 512MiB, not \"%s\"", option->name, text);
	}
	return error_set(e, ERROR_BUG, "--%s has no type", option->name);
}

/* Stores the option at argv[*at], and moves *at on to its value where that stands apart. */
static bool take_option(const struct option *options, size_t count, int argc, char **argv, int *at, struct error *e)
{
	const char *name = argv[*at] + 2;
	const char *equals = strchr(name, '=');
	const struct option *option = find(options, count, name, equals ? (size_t)(equals - name) : strlen(name));

	if (!option)
		return unknown(options, count, name, e);
	if (option->type == OPTION_FLAG)
		return equals ? error_set(e, ERROR_USAGE, "--%s takes no value", option->name) : store_value(option, "", e);
	if (equals)
		return store_value(option, equals + 1, e);
	if (*at + 1 >= argc)
		return error_set(e, ERROR_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->argument);
	return store_value(option, argv[++*at], e);
}

bool options_parse(const struct option *options, size_t count, int *argc, char **argv, struct error *e)
{
	int kept = 0;
	bool ended = false;

	for (int i = 0; i < *argc; i++) {
		bool is_operand = i == 0 || ended || argv[i][0] != '-' || argv[i][1] == '\0';

		if (is_operand) {
			argv[kept++] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			ended = true;
			continue;
		}
		if (argv[i][1] != '-')
			return error_set(e, ERROR_USAGE, "unknown option %s; options are written --name", argv[i]);
		if (!take_option(options, count, *argc, argv, &i, e))
			return false;
	}
	*argc = kept;
	return true;
}

void options_print(const struct option *options, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		char left[80];

		snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].argument ? " " : "",
			 options[i].argument ? options[i].argument : "");
		if (strlen(left) > 24)
			fprintf(out, "  %s\n  %-24s  %s\n", left, "", options[i].help);
		else
			fprintf(out, "  %-24s  %s\n", left, options[i].help);
	}
}
