/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_MANAGER_SUITES_H
#define RESIDENCY_TESTS_MANAGER_SUITES_H

#include <check.h>

Suite *lora_suite(void);
Suite *quantised_suite(void);
Suite *rounding_suite(void);
Suite *pressure_suite(void);

#endif
