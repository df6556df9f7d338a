/* explore_save.h - what was found, as a scenario: its file's text, and whether a judge says the same of that.
 * Private to scenarios/explore.
 */
#ifndef RESIDENCY_SCENARIOS_EXPLORE_SAVE_H
#define RESIDENCY_SCENARIOS_EXPLORE_SAVE_H

#include "probes/judge/judge.h"
#include "scenarios/explore/explore.h"

/* Fills name, text and confirmed: the text is read as a file is, replayed, judged, and the records go to the explorer's sink as
 * cell number `cell`. */
bool explore_save(const struct explore *explore, struct explored *explored, uint32_t cell, struct error *e);

/* Whether a judge's result says what the failure says. */
bool explore_is_said(const struct explore_failure *failure, const struct judge_result *judged);

#endif
