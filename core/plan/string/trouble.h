/* trouble.h - how the steps of planning report: upstream's exception, the column, our message. */
#ifndef RESIDENCY_PLAN_TROUBLE_H
#define RESIDENCY_PLAN_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/plan/exception.h"
#include "core/plan/string/text.h"

struct trouble {
	const char *allocation; /* quoted in messages */
	/* The text that places point into and how much of its beginning is the allocation string's: steps work on the string
	 * itself, or on one made from it, where only fraction mode has columns to name. */
	const char *text;
	size_t text_length;
	struct plan_failure *failure; /* may be NULL */
	struct error *e;
};

/* Both return false. `at` is the place; NULL without one. */
__attribute__((format(printf, 4, 5))) bool trouble_at(const struct trouble *t, enum exception exception, const char *at,
						      const char *format, ...);
/* The message of an error that trouble_at set, without the string and the column before it. */
const char *trouble_message(const char *error_text, const char *allocation, size_t column);
bool trouble_no_memory(const struct trouble *t);

/* A piece of hostile text for a message: "%.*s" with its length cut. */
#define SHOWN(span) ((int)((span).length < 80 ? (span).length : 80)), (span).text

#endif
