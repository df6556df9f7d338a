/* log.c - a server's log of one cell is imported: requests, assignments, a traceback, prunes, memory.
 *
 * What fails may be an allocation in any line's parser; the import then ends with the error and frees the cell it was in. */
#include <string.h>

#include "probes/log/log_import.h"
#include "tests/torture/torture.h"

static const char text[] =
	"got prompt\nRequested to load Flux\n"
	"DisTorch2 Model Final Device/Layer Assignments\n"
	"cuda:0  20  46.99  73.3%\ncpu  5  17.03  26.6%\n"
	"{\"timestamp\": \"2026-11-23T07:05:46.921515Z\", \"message\": \"loaded completely\\nTraceback (most recent call "
	"last):\"}\n"
	"  File x\nKeyError: 'y'\n"
	"[MultiGPU Model Management] [PRUNE_DEBUG] Starting prune - current_loaded_models count: 1\n"
	"[MultiGPU Model Management] [PRUNE_DEBUG] Model 0: Flux, keep_loaded=True, hash=d78780cf\n"
	"Prompt executed in 3.00 seconds\n"
	"[MultiGPU Model Management] [PRUNE_DEBUG] Starting prune - current_loaded_models count: 0\n"
	"[MultiGPU Model Management] 2026-11-24T10:00:00.000Z patched_soft_empty_end  cpu|1.00 cuda:0|2.00\n";

static void forget(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	(void)context;
	(void)type;
	(void)record;
	(void)size_bytes;
}

TORTURE_PIECE(torture_log, "a log")
{
	const struct record_sink sink = { .put = forget };
	struct log_import *import = log_import_new(&sink, e);
	bool fine = import && log_import_begin(import, "torture.log", e) &&
		    log_import_feed(import, text, sizeof(text) - 1, e) && log_import_end(import, e);

	fine = fine && log_import_finish(import)->cell_count == 1;
	log_import_free(import);
	return fine;
}
