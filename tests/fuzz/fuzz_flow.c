/* Any bytes as a flow, or a list of them: refused with words, or one that is written and read again as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/flow/flow_file.h"
#include "scenarios/flow/flows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(const char *text, size_t length)
{
	struct flow_set set = { .flows = NULL };
	struct error e = ERROR_INIT;

	if (!flow_set_read(&set, text, length, "fuzz", &e) && !error_is_set(&e))
		abort();
	flow_set_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct flow *flow = flow_parse((const char *)data, size, "fuzz", &e);
	struct flow *again;
	char *text;
	char *twice;

	if (!flow) {
		if (!error_is_set(&e))
			abort();
		read_list((const char *)data, size);
		return 0;
	}
	text = flow_to_text(flow, &e);
	again = text ? flow_parse(text, strlen(text), "fuzz", &e) : NULL;
	twice = again ? flow_to_text(again, &e) : NULL;
	if (!twice || strcmp(text, twice) != 0)
		abort();
	free(twice);
	free(text);
	flow_free(again);
	flow_free(flow);
	return 0;
}
