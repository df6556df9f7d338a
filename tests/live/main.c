#include "tests/harness/harness.h"
#include "tests/live/suites.h"

HARNESS_MAIN(server_suite, translation_suite, records_suite, command_suite, real_suite, now_suite, screen_suite, watch_suite,
	     sweep_suite, sweep_evidence_suite, guard_suite)
