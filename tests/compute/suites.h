/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_COMPUTE_SUITES_H
#define RESIDENCY_TESTS_COMPUTE_SUITES_H

#include <check.h>

Suite *placement_suite(void);
Suite *noise_suite(void);
Suite *values_suite(void);
Suite *weights_suite(void);

#endif
