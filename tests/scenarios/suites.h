#ifndef RESIDENCY_TESTS_SCENARIOS_SUITES_H
#define RESIDENCY_TESTS_SCENARIOS_SUITES_H

#include <check.h>

Suite *befall_suite(void);
Suite *bisect_suite(void);
Suite *caches_suite(void);
Suite *cells_suite(void);
Suite *flow_file_suite(void);
Suite *losses_suite(void);
Suite *strict_suite(void);

#endif
