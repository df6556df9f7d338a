/* live_greeting.h - what a live server says that it is, and whether it can be worked with. Private to scenarios/subject. */
#ifndef RESIDENCY_SCENARIOS_LIVE_GREETING_H
#define RESIDENCY_SCENARIOS_LIVE_GREETING_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/device/topology/topology.h"
#include "core/manager/policy.h"
#include "core/workflow/engine.h"
#include "probes/live/live_client.h"

struct live_greeting {
	struct topology *topology; /* owned */
	const struct policy *policy; /* NULL: a version that is not known */
	enum cache_kind cache;
	char version[160]; /* "ComfyUI 0.3.64, ComfyUI-MultiGPU 2.4.7 01df082", then "+guard" */
	char probe[32]; /* its version */
	char session[64]; /* of the server's process */
	char lacks[160]; /* what verdicts need and the probe cannot see; "" for nothing */
	json_t *named; /* owned: what the guard keeps where no loader can say it; NULL where loaders say it */
	bool guarded; /* the probe's guard is on */
};

/* Asks the probe, and warns of what it cannot see. ERROR_ABSENT where no server answers, ERROR_UNSUPPORTED where there is no probe, one
 * that records in another schema, or one that sees too little. The caller ends it, also on failure. */
bool live_greet(struct live_greeting *greeting, struct live_client *client, const struct log_sink *log, struct error *e);

/* Before each cell: the session may be another by now. Refuses as the first did. */
bool live_greet_again(struct live_greeting *greeting, struct live_client *client, struct error *e);

void live_greeting_end(struct live_greeting *greeting);

#endif
