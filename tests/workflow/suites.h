/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_WORKFLOW_SUITES_H
#define RESIDENCY_TESTS_WORKFLOW_SUITES_H

#include <check.h>

Suite *graph_suite(void);
Suite *library_suite(void);
Suite *layouts_suite(void);
Suite *advanced_suite(void);
Suite *long_run_suite(void);

#endif
