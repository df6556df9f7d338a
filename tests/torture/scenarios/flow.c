/* flow.c - a flow is parsed, written and parsed in a list. It has each kind of argument that an action takes. */
#include <stdlib.h>
#include <string.h>

#include "scenarios/flow/flow_file.h"
#include "scenarios/flow/flows.h"
#include "tests/torture/torture.h"

#define SCENARIO                                                                                                               \
	"{\"name\":\"t\",\"reports\":[\"CC#1\"],\"policy\":\"strict\",\"models\":[{\"name\":\"A\",\"kind\":\"unet\",\"keep\":" \
	"true}],"                                                                                                              \
	"\"actions\":[[\"prompt\",\"first\"],[\"promptm\",[{\"name\":\"B\",\"kind\":\"vae\"}],\"second\"],"                    \
	"[\"post\",{\"unload_models\":true}],[\"hold_inner\",1],[\"promptseed\",2],[\"settle\"]]}"

static const char scenario[] = SCENARIO;
static const char list[] = "[" SCENARIO "]";

static bool read_list(struct error *e)
{
	struct flow_set set = { .flows = NULL };
	bool fine = flow_set_read(&set, list, sizeof(list) - 1, "torture", e);

	flow_set_free(&set);
	return fine;
}

TORTURE_PIECE(torture_flow, "a flow")
{
	struct flow *flow = flow_parse(scenario, sizeof(scenario) - 1, "torture", e);
	char *text = flow ? flow_to_text(flow, e) : NULL;
	bool fine = text != NULL;

	free(text);
	flow_free(flow);
	return fine && read_list(e);
}
