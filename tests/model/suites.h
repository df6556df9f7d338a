/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_MODEL_SUITES_H
#define RESIDENCY_TESTS_MODEL_SUITES_H

#include <check.h>

Suite *settings_suite(void);
Suite *synthesis_suite(void);
Suite *architecture_suite(void);
Suite *detect_suite(void);
Suite *estimate_suite(void);

#endif
