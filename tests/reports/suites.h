/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_REPORTS_SUITES_H
#define RESIDENCY_TESTS_REPORTS_SUITES_H

#include <check.h>

Suite *redact_suite(void);
Suite *rerun_suite(void);
Suite *cards_suite(void);
Suite *changes_suite(void);
Suite *sweep_table_suite(void);

#endif
