/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_BENCH_SUITES_H
#define RESIDENCY_TESTS_BENCH_SUITES_H

#include <check.h>

Suite *spread_suite(void);
Suite *links_suite(void);
Suite *predict_suite(void);
Suite *formats_suite(void);

#endif
