#ifndef RESIDENCY_TESTS_EXPLORE_SUITES_H
#define RESIDENCY_TESTS_EXPLORE_SUITES_H

#include <check.h>
#include <stdbool.h>

#include "scenarios/explore/explore.h"

Suite *check_suite(void);
Suite *find_suite(void);
Suite *hold_suite(void);
Suite *output_suite(void);
Suite *shrink_suite(void);

/* An explorer of everything on the simulator, seed 1; explorer_close gives its subject back. */
struct explore explorer_open(void);
void explorer_close(const struct explore *explore);

/* Whether the long forms of tests are wanted ($RESIDENCY_LONG). */
bool is_long(void);

#endif
