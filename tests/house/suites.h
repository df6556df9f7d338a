/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_HOUSE_SUITES_H
#define RESIDENCY_TESTS_HOUSE_SUITES_H

#include <check.h>

Suite *includes_suite(void);

#endif
