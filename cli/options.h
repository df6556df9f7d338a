/* options.h - the command line's options, described once: parsing, --help and error messages come from the same table.
 *
 *	struct option options[] = {
 *		TEXT_OPTION("policies", "LIST", "policies to run, comma-separated (default all)", &policies),
 *		FLAG_OPTION("json", "print one JSON object", &json),
 *	};
 *	if (!options_parse(options, ARRAY_SIZE(options), &argc, argv, &e)) ...
 *
 * `--name value` and `--name=value` are the same; `--` ends the options. An unknown option names the nearest known one.
 */
#ifndef RESIDENCY_CLI_OPTIONS_H
#define RESIDENCY_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"
#include "core/base/texts.h"

enum option_type {
	OPTION_FLAG, /* bool *: set to true */
	OPTION_TEXT, /* const char **: borrowed from argv */
	OPTION_TEXTS, /* struct texts *: may be given more than once */
	OPTION_INTEGER, /* int64_t *: a whole number, not negative */
	OPTION_SEED, /* struct option_seed *: any unsigned 64-bit integer */
	OPTION_NUMBER, /* double * */
	OPTION_BYTES /* uint64_t *: "24GB", "512MiB" */
};

/* No number stands for an absent seed: each is one. */
struct option_seed {
	bool given;
	uint64_t value; /* also of the default, where the caller sets one */
};

struct option {
	const char *name; /* without the dashes */
	const char *argument; /* its name in the help; NULL for a flag */
	const char *help; /* one line */
	enum option_type type;
	void *into;
};

/* Rows of an option table. Each makes the compiler check that the target has the type that the option writes. */
#define OPTION_ROW(name_, argument_, help_, type_, target_type_, into_)                                                        \
	{                                                                                                                      \
		.name = (name_), .argument = (argument_), .help = (help_), .type = (type_),                                    \
		.into = (1 ? (into_) : (target_type_ *)NULL)                                                                   \
	}
#define FLAG_OPTION(name, help, into) OPTION_ROW(name, NULL, help, OPTION_FLAG, bool, into)
#define TEXT_OPTION(name, argument, help, into) OPTION_ROW(name, argument, help, OPTION_TEXT, const char *, into)
#define TEXTS_OPTION(name, argument, help, into) OPTION_ROW(name, argument, help, OPTION_TEXTS, struct texts, into)
#define INTEGER_OPTION(name, argument, help, into) OPTION_ROW(name, argument, help, OPTION_INTEGER, int64_t, into)
#define SEED_OPTION(name, argument, help, into) OPTION_ROW(name, argument, help, OPTION_SEED, struct option_seed, into)
#define NUMBER_OPTION(name, argument, help, into) OPTION_ROW(name, argument, help, OPTION_NUMBER, double, into)
#define BYTES_OPTION(name, argument, help, into) OPTION_ROW(name, argument, help, OPTION_BYTES, uint64_t, into)

/* Takes the options out of argv[0..*argc), leaves the positional arguments in order. ERROR_USAGE otherwise. */
bool options_parse(const struct option *options, size_t count, int *argc, char **argv, struct error *e);

/* Rows for --help. */
void options_print(const struct option *options, size_t count, FILE *out);

#endif
