/* subject_find.h - from what the user wrote after --subject to a live subject. */
#ifndef RESIDENCY_CLI_SUBJECT_FIND_H
#define RESIDENCY_CLI_SUBJECT_FIND_H

#include <stdbool.h>

#include "cli/command.h"
#include "scenarios/subject/subject.h"

/* The URL of "comfyui=URL"; NULL where the text names another subject, or is NULL. */
const char *subject_live_url(const char *text);

/* Opens the server there and says on cli->err what it is. Its policy is one that is known, or this is ERROR_UNSUPPORTED. The caller
 * closes. */
struct subject *subject_live_open(const char *url, struct cli *cli, struct error *e);

#endif
