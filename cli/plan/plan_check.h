/* plan_check.h - advice about an allocation string for people, and as JSON. */
#ifndef RESIDENCY_CLI_PLAN_CHECK_H
#define RESIDENCY_CLI_PLAN_CHECK_H

#include <jansson.h>
#include <stdio.h>

#include "core/plan/advise/advise.h"

/* Each piece under its place in the string, with a caret; at most 80 columns wide. */
void plan_check_show(const struct advise_request *request, const struct advice_list *list, const char *topology, FILE *out);

bool plan_check_json(const struct advise_request *request, const struct advice_list *list, const char *topology, FILE *out,
		     struct error *e);

#endif
