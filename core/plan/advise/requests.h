/* requests.h - plans by the line: JSON in, JSON out.
 *
 * A line is one object: a model (`kind` "model": a block list under an id), a request (`kind` one of mem, parse, place, clip, v1,
 * node; `version`; `input`), or a meta line, which is passed over. A request names its blocks by `input.model`, or by
 * `input.loadlist`: a table in the folder of load lists, without its ending. An answer is {"id","output"} with the fields that
 * upstream's own planner was recorded with, or {"id","error":{"type","message"}}: type is what upstream would raise, or
 * "InvalidRequest" for a line that is no request; message is ours. Lines are answered, never refused.
 */
#ifndef RESIDENCY_PLAN_REQUESTS_H
#define RESIDENCY_PLAN_REQUESTS_H

#include <jansson.h>

#include "core/plan/place/blocks.h"

/* Models and load lists that requests have named so far. The caller frees with plan_desk_free(). */
struct plan_desk;

/* loadlists: the folder, may be NULL. Copied. */
struct plan_desk *plan_desk_new(const char *loadlists, struct error *e);
void plan_desk_free(struct plan_desk *desk);

/* One line. *answer is the caller's, NULL where the line asks for none. Returns false only when out of memory. */
bool plan_desk_line(struct plan_desk *desk, const char *text, size_t length, json_t **answer, struct error *e);

/* The same for a parsed line. */
bool plan_desk_request(struct plan_desk *desk, const json_t *line, json_t **answer, struct error *e);

/* Blocks of a load list in the desk's folder, read once. Borrowed. NULL on failure. */
const struct block_list *plan_desk_loadlist(struct plan_desk *desk, const char *name, struct error *e);

#endif
