/* priced.h - what a pass of a model costs that no forward runs.
 *
 * Families whose forward is not built in, and models of which only the size is known, are simulated on a machine without bytes: their
 * blocks are used one by one in the order in which they run, wherever their weights lie, and each costs what core/plan/suggest/costs.h
 * says of it. Of a model that those tables do not know only the traffic of its weights is charged.
 */
#ifndef RESIDENCY_WORKFLOW_PRICED_H
#define RESIDENCY_WORKFLOW_PRICED_H

#include "core/compute/compute.h"
#include "core/compute/inference.h"

/* As struct inference wants it; the context is not used. */
bool priced_pass(void *context, struct compute *c, const struct price_request *request);

#endif
