/* replay_names.h - which of a replay's models were simulated from their names, and what was taken for each. */
#ifndef RESIDENCY_CLI_REPLAY_NAMES_H
#define RESIDENCY_CLI_REPLAY_NAMES_H

#include <jansson.h>

#include "cli/command.h"
#include "core/model/known/known.h"
#include "core/workflow/library/model_library.h"

/* A file each, in the order in which they were first opened. Owned; freed with replay_names_free(). */
struct replay_names {
	struct replay_name {
		char *file;
		struct known_file known;
	} * names;
	size_t count, capacity;
	size_t guessed; /* of them, those that no table knows */
	bool failed; /* memory ran out: some are not here */
};

/* What a model library calls; the context is the list. */
struct model_naming replay_names_naming(struct replay_names *names);
void replay_names_free(struct replay_names *names);

/* A line a file, and what to do about it; nothing where every model was read from a file. */
void replay_names_print(struct cli *cli, const struct replay_names *names);

/* An array of {"file", "is", "kind", "form", "size_bytes", "source"}. The caller owns it; NULL when out of memory. */
json_t *replay_names_to_json(const struct replay_names *names);

#endif
