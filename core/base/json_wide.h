/* json_wide.h - integers that jansson's 64-bit signed integer cannot hold. Private to core/base: others use json.h.
 *
 * No function here keeps state, so any thread may call them.
 */
#ifndef RESIDENCY_BASE_JSON_WIDE_H
#define RESIDENCY_BASE_JSON_WIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* Whether the text has an integer outside INT64_MIN to INT64_MAX. */
bool json_wide_occurs(const char *text, size_t length);

/* A copy of the same length in which each such integer is 0 and spaces: every fault in it has the line and column that it has in
 * the text. The caller frees; NULL with e set without memory. */
char *json_wide_blank(const char *text, size_t length, struct error *e);

/* A copy in which each such integer is what json.h says that it becomes. The caller frees; NULL with e set without memory. */
char *json_wide_encode(const char *text, size_t length, size_t *encoded_length, struct error *e);

/* Turns the output of json_dumps back into JSON with plain integers, in place. */
void json_wide_decode(char *text);

#endif
