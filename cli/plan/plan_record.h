/* plan_record.h - a plan's findings into a store, as a run of one cell. */
#ifndef RESIDENCY_CLI_PLAN_RECORD_H
#define RESIDENCY_CLI_PLAN_RECORD_H

#include "cli/command.h"
#include "probes/diagnosis/plan_findings.h"

/* The store's path is what --store said. Returns false when the store failed. */
bool plan_record(struct cli *cli, const char *store, const struct plan_outcome *outcome, struct error *e);

#endif
