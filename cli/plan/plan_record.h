/* plan_record.h - a plan's findings into a store, as a run of one cell. */
#ifndef RESIDENCY_CLI_PLAN_RECORD_H
#define RESIDENCY_CLI_PLAN_RECORD_H

#include "cli/command.h"
#include "core/device/topology/topology.h"
#include "core/plan/plan.h"

/* plan is NULL where it was refused; why, at a column, then says so (0: unknown). The store's path is what --store said. Returns false
 * when the store failed. */
bool plan_record(struct cli *cli, const char *store, const struct topology *topology, const struct plan_request *request,
		 const struct plan *plan, const char *why, size_t column, struct error *e);

#endif
