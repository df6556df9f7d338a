/* flows.h - the flows built into the binary (scenarios/flows). */
#ifndef RESIDENCY_SCENARIOS_FLOWS_H
#define RESIDENCY_SCENARIOS_FLOWS_H

#include "core/base/embed.h"
#include "scenarios/flow/flow.h"

extern const struct embedded_file scenario_flows[];

/* Names of those that run by default; NULL ends them. */
#define FLOWS_BY_DEFAULT 3
extern const char *const flows_by_default[FLOWS_BY_DEFAULT + 1];

/* Flows that are owned together. */
struct flow_set {
	struct flow **flows;
	size_t count, capacity;
};

/* Adds all that are built in, in the order of their files. The caller frees with flow_set_free, also on failure. */
bool flow_set_add_builtin(struct flow_set *set, struct error *e);

/* Takes the flow over, also on failure. */
bool flow_set_add(struct flow_set *set, struct flow *flow, struct error *e);
/* Adds what a file's text holds: one flow, or a list of them. */
bool flow_set_read(struct flow_set *set, const char *text, size_t length, const char *where, struct error *e);
void flow_set_free(struct flow_set *set);

/* Puts those that run by default in front, in their order, and returns the set's flows. All built-in ones are in it. */
const struct flow *const *flow_set_put_default_first(const struct flow_set *set);

/* By name or alias; NULL if not found. */
const struct flow *flow_set_find(const struct flow_set *set, const char *name_or_alias);

#endif
