/* part_pressure.c - models under memory pressure: sequences of loads and frees on the engine's manager, estimates, decisions. */
#include <stdlib.h>
#include <string.h>

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

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	return run_sequences(folder, tally, e) && pressure_dtypes(folder, tally, e) && pressure_globals(folder, tally, e) &&
	       pressure_estimates(folder, tally, e);
}

const struct part part_pressure = { .name = "pressure", .folder = "pressure", .run = run };
