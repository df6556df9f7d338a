/* replay_print.h - a replay for people and for programs. */
#ifndef RESIDENCY_CLI_REPLAY_PRINT_H
#define RESIDENCY_CLI_REPLAY_PRINT_H

#include <jansson.h>

#include "cli/command.h"
#include "scenarios/replay/replay.h"

void replay_print_text(struct cli *cli, const struct replay *replay, const struct replay_result *result);

/* The caller owns it; NULL when out of memory. */
json_t *replay_to_json(const struct replay *replay, const struct replay_result *result);

#endif
