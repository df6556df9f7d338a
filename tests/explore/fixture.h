/* fixture.h - what the tests of the explorer share: an open explorer, and how long they may take. */
#ifndef RESIDENCY_TESTS_EXPLORE_FIXTURE_H
#define RESIDENCY_TESTS_EXPLORE_FIXTURE_H

#include <stdbool.h>

#include "scenarios/explore/explore.h"

/* An explorer of everything on the simulator, seed 1; explorer_close gives its subject back. */
struct explore explorer_open(void);
void explorer_close(const struct explore *explore);

/* Whether the long forms of tests are wanted ($RESIDENCY_LONG). */
bool is_long(void);

#endif
