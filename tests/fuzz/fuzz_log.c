/* Any bytes as a log: records that a judge takes, and a verdict; snapshots are numbered one after the other, and every text is UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "probes/log/log_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	if (!utf8_check(text, strlen(text), NULL))
		abort();
}

static void put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	uint32_t *snapshots = context;

	(void)size_bytes;
	if (type == RECORD_CELL)
		*snapshots = 0;
	if (type == RECORD_SNAPSHOT) {
		if (((const struct record_snapshot *)record)->snapshot != ++*snapshots)
			abort();
		check_text(((const struct record_snapshot *)record)->exception);
	}
	if (type == RECORD_MODEL)
		check_text(((const struct record_model *)record)->name);
	if (type == RECORD_ALLOCATION)
		check_text(((const struct record_allocation *)record)->own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t snapshots = 0;
	const struct record_sink sink = { .context = &snapshots, .put = put };
	struct error e = ERROR_INIT;
	struct log_import *import = log_import_new(&sink, &e);

	if (!import || !log_import_begin(import, "fuzz.log", &e) || !log_import_feed(import, (const char *)data, size, &e) ||
	    !log_import_end(import, &e))
		abort();
	if (log_import_finish(import)->cell_count == 0)
		abort();
	log_import_free(import);
	return 0;
}
