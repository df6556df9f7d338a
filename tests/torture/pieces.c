#include "tests/torture/torture.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/strbuf.h"

static bool json_and_text(struct error *e)
{
	static const char text[] =
		"{\"devices\":[{\"name\":\"cpu\",\"sizes\":[1,2,3,4]},{\"name\":\"cuda:0\"}],\"note\":\"x\"}";
	struct strbuf b = STRBUF_INIT;
	json_t *value = json_parse(text, sizeof(text) - 1, "torture", false, e);
	const char *note;
	char *copy;
	bool fine = false;

	if (!value)
		return false;
	if (!json_get_string(value, "note", "torture", &note, e))
		goto out;
	for (int i = 0; i < 50; i++)
		strbuf_printf(&b, "%s %d ", note, i);
	copy = strbuf_finish(&b, e);
	fine = copy != NULL;
	free(copy);
out:
	json_decref(value);
	return fine;
}

/* A row a piece. */
/* clang-format off */
const struct torture_piece torture_pieces[] = {
	{ "json and text", json_and_text },
	{ "devices", torture_devices },
	{ "a flow", torture_flow },
	{ "a log", torture_log },
	{ "a probe's answer, on a screen", torture_now },
	{ "loading under pressure", torture_manager },
	{ "a family, there and back", torture_families },
	{ "a weights file", torture_weights_file },
	{ "a scenario", torture_scenario },
	{ "triage", torture_triage },
	{ "a sweep", torture_sweep },
	{ "the matrix", torture_matrix },
	{ "the explorer", torture_explore },
	{ "loading with LoRAs", torture_patch },
	{ "LoRAs into files", torture_patch_file },
	{ "formats and conversion", torture_tensor },
	{ "plans", torture_plans },
	{ "advice", torture_advice },
	{ "suggestions", torture_suggestions },
	{ "a GGUF model", torture_gguf_model },
	{ "another layout", torture_other_layout },
	{ "made-up blocks", torture_made_up_blocks },
	{ NULL, NULL },
};
