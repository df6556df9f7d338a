/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_PROBES_SUITES_H
#define RESIDENCY_TESTS_PROBES_SUITES_H

#include "tests/harness/harness.h"

Suite *judge_suite(void);
Suite *judge_findings_suite(void);
Suite *evidence_suite(void);
Suite *diagnosis_suite(void);
Suite *ledger_suite(void);
Suite *log_suite(void);

#endif
