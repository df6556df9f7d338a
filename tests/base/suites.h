/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_BASE_SUITES_H
#define RESIDENCY_TESTS_BASE_SUITES_H

#include <check.h>

Suite *error_suite(void);
Suite *text_suite(void);
Suite *json_suite(void);
Suite *file_suite(void);
Suite *shell_suite(void);

#endif
