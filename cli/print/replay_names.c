/* replay_names.c - the list of models that no file was read for.
 *
 * The library tells of a file at every open; the list keeps the first telling. It is printed once, after the replays, so that
 * a reader sees which figures rest on a table and which on a guess.
 */
#include "cli/print/replay_names.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/base/units.h"

static void on_named(void *context, const char *file, const struct known_file *known)
{
	struct replay_names *names = context;
	struct error e = ERROR_INIT;
	char *copy;

	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i].file, file) == 0)
			return;
	}
	copy = string_copy(file, &e);
	if (!copy || !array_reserve(&names->names, &names->capacity, names->count + 1, sizeof(*names->names), &e)) {
		free(copy);
		names->failed = true;
		return;
	}
	names->names[names->count++] = (struct replay_name) { .file = copy, .known = *known };
	names->guessed += known->source == KNOWN_BY_GUESS;
}

struct model_naming replay_names_naming(struct replay_names *names)
{
	return (struct model_naming) { .context = names, .named = on_named };
}

void replay_names_free(struct replay_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i].file);
	free(names->names);
}

void replay_names_print(struct cli *cli, const struct replay_names *names)
{
	char size[UNITS_TEXT_MAX];

	if (names->count == 0)
		return;
	fprintf(cli->out, "Simulated by name, without a file:\n");
	for (size_t i = 0; i < names->count; i++) {
		const struct known_file *known = &names->names[i].known;

		fprintf(cli->out, "  %s: %s, %s, %s (%s)\n", names->names[i].file, known->title, known->form.name,
			units_bytes(known->size_bytes, size), known_source_name(known->source));
	}
	if (names->guessed)
		fprintf(cli->out,
			"The size of %s is a guess; --models DIR, with the files or their headers, gives the real one.\n",
			names->guessed == 1 ? "one of them" : "some of them");
}

json_t *replay_names_to_json(const struct replay_names *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < names->count; i++) {
		const struct known_file *known = &names->names[i].known;

		json_array_append_new(list,
				      json_pack("{ss ss ss ss sI ss}", "file", names->names[i].file, "is", known->title, "kind",
						known_kind_name(known->kind), "form", known->form.name, "size_bytes",
						(json_int_t)known->size_bytes, "source", known_source_name(known->source)));
	}
	return list;
}
