/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_PATCH_SUITES_H
#define RESIDENCY_TESTS_PATCH_SUITES_H

#include <check.h>

Suite *patch_suite(void);
Suite *keys_suite(void);
Suite *kinds_suite(void);
Suite *product_suite(void);
Suite *renamed_suite(void);

#endif
