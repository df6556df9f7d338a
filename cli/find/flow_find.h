/* flow_find.h - from what the user wrote to flows: names, aliases or files of --flows. */
#ifndef RESIDENCY_CLI_FLOW_FIND_H
#define RESIDENCY_CLI_FLOW_FIND_H

#include <stddef.h>

#include "core/base/error.h"
#include "scenarios/flow/flows.h"

struct flow_choice {
	struct flow_set known; /* built in, then those of files */
	const struct flow **chosen; /* in the order they were asked for */
	size_t chosen_count, chosen_capacity;
};

#define FLOW_CHOICE_INIT                                                                                                       \
	{                                                                                                                      \
		.chosen = NULL                                                                                                 \
	}

/* Of a comma-separated list: the file of that name if there is one, else the built-in flow of that name or alias; "all" means
 * each that is built in; NULL those that run by default. The caller frees with flow_choice_free, also on failure. */
bool flow_choose(struct flow_choice *choice, const char *list, struct error *e);
void flow_choice_free(struct flow_choice *choice);

#endif
