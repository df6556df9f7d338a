/* trace_check.h - the rules of the Trace Event Format, in its JSON object form: phases, the members that each needs and their types,
 * slices that nest in their lane, and times in order in each lane. */
#ifndef RESIDENCY_TESTS_CLI_TRACE_CHECK_H
#define RESIDENCY_TESTS_CLI_TRACE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

struct trace_counts {
	size_t names, slices, instants, counters;
};

/* false with the first rule that an event breaks. */
bool trace_check(const char *path, struct trace_counts *counts, struct error *e);

#endif
