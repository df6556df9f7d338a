#include "tests/conformance/part.h"

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	(void)tally;
	return error_set(e, ERROR_UNSUPPORTED, "%s: this part is not there yet", folder);
}

const struct part part_retention = { .name = "retention", .folder = "retention", .run = run };
