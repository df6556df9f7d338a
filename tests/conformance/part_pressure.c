/* part_pressure.c - models under memory pressure: sequences of loads and frees on the engine's manager, estimates, decisions. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "tests/conformance/part.h"
#include "tests/conformance/pressure_decisions.h"
#include "tests/conformance/pressure_estimates.h"
#include "tests/conformance/pressure_sequence.h"

static bool run_sequence(const char *line, size_t length, struct tally *tally, struct error *e)
{
	struct strbuf why = STRBUF_INIT;
	json_t *sequence = json_parse(line, length, "sequences.jsonl.gz", false, e);
	const char *id = json_string_value(json_object_get(sequence, "id"));

	if (!sequence)
		return false;
	if (sequence_run(sequence, &why))
		tally_pass(tally);
	else
		tally_fail(tally, id ? id : "?", "%s", strbuf_text(&why));
	strbuf_free(&why);
	json_decref(sequence);
	return true;
}

static bool run_sequences(const char *folder, struct tally *tally, struct error *e)
{
	size_t length;
	char *text = part_read(folder, "sequences.jsonl.gz", &length, e);
	bool fine = text != NULL;

	for (char *line = text; fine && *line;) {
		size_t line_length = strcspn(line, "\n");

		fine = run_sequence(line, line_length, tally, e);
		line += line_length + (line[line_length] == '\n');
	}
	free(text);
	return fine;
}

/* The files of the part; those that are there are run. */
static const struct {
	const char *name;
	bool (*run)(const char *folder, struct tally *tally, struct error *e);
} files[] = {
	{ "sequences.jsonl.gz", run_sequences },
	{ "dtypes.csv.gz", pressure_dtypes },
	{ "globals.csv", pressure_globals },
	{ "factors.csv", pressure_factors },
	{ "estimates.csv.gz", pressure_estimates },
	{ "vae_estimates.csv", pressure_vae_estimates },
	{ "te_estimates.csv", pressure_text_estimates },
	{ "te_initial_device.csv", pressure_text_devices },
};

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!part_has(folder, files[i].name))
			continue;
		if (!files[i].run(folder, tally, e))
			return false;
		count++;
	}
	return count || error_set(e, ERROR_MISSING, "%s has none of the part's files", folder);
}

const struct part part_pressure = { .name = "pressure", .folder = "pressure", .run = run };
