/* plan_record.h - the traps of an allocation string into a store, as a run of one cell. */
#ifndef RESIDENCY_CLI_PLAN_RECORD_H
#define RESIDENCY_CLI_PLAN_RECORD_H

#include "cli/command.h"
#include "core/plan/advise/advise.h"

/* `store` is the path given with --store; the request has a topology. Returns false when the store failed, or for lack of memory. */
bool plan_record(struct cli *cli, const char *store, const struct advise_request *request, struct error *e);

#endif
