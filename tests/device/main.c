#include "tests/device/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(topology_suite, builtin_topologies_suite, cache_suite, sim_suite, host_suite, commands_suite)
