#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/nearest.h"
#include "core/base/units.h"

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
	struct nearest nearest = nearest_to(name);

	for (size_t i = 0; i < count; i++)
		nearest_offer(&nearest, options[i].name);
	if (nearest.name[0])
		return error_set(e, ERROR_USAGE, "unknown option --%s; did you mean --%s?", name, nearest.name);
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

static bool store_seed(const struct option *option, const char *text, struct error *e)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno) /* strtoull takes a minus sign, and wraps */
		return error_set(e, ERROR_USAGE, "--%s takes a whole number of 0 to %llu, not \"%s\"", option->name,
				 (unsigned long long)UINT64_MAX, text);
	*(struct option_seed *)option->into = (struct option_seed) { .given = true, .value = value };
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
	case OPTION_SEED:
		return store_seed(option, text, e);
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
