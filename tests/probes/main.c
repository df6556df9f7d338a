#include "tests/probes/suites.h"

HARNESS_MAIN(judge_suite, judge_findings_suite, evidence_suite, diagnosis_suite, ledger_suite, log_suite)
