/* live_server.h - a ComfyUI server under test: started with the probe node and small models, stopped, and nothing left behind.
 *
 * All that it writes goes to a folder of its own under $TMPDIR, which is removed with it; the user's ComfyUI folder is only read.
 * Errors: ERROR_MISSING (no ComfyUI there), ERROR_ABSENT (it did not start, with the last thing it said), ERROR_UNSUPPORTED (it
 * cannot import a custom node), ERROR_IO, ERROR_INTERRUPTED. One thread.
 */
#ifndef RESIDENCY_SCENARIOS_LIVE_SERVER_H
#define RESIDENCY_SCENARIOS_LIVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/texts.h"

struct live_server_options {
	const char *comfyui; /* its folder, with main.py */
	const char *python; /* NULL: python3 */
	const struct texts *nodes; /* folders of custom nodes, used beside the ones in `comfyui` */
	const struct texts *arguments; /* more for main.py */
	unsigned start_seconds; /* how long it may take until it answers */
	const struct texts *keep; /* the guard is on, and these names are to stay; NULL: it is off */
};

struct live_server;

/* Puts the probe node into a folder, which is made; keep as above. What was there of an earlier one is replaced, its guard too. */
bool live_probe_write(const char *folder, const struct texts *keep, struct error *e);

/* Started and answering. The caller stops it. On error nothing is left. interrupted: polled while it starts. */
struct live_server *live_server_start(const struct live_server_options *options, const bool *interrupted, struct error *e);
const char *live_server_url(const struct live_server *server);
void live_server_stop(struct live_server *server);

#endif
