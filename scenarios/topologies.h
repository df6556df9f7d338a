/* topologies.h - the topologies built into the binary, one row a file of scenarios/topologies. */
#ifndef RESIDENCY_SCENARIOS_TOPOLOGIES_H
#define RESIDENCY_SCENARIOS_TOPOLOGIES_H

#include "core/base/embed.h"

extern const struct embedded_file scenario_topologies[];

#endif
