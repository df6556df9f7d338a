/* json.c - JSON is read, and text is built from what it says. */
#include "tests/torture/torture.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/strbuf.h"

TORTURE_PIECE(json_and_text, "json and text")
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
