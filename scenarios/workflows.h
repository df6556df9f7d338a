/* workflows.h - the workflows built into the binary (scenarios/workflows, API format), by file name. */
#ifndef RESIDENCY_SCENARIOS_WORKFLOWS_H
#define RESIDENCY_SCENARIOS_WORKFLOWS_H

#include "core/base/embed.h"

extern const struct embedded_file scenario_workflows[];

#endif
